"""What data sets of image files share: the root folder, seeded splits, a look at every image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from annotated_types import Ge, Gt, Lt

from tflbuild.core.dataset import Dataset, Dropped, Example, FileFacts, Sample
from tflbuild.core.errors import DataError, did_you_mean

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")

SPLITS = ("train", "val", "test")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""What people call the splits."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class FileDataset(Dataset):
    """Base of data sets that are folders of image files.

    A set without a test split gives a seeded part of its images to it, one without a val split a seeded
    part of train; which images those are follows from `seed` and their names alone.

    Attributes:
        root: the folder; relative to where the command runs.
        classes: order or choice of classes; by default what the train split holds.
        val_fraction: of train, where there is no val split.
        test_fraction: of all, where there is no test split.
        seed: of those parts.
    """

    root: str = ""
    classes: tuple[str, ...] | None = None
    val_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    seed: Annotated[int, Ge(0)] = 0

    def folder(self, expected: str) -> Path:
        """Give the root folder.

        Args:
            expected: what it should hold, for the error message.

        Raises:
            DataError: it is not given, missing or empty.
        """
        if not self.root.strip():
            raise DataError(f"data.root: not given; expected {expected}, e.g. data.root=path/to/data")
        root = Path(os.path.abspath(Path(self.root).expanduser()))
        if not root.exists():
            near = did_you_mean(root.name, _names_beside(root))
            raise DataError(f"data.root: '{self.root}' does not exist; expected {expected}.{near}")
        if not root.is_dir():
            raise DataError(f"data.root: '{self.root}' is not a folder; expected {expected}.")
        if not any(root.iterdir()):
            raise DataError(f"data.root: '{self.root}' is empty; expected {expected}.")
        return root

    def read(self, sample: Sample) -> Example:
        """Read one image file with its annotation."""
        import numpy as np

        from tflbuild.vision import image

        if sample.path is None:
            raise DataError(f"data.root: {sample.key} has no file.")
        boxes = np.array(sample.boxes, np.float32).reshape(-1, 4)
        try:
            pixels = image.read(sample.path)
        except OSError as error:
            raise DataError(f"data.root: {sample.key} was readable when the build began: {error}") from error
        return Example(pixels, boxes, np.array(sample.labels, np.int32))

    def chosen_classes(self, found: Sequence[str], everywhere: Iterable[str]) -> tuple[str, ...]:
        """Give the classes in order: as the recipe says, else as `found` in the train split.

        Raises:
            DataError: the recipe names one that no split holds, or one twice.
        """
        if self.classes is None:
            return tuple(found)
        known = sorted(everywhere)
        for name in self.classes:
            if name not in known:
                raise DataError(
                    f"data.classes: '{name}' is no class of '{self.root}'; there are {', '.join(known)}."
                    f"{did_you_mean(name, known)}"
                )
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise DataError(f"data.classes: {list(self.classes)}: name at least one class, and none twice.")
        return self.classes

    def completed(self, splits: Mapping[str, list[T]], key: Callable[[T], str]) -> dict[str, list[T]]:
        """Give every split, missing ones as seeded parts of train."""
        given = dict(splits)
        for split, fraction in (("test", self.test_fraction), ("val", self.val_fraction)):
            if split not in given:
                given["train"], given[split] = _parted(given["train"], key, fraction, f"{split} {self.seed}")
        return {split: given[split] for split in SPLITS}


def _names_beside(path: Path) -> list[str]:
    try:
        return [other.name for other in path.parent.iterdir() if other.is_dir()]
    except OSError:
        return []


def _parted(items: list[T], key: Callable[[T], str], fraction: float, salt: str) -> tuple[list[T], list[T]]:
    """Part a list in two: whether one goes over depends on the hash of its name, not on the order."""
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"{salt} {key(item)}".encode()).digest())
    count = min(max(1, round(len(items) * fraction)), len(items) - 1) if len(items) > 1 else 0
    over = {key(item) for item in ranked[:count]}
    return [i for i in items if key(i) not in over], [i for i in items if key(i) in over]


def looked_at(paths: Sequence[Path], look: Callable[[Path], FileFacts]) -> list[FileFacts]:
    """Look at many files, in threads: hashing and decoding release the interpreter's lock."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(look, paths))


def without_leaks(
    splits: Mapping[str, list[T]], content: Callable[[T], str], name: Callable[[T], str]
) -> tuple[dict[str, list[T]], list[Dropped]]:
    """Leave out of train (and val) what val or test measure on, by content.

    Returns:
        The splits, and what was left out.
    """
    kept: dict[str, list[T]] = {}
    dropped: list[Dropped] = []
    measured: dict[str, str] = {}
    for split in ("test", "val", "train"):
        kept[split] = []
        for item in splits[split]:
            if content(item) in measured:
                where = measured[content(item)]
                dropped.append(Dropped(name(item), f"left out of {split}: the same image as {where}"))
            else:
                kept[split].append(item)
        measured |= {content(item): f"{name(item)} in {split}" for item in kept[split]}
    return {split: kept[split] for split in SPLITS}, dropped
