"""Classification data: a folder of images for each class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.files import ALIASES, SPLITS, FileDataset, images_below, looked_at, without_leaks

EXPECTED = "a folder of images for each class, root/CLASS/* or root/{train,val,test}/CLASS/*"


class _Picture(NamedTuple):
    """One image that decodes, with its class."""

    key: str
    path: str
    label: str
    digest: str


@dataset("image_folder")
class ImageFolder(FileDataset):
    """Images sorted into one sub-folder a class: `root/CLASS/*` or `root/{train,val,test}/CLASS/*`.

    Splits that have no folder are made of seeded parts. Images that do not decode, a class that train
    never has, and train images that val or test hold too are left out and reported by file name.
    """

    task = "classification"

    def index(self, look: Look) -> Index:
        """List the splits."""
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        found = {
            split: _pictures(root, folder, look, dropped) for split, folder in _split_folders(root).items()
        }
        complete = self.completed(found, key=lambda picture: picture.key)
        apart, leaks = without_leaks(complete, lambda picture: picture.digest, lambda picture: picture.key)
        dropped += leaks
        everywhere = {picture.label for pictures in apart.values() for picture in pictures}
        classes = self.chosen_classes(sorted({picture.label for picture in apart["train"]}), everywhere)
        splits = {split: self._samples(split, apart[split], classes, dropped) for split in SPLITS}
        if self.classes is None and len(classes) < 2 and splits["train"]:
            raise DataError(
                f"data.root: '{self.root}' has only the class '{classes[0]}'; expected {EXPECTED}."
            )
        return Index(classes=classes, splits=splits, dropped=tuple(dropped))

    def _samples(
        self, split: str, pictures: list[_Picture], classes: tuple[str, ...], dropped: list[Dropped]
    ) -> tuple[Sample, ...]:
        for picture in pictures:
            if picture.label not in classes:
                why = "not in data.classes" if self.classes is not None else "which train never has"
                dropped.append(Dropped(picture.key, f"class '{picture.label}' in {split}, {why}: dropped"))
        samples = tuple(_sample(picture, classes) for picture in pictures if picture.label in classes)
        if not samples:
            first = f"; the first of {len(dropped)} dropped: {': '.join(dropped[0])}" if dropped else ""
            raise DataError(
                f"data.root: the {split} split of '{self.root}' ends without a usable image; "
                f"expected {EXPECTED}{first}."
            )
        return samples


def _sample(picture: _Picture, classes: tuple[str, ...]) -> Sample:
    label = classes.index(picture.label)
    content = digest.of_bytes(f'["{picture.digest}",{label}]'.encode())  # of_json of both, but for very many
    return Sample(key=picture.key, digest=content, path=picture.path, labels=(label,))


def _split_folders(root: Path) -> Mapping[str, Path]:
    """Give the folder of every split; the root itself where there is no train folder."""
    found = {
        split: folder
        for split, names in ALIASES.items()
        if (folder := next((root / name for name in names if (root / name).is_dir()), None)) is not None
    }
    return found if "train" in found else {"train": root}


def _pictures(root: Path, folder: Path, look: Look, dropped: list[Dropped]) -> list[_Picture]:
    """Look at every image of a split, class by class in alphabetical order."""
    names, labels = [], []
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            found = images_below(str(child))
            names += [f"{child.name}/{name}" for name in found]
            labels += [child.name] * len(found)
    base, prefix = str(folder), folder.relative_to(root).as_posix()
    keys = names if prefix == "." else [f"{prefix}/{name}" for name in names]
    paths = [f"{base}/{name}" for name in names]
    pictures = []
    for key, path, label, facts in zip(keys, paths, labels, looked_at(paths, look), strict=True):
        if facts.problem:
            dropped.append(Dropped(key, facts.problem))
        else:
            pictures.append(_Picture(key, path, label, facts.digest))
    return pictures
