"""Pictures without labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts import exports
from tflbuild.data.layouts.files import DOCUMENTS, below, entries_in, looked_at, split_folders
from tflbuild.data.layouts.shares import DrawnDataset

EXPECTED = "a folder of pictures, flat or nested, or root/{train,val,test}/ with pictures"


class _Picture(NamedTuple):
    """One picture that decodes."""

    key: str
    path: str
    digest: str


@dataset("images")
class Images(DrawnDataset):
    """Pictures without labels, in a folder and its sub-folders, or in `root/{train,val,test}/`.

    Nobody says what is right on them: a model is held to its own base. Splits may be called train or training, val,
    valid or validation, test or testing, in any case; those that have no folder are parts of train, drawn by content.
    Pictures that do not decode, files that are no pictures, and train pictures that val or test hold too are left out
    and reported by file name.

    Attributes:
        train: pictures to train and calibrate on, drawn by content; null for all that val and test leave.
        val: pictures that gates measure; null for all of that split, or a quarter where there is none.
        test: pictures of the final numbers; likewise.
        seed: of the draws.
    """

    task = "unlabelled"

    def index(self, look: Look) -> Index:
        """List the splits.

        Raises:
            DataError: the folder is of another form, or there are too few pictures.
        """
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        beside: list[Dropped] = []
        given = {
            split: self._pictures(root, folder, look, dropped)
            for split, folder in self._split_folders(root, beside).items()
        }
        if not any(given.values()) and not any(map(_is_picture, dropped)):
            other = exports.looks_like(root, "images")
            raise DataError(f"data.root: '{self.root}' has no picture; expected {EXPECTED}.{other}")
        splits = self.drawn(
            given, lambda picture: picture.digest, lambda picture: picture.key, "picture", dropped
        )
        samples = {split: tuple(_sample(picture) for picture in found) for split, found in splits.items()}
        return Index(classes=(), splits=samples, dropped=(*beside, *dropped))

    def _split_folders(self, root: Path, beside: list[Dropped]) -> Mapping[str, Path]:
        """Give the folder of every split; the root itself where there are none. What lies beside them is noted.

        Raises:
            DataError: folders of splits lie beside others with pictures, or without one for train.
        """
        found = {split: path for split, path in split_folders(root).items() if below(str(path)).images}
        if not found:
            return {"train": root}
        split, path = next(iter(found.items()))
        named = f"data.root: '{plain(path.name)}' in '{self.root}' is named like the {split} split, but"
        if "train" not in found:
            raise DataError(
                f"{named} there is no train folder; rename one of them to train, or give only one of them."
            )
        taken = {path.name for path in found.values()}
        for entry in entries_in(root):
            if entry.is_dir() and entry.name[0] != "." and entry.name not in taken:
                if below(entry.path).images:
                    others = f"next to it are pictures in '{plain(entry.name)}'"
                    raise DataError(f"{named} {others}; expected {EXPECTED}.")
                beside.append(Dropped(entry.name, "a folder beside the splits, without an image"))
            elif not entry.is_dir() and not DOCUMENTS.match(entry.name):
                beside.append(Dropped(entry.name, _why_beside(entry.name)))
        return found

    def _pictures(self, root: Path, folder: Path, look: Look, dropped: list[Dropped]) -> list[_Picture]:
        """Look at every picture below a folder."""
        prefix = "" if folder == root else f"{folder.name}/"
        self._refuse_pairs(folder, f"{self.root}/{prefix}".rstrip("/"))
        found = below(str(folder))
        dropped += [Dropped(prefix + name, reason) for name, reason in found.left_out]
        dropped += [
            Dropped(prefix + name, "not named like an image")
            for name in found.others
            if not DOCUMENTS.match(name)
        ]
        facts = looked_at([f"{folder}/{name}" for name in found.images], look)
        pictures = []
        for name, known in zip(found.images, facts, strict=True):
            if known.problem:
                dropped.append(Dropped(prefix + name, known.problem))
            else:
                pictures.append(_Picture(prefix + name, f"{folder}/{name}", known.digest))
        return pictures

    def _refuse_pairs(self, folder: Path, shown: str) -> None:
        """Refuse pictures beside others that say what is on them, such as masks."""
        names = tuple(entry.name for entry in entries_in(folder) if entry.is_dir() and entry.name[0] != ".")
        pair = exports.paired(names)
        if pair and below(str(folder / pair[1])).images:
            raise DataError(
                f"data.root: the pictures in '{plain(pair[1])}' of '{plain(shown)}' look like annotations "
                f"of those in '{plain(pair[0])}'; give only '{plain(pair[0])}'."
            )


def _sample(picture: _Picture) -> Sample:
    return Sample(key=picture.key, digest=picture.digest, path=picture.path)


def _is_picture(dropped: Dropped) -> bool:
    return is_image_name(dropped.file)


def _why_beside(name: str) -> str:
    if name[0] == ".":
        return "hidden"
    return "an image beside the folders of splits" if is_image_name(name) else "not named like an image"
