"""Classification data: a folder of images for each class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflbuild.core.dataset import Dropped, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError, did_you_mean
from tflbuild.core.image_files import fault_of_name, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts import exports
from tflbuild.data.layouts.class_folders import folders_inside, hidden_splits
from tflbuild.data.layouts.files import (
    DOCUMENTS,
    FileDataset,
    below,
    entries_in,
    looked_at,
    split_folders,
    without_leaks,
)
from tflbuild.data.layouts.labelled import Picture, of_one_class, sample_of

EXPECTED = "a folder of images for each class, root/CLASS/* or root/{train,val,test}/CLASS/*"


@dataset("image_folder")
class ImageFolder(FileDataset):
    """Images sorted into one sub-folder a class: `root/CLASS/*` or `root/{train,val,test}/CLASS/*`.

    Splits may be called train or training, val, valid or validation, test or testing, in any case; those that have
    no folder are made of seeded parts. Images that do not decode, files that are no images, and train images that
    val or test hold too are left out and reported by file name. A class that one of the given splits lacks is an
    error, unless `classes` chooses.
    """

    task = "classification"

    def index(self, look: Look) -> Index:
        """List the splits.

        Raises:
            DataError: the folder is of another form, or a class has no image in a split.
        """
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        given = self._split_folders(root, dropped)
        found = {split: self._pictures(root, folder, look, dropped) for split, folder in given.items()}
        complete = self.completed(found, key=lambda picture: picture.key)
        apart, leaks = without_leaks(complete, lambda picture: picture.digest, lambda picture: picture.key)
        dropped += leaks
        for split in SPLITS:
            apart[split] = of_one_class(apart[split], dropped)
        everywhere = {picture.label for pictures in apart.values() for picture in pictures}
        classes = self.chosen_classes(sorted({picture.label for picture in apart["train"]}), everywhere)
        self._refuse_vanished(root, given, apart, classes, dropped)
        splits = {split: self._samples(split, apart[split], classes, dropped) for split in SPLITS}
        if self.classes is None and len(classes) < 2:
            raise DataError(
                f"data.root: '{self.root}' has only the class '{plain(classes[0])}'; expected {EXPECTED}."
                f"{exports.looks_like(root, 'image_folder')}"
            )
        return Index(classes=classes, splits=splits, dropped=tuple(dropped))

    def _split_folders(self, root: Path, dropped: list[Dropped]) -> Mapping[str, Path]:
        """Give the folder of every split; the root itself where there are none.

        Raises:
            DataError: folders of splits and of classes lie side by side.
        """
        chosen = set(self.classes or ())
        self._refuse_marked(root, root)
        found = {split: path for split, path in split_folders(root).items() if path.name not in chosen}
        if not found:
            return {"train": root}
        words = {path.name for path in found.values()}
        others = [name for name in _class_names(root) if name not in words]
        holding = [name for name in others if below(str(root / name)).images]
        if holding or "train" not in found:
            split, path = next(iter(found.items()))
            names = ", ".join(plain(name) for name in holding[:5])
            beside = (
                f"next to it {'is' if len(holding) == 1 else 'are'} {names}"
                if holding
                else "there is no train folder"
            )
            raise DataError(
                f"data.root: '{plain(path.name)}' in '{self.root}' is named like the {split} split, but {beside}; "
                f"expected {EXPECTED}. If these are classes, name all of them in data.classes."
            )
        dropped += [Dropped(name, "a folder beside the splits, without an image") for name in others]
        _note_loose(root, root, dropped)
        return found

    def _refuse_marked(self, root: Path, folder: Path) -> None:
        """Refuse a folder of another form, which would be read as classes."""
        name = folder.relative_to(root).as_posix()
        form = exports.marked(folder, "" if name == "." else name)
        if form and self.classes is None:
            raise DataError(f"data.root: '{self.root}' is not a folder of classes: it looks like {form}.")

    def _pictures(self, root: Path, folder: Path, look: Look, dropped: list[Dropped]) -> list[Picture]:
        """Look at every image of a split, class by class in alphabetical order."""
        if folder != root:
            self._refuse_marked(root, folder)
        prefix = "" if folder == root else f"{folder.name}/"
        labels = self._labels(root, folder, dropped)
        names, of = [], []
        for label in labels:
            found = below(str(folder / label))
            self._refuse_nested(f"{prefix}{label}", found.images)
            dropped += [Dropped(f"{prefix}{label}/{name}", reason) for name, reason in found.left_out]
            dropped += [
                Dropped(f"{prefix}{label}/{name}", "not named like an image") for name in found.others
            ]
            names += [f"{label}/{name}" for name in found.images]
            of += [label] * len(found.images)
        _note_loose(root, folder, dropped)
        base = str(folder)
        facts = looked_at([f"{base}/{name}" for name in names], look)
        pictures = []
        for name, label, known in zip(names, of, facts, strict=True):
            if known.problem:
                dropped.append(Dropped(prefix + name, known.problem))
            else:
                pictures.append(Picture(prefix + name, f"{base}/{name}", label, known.digest))
        return pictures

    def _labels(self, root: Path, folder: Path, dropped: list[Dropped]) -> list[str]:
        """Name the class folders of a split.

        Raises:
            DataError: a name cannot be a class, or the names are those of splits.
        """
        names = _class_names(folder)
        for entry in entries_in(folder):
            if entry.is_symlink() and entry.is_dir() and _leads_back(entry.path, root):
                dropped.append(Dropped(_relative(root, entry.path), "a link to a folder of this data set"))
                names = [name for name in names if name != entry.name]
        if self.classes is None:
            _refuse_hidden_splits(names, self.root)
        for name in names:
            if fault := fault_of_name(name):
                raise DataError(f"data.root: the class folder '{plain(name)}' cannot be used: {fault}.")
        return names

    def _refuse_nested(self, folder: str, images: Sequence[str]) -> None:
        """Refuse a class folder whose images all lie in several sub-folders: those may be the classes, or splits."""
        inside = folders_inside(images)
        if not inside:
            return
        shown = ", ".join(plain(name) for name in inside[:5])
        raise DataError(
            f"data.root: the class folder '{plain(folder)}' in '{self.root}' has its images in subfolders "
            f"({shown}), which may be classes or splits; expected {EXPECTED}."
        )

    def _refuse_vanished(
        self,
        root: Path,
        given: Mapping[str, Path],
        apart: Mapping[str, list[Picture]],
        classes: tuple[str, ...],
        dropped: list[Dropped],
    ) -> None:
        """Refuse a class that has no usable image in a split; in a seeded part it is only said."""
        there = {split: Counter(picture.label for picture in apart[split]) for split in SPLITS}
        wanted = self.classes or self._folders_of_classes(root, given)
        for split in (split for split in SPLITS if apart[split] and apart["train"]):
            for label in (label for label in wanted if not there[split][label]):
                if split in given:
                    raise DataError(self._vanished(label, split, classes, dropped))
                reason = f"class without an image in {split}, which is a seeded part of the others"
                dropped.append(Dropped(label, reason))

    def _folders_of_classes(self, root: Path, given: Mapping[str, Path]) -> list[str]:
        return sorted({name for folder in given.values() for name in self._labels(root, folder, [])})

    def _vanished(self, label: str, split: str, classes: tuple[str, ...], dropped: Sequence[Dropped]) -> str:
        why = next((one for one in dropped if f"{label}/" in one.file), None)
        first = f"; left out: {plain(why.file)}: {plain(why.reason)}" if why else ""
        choice = ", ".join(plain(name) for name in classes if name != label)
        others = [name for name in classes if name != label]
        same = [name for name in others if name.casefold() == label.casefold()]
        near = did_you_mean(same[0] if same else label, others)
        return (
            f"data.root: class '{plain(label)}' of '{self.root}' has no usable image in {split}{first}. "
            f"Add some, or exclude it with data.classes=[{choice}].{near}"
        )

    def _samples(
        self, split: str, pictures: list[Picture], classes: tuple[str, ...], dropped: list[Dropped]
    ) -> tuple[Sample, ...]:
        for picture in pictures:
            if picture.label not in classes:
                dropped.append(
                    Dropped(picture.key, f"class '{picture.label}' in {split}, not in data.classes: dropped")
                )
        samples = tuple(sample_of(picture, classes) for picture in pictures if picture.label in classes)
        if not samples:
            first = f"; the first of {len(dropped)} dropped: {': '.join(dropped[0])}" if dropped else ""
            raise DataError(
                f"data.root: the {split} split of '{self.root}' has no usable image; "
                f"expected {EXPECTED}{plain(first)}.{exports.looks_like(self._root(), 'image_folder')}"
            )
        return samples


def _class_names(folder: Path) -> list[str]:
    return [entry.name for entry in entries_in(folder) if entry.name[0] != "." and entry.is_dir()]


def _note_loose(root: Path, folder: Path, dropped: list[Dropped]) -> None:
    """Name what lies beside the folders of classes or splits."""
    for entry in entries_in(folder):
        if entry.is_dir() and entry.name[0] != ".":
            continue
        if entry.name[0] == ".":
            reason = "hidden"
        elif entry.is_symlink() and not os.path.exists(entry.path):
            reason = "a link that leads nowhere"
        elif is_image_name(entry.name):
            reason = "an image outside the folders of classes"
        elif DOCUMENTS.match(entry.name):
            continue
        else:
            reason = "not named like an image"
        dropped.append(Dropped(_relative(root, entry.path), reason))


def _relative(root: Path, path: str) -> str:
    return os.path.relpath(path, root)


def _leads_back(link: str, root: Path) -> bool:
    """Tell whether a link leads into the data set, or to a folder around it."""
    target, own = os.path.realpath(link), os.path.realpath(root)
    return target == own or target.startswith(own + os.sep) or own.startswith(target.rstrip(os.sep) + os.sep)


def _refuse_hidden_splits(names: Sequence[str], root: str) -> None:
    """Refuse folders that are splits by another name, such as `seg_train` and `seg_test`."""
    meant = hidden_splits(names)
    if meant:
        shown = " and ".join(f"'{plain(name)}'" for name in meant.values())
        raise DataError(
            f"data.root: the folders {shown} in '{root}' are named like splits, not classes; call them train, val and "
            f"test. If these are classes, name all of them in data.classes."
        )
