"""The base of data sets of image files: the root folder, seeded splits, a look at every image."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

from annotated_types import Ge, Gt, Lt

from tflbuild.core import image_files
from tflbuild.core.dataset import Dataset, Dropped, Example, FileFacts, Look, Sample
from tflbuild.core.errors import DataError, did_you_mean
from tflbuild.core.image_files import Below, fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts.class_names import refuse_alike

DOCUMENTS = re.compile(r"^(readme|license|licence|copying|citation)", re.IGNORECASE)
"""Names of files that lie beside data and go without a word."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RootedDataset(Dataset):
    """Base of data sets that lie at one place."""

    root: str = ""
    """The folder or file that holds the data; relative to where the command runs."""

    def place(self, expected: str) -> Path:
        """Give what `root` names, a folder or a file.

        Args:
            expected: what it should be, for the error message.

        Raises:
            DataError: it is not given, or missing.
        """
        if not self.root.strip():
            raise DataError(f"data.root: not given; expected {expected}, e.g. data.root=path/to/data")
        if fault := fault_of_name(self.root):
            raise DataError(f"data.root: '{plain(self.root)}' cannot be used: {fault}.")
        root = self._root()
        if not os.path.lexists(root):
            near = did_you_mean(root.name, _names_beside(root))
            raise DataError(f"data.root: '{self.root}' does not exist; expected {expected}.{near}")
        return root

    def folder(self, expected: str) -> Path:
        """Give the root folder.

        Args:
            expected: what it should hold, for the error message.

        Raises:
            DataError: it is not given, missing or empty.
        """
        root = self.place(expected)
        if not os.path.isdir(root):
            raise DataError(f"data.root: '{self.root}' is not a folder; expected {expected}.")
        try:
            empty = not any(root.iterdir())
        except OSError as error:
            raise DataError(f"data.root: '{self.root}' cannot be read: {error.strerror}.") from error
        if empty:
            raise DataError(f"data.root: '{self.root}' is empty; expected {expected}.")
        return root

    def decided_by(self) -> Path | None:
        """Name the root folder, if it is there."""
        root = self._root()
        return root if self.root.strip() and os.path.isdir(root) else None

    def _root(self) -> Path:
        return Path(os.path.abspath(Path(self.root).expanduser()))

    def read(self, sample: Sample) -> Example:
        """Read one image file with its annotation."""
        import numpy as np

        from tflbuild.modalities.image import files as image
        from tflbuild.tasks.labels import said_of

        if sample.path is None:
            raise DataError(f"data.root: {sample.key} has no file.")
        boxes = np.array(sample.boxes, np.float32).reshape(-1, 4)
        try:
            pixels = image.read(sample.path, self.max_pixels)
        except OSError as error:
            raise DataError(
                f"data.root: {sample.key} was readable when the build started, but is not now: {error}"
            ) from error
        return Example(pixels, boxes, said_of(sample))


@dataclass(frozen=True, kw_only=True)
class FileDataset(RootedDataset):
    """Base of data sets that are folders of annotated image files.

    A set without a test split gives a seeded part of its images to it, one without a val split a seeded
    part of train; which images those are follows from `seed` and their names alone.
    """

    classes: tuple[str, ...] | None = None
    """Classes that are taken, in this order; objects of others are left out. null: the classes of the train
    split, sorted or as a class list says."""
    val_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Part of train that becomes val, where there is no val split. Larger makes budgets more certain and
    leaves less to train on. [fraction of train]"""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Part of all images that becomes test, where there is no test split. Larger gives more certain final
    numbers. [fraction of all images]"""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the draws that make splits; independent of the recipe's `seed`. [no unit]"""

    def chosen_classes(self, found: Sequence[str], everywhere: Iterable[str]) -> tuple[str, ...]:
        """Give the classes in order: as the recipe says, else as `found` in the train split.

        Raises:
            DataError: the recipe names one that no split holds, or one twice; or two that were found are spelled alike.
        """
        if self.classes is None:
            refuse_alike(found, self.root)
            return tuple(found)
        known = sorted(everywhere)
        for name in self.classes:
            if name not in known:
                there = ", ".join(map(plain, known)) or "none"
                raise DataError(
                    f"data.classes: '{plain(name)}' is not a class of '{self.root}'; there are {there}."
                    f"{did_you_mean(name, known)}"
                )
            if name not in found:
                raise DataError(f"data.classes: '{plain(name)}' is in val or test, but not in train.")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise DataError(f"data.classes: {list(self.classes)}: name at least one class, and none twice.")
        return self.classes

    def completed(self, splits: Mapping[str, list[T]], key: Callable[[T], str]) -> dict[str, list[T]]:
        """Give every split, missing ones as seeded parts of train."""
        given = dict(splits)
        for split, fraction in (("test", self.test_fraction), ("val", self.val_fraction)):
            if split not in given:
                given["train"], given[split] = parted(given["train"], key, fraction, f"{split} {self.seed}")
        return {split: given[split] for split in SPLITS}


def _names_beside(path: Path) -> list[str]:
    try:
        return [other.name for other in path.parent.iterdir() if other.is_dir()]
    except OSError:
        return []


def parted(items: list[T], key: Callable[[T], str], fraction: float, salt: str) -> tuple[list[T], list[T]]:
    """Part a list in two: whether one goes over depends on the hash of its name, not on the order."""
    names = [key(item) for item in items]
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{salt} {name}".encode()).digest())
    count = min(max(1, round(len(items) * fraction)), len(items) - 1) if len(items) > 1 else 0
    over = set(ranked[:count])
    named = list(zip(items, names, strict=True))
    return [i for i, name in named if name not in over], [i for i, name in named if name in over]


def looked_at(paths: Sequence[Path | str], look: Look) -> list[FileFacts]:
    """Look at many files: at once where `look` can, as the engine's does."""
    many: Callable[[Sequence[Path | str]], list[FileFacts]] | None = getattr(look, "many", None)
    return many(paths) if many else [look(Path(path)) for path in paths]


class Listed(Protocol):
    """An image as a data set lists it, with its facts where who listed it knows them."""

    @property
    def path(self) -> str:
        """Give the file that it is, or lies in."""

    @property
    def facts(self) -> FileFacts | None:
        """Give its facts; None for a file that nobody has looked at."""


def facts_of(images: Sequence[Listed], look: Look) -> list[FileFacts]:
    """Give the facts of images, looking at those that nobody has looked at yet."""
    seen = iter(looked_at([image.path for image in images if image.facts is None], look))
    return [next(seen) if image.facts is None else image.facts for image in images]


def files_in(folder: Path) -> set[str]:
    """Name the files in a folder, not in its sub-folders.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path | str, error: OSError) -> DataError:
    return DataError(f"data.root: {plain(error.filename or folder)} cannot be read: {error.strerror}.")


def below(folder: str) -> Below:
    """List what lies below a folder.

    Raises:
        DataError: a folder in there cannot be read.
    """
    try:
        return image_files.below(folder)
    except OSError as error:
        raise _unreadable(folder, error) from error


def entries_in(folder: Path) -> list[os.DirEntry[str]]:
    """Give what lies directly in a folder, in the order of names.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return list(image_files.entries_of(folder))
    except OSError as error:
        raise _unreadable(folder, error) from error


def split_folders(root: Path) -> dict[str, Path]:
    """Give the folders that are named like splits, in any case and by any of the usual words.

    Raises:
        DataError: two of them mean the same split.
    """
    found: dict[str, Path] = {}
    for entry in entries_in(root):
        split = SPLIT_OF.get(entry.name.lower())
        if split is None or not entry.is_dir():
            continue
        if split in found:
            raise DataError(
                f"data.root: '{found[split].name}' and '{entry.name}' in '{plain(root)}' both mean the {split} split; "
                f"put their images into one folder."
            )
        found[split] = Path(entry.path)
    return found


def without_leaks(
    splits: Mapping[str, list[T]], content: Callable[[T], str], name: Callable[[T], str], noun: str = "image"
) -> tuple[dict[str, list[T]], list[Dropped]]:
    """Leave out of train (and val) what val or test measure on, by content; `noun` names one for messages.

    Returns:
        The splits, and what was left out.
    """
    kept: dict[str, list[T]] = {}
    dropped: list[Dropped] = []
    measured: dict[str, tuple[T, str]] = {}
    for split in ("test", "val", "train"):
        kept[split] = []
        for item in splits[split]:
            twin = measured.get(content(item))
            if twin is None:
                kept[split].append(item)
            else:
                where = f"{name(twin[0])} in {twin[1]}"
                dropped.append(Dropped(name(item), f"left out of {split}: the same {noun} as {where}"))
        if split != "train":
            measured |= {content(item): (item, split) for item in kept[split]}
    return {split: kept[split] for split in SPLITS}, dropped
