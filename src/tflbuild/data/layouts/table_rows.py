"""From the rows of tables to images with boxes, or with a class."""

from __future__ import annotations

import re
from pathlib import Path

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import IMAGE_SUFFIXES, is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts import class_lists, tables
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.class_lists import ClassList
from tflbuild.data.layouts.coco_images import ImageFiles, image_folders, unlisted
from tflbuild.data.layouts.files import entries_in
from tflbuild.data.layouts.labelled import Labelled
from tflbuild.data.layouts.table_columns import SIZED, Columns, split_of
from tflbuild.data.layouts.table_files import Found

ONE_CLASS = "object"
"""The class of boxes in a table that has no column of classes."""

SUFFIXES = sorted(IMAGE_SUFFIXES, key=lambda suffix: (suffix not in (".jpg", ".png", ".jpeg"), suffix))


class Photo:
    """One photo, as the rows of its tables have it."""

    def __init__(self, key: str, source: str, path: str) -> None:
        self.key, self.source, self.path = key, source, path
        self.labels: dict[str, int] = {}
        self.boxes: list[RawBox] = []
        self.size = (0, 0)
        self.fractions = False


class Rows:
    """The rows of the tables of a folder; what is wrong with them goes to `dropped`.

    Args:
        root: the data set's folder.
        shown: as the recipe has it.
        dropped: grows.
    """

    def __init__(self, root: Path, shown: str, dropped: list[Dropped]) -> None:
        self._root, self._shown, self._dropped = root, shown, dropped
        self._photos: dict[str, dict[str, Photo]] = {}
        self._folders: dict[Path, set[str]] = {}
        self._names = _listed(root)
        self._missing: dict[str, str] = {}

    def read(self, found: Found) -> None:
        """Read a table.

        Raises:
            DataError: it cannot be read, or a field of its column of splits names none.
        """
        try:
            rows = tables.read(found.path).rows[1 if found.columns.named else 0 :]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"data.root: {plain(found.name)} cannot be read as a table: {reason}.") from error
        places: dict[str, ImageFiles] = {}
        for line, fields in rows:
            split = self._split(found, line, fields)
            if split not in places:
                folders = image_folders(self._root, split or "train", found.path)
                places[split] = ImageFiles(self._root, folders, self._folders)
            self._row(found, line, fields, split, places[split])
        ends = {path: name for files in places.values() for path, name in files.by_end.items()}
        if ends:
            path, name = next(iter(ends.items()))
            said = f"'{name}' is {path.removeprefix(f'{self._root}/')}"
            self._drop(
                found.name, f"{len(ends)} photos are not at the listed paths; found by name instead: {said}"
            )

    def annotated(self) -> dict[str, list[Annotated]]:
        """Give the images with boxes, by split."""
        return {
            split: [
                Annotated(p.key, p.source, p.path, *p.size, tuple(p.boxes), p.fractions)
                for p in photos.values()
            ]
            for split, photos in self._by_split().items()
        }

    def labelled(self) -> dict[str, list[Labelled]]:
        """Give the images with one class, by split."""
        splits: dict[str, list[Labelled]] = {}
        for split, photos in self._by_split().items():
            splits[split] = []
            for photo in photos.values():
                if len(photo.labels) == 1:
                    splits[split].append(
                        Labelled(photo.key, photo.source, photo.path, next(iter(photo.labels)))
                    )
                elif photo.labels:
                    both = " and ".join(f"'{name}' in line {line}" for name, line in photo.labels.items())
                    self._drop(photo.source, f"{photo.key} has several classes, {both}: left out")
        return splits

    def _by_split(self) -> dict[str, dict[str, Photo]]:
        """Give the photos of each split; rows of none are train, where others are not given to it."""
        for name, problem in self._missing.items():
            self._drop(name, problem)
        used = {photo.key for photos in self._photos.values() for photo in photos.values()}
        self._dropped += unlisted(self._root, self._folders, {f"{self._root}/{key}" for key in used})
        photos = dict(self._photos)
        loose = photos.pop("", {})
        if loose and "train" in photos:
            self._drop(
                next(iter(loose.values())).source, f"{len(loose)} photos in lines of no split: left out"
            )
        elif loose:
            photos["train"] = loose
        if "train" not in photos:
            raise DataError(f"data.root: '{self._shown}' has no usable line for train{self._first()}.")
        return {split: photos[split] for split in SPLITS if split in photos}

    def _first(self) -> str:
        if not self._dropped:
            return ""
        return f"; {len(self._dropped)} were left out, the first: {plain(': '.join(self._dropped[0]))}"

    def _split(self, found: Found, line: int, fields: list[str]) -> str:
        if "split" not in found.columns.at:
            return found.split
        field = _field(fields, found.columns, "split")
        split = split_of(field)
        if split is None:
            raise DataError(
                f"data.root: {plain(found.name)}, line {line}: '{plain(field)}' in the column of splits; expected "
                f"train, val or test."
            )
        return split

    def _row(self, found: Found, line: int, fields: list[str], split: str, files: ImageFiles) -> None:
        name = _field(fields, found.columns, "file")
        path, problem = _find(name, files) if name else (None, "has no file")
        if path is None:
            self._missing.setdefault(f"{found.name}, line {line}", problem)
            return
        key = path.removeprefix(f"{self._root}/")
        photo = self._photos.setdefault(split, {}).setdefault(key, Photo(key, found.name, path))
        photo.fractions = found.columns.fractions
        label = self._named(_field(fields, found.columns, "label"), found.name, line)
        if not found.columns.edges:
            if label:
                photo.labels.setdefault(label, line)
            else:
                self._drop(found.name, f"line {line} ({key}) has no class: left out")
            return
        self._size(photo, found, line, fields)
        self._box(photo, found, line, fields, label)

    def _size(self, photo: Photo, found: Found, line: int, fields: list[str]) -> None:
        """Note the size of a photo as its rows have it.

        Raises:
            DataError: two rows say otherwise.
        """
        sides = (_whole(_field(fields, found.columns, side)) for side in ("height", "width"))
        height, width = sides
        if height and width and photo.size not in ((0, 0), (height, width)):
            raise DataError(
                f"data.root: {plain(found.name)}, line {line}: {plain(photo.key)} is {width} x {height} "
                f"pixels here, but {photo.size[1]} x {photo.size[0]} in an earlier line: do two images "
                f"share a name?"
            )
        photo.size = (height, width) if height and width else photo.size

    def _box(self, photo: Photo, found: Found, line: int, fields: list[str], label: str) -> None:
        said = [_field(fields, found.columns, edge) for edge in found.columns.edges]
        if found.columns.edges == ("bbox",):
            said = re.split(r"[\s,;]+", said[0].strip("[]() ")) if said[0] else [""]
        if not any(said):
            if label:
                self._drop(found.name, f"line {line} ({photo.key}, {label}) has no box: dropped")
            return
        has_label = "label" in found.columns.at
        if has_label and not label:
            self._drop(found.name, f"line {line} ({photo.key}) has a box without a class: dropped")
            return
        try:
            edges = [float(text) for text in said]
            top, left, bottom, right = edges if found.columns.edges != ("bbox",) else _turned(edges)
        except ValueError:
            self._drop(found.name, f"line {line} ({photo.key}) has the box {', '.join(said)[:80]}: dropped")
            return
        if found.columns.edges in (SIZED, ("bbox",)):
            bottom, right = top + bottom, left + right
        box = RawBox(f"line {line}", label or ONE_CLASS, top, left, bottom, right)
        if any(box[1:] == other[1:] for other in photo.boxes):
            self._drop(found.name, f"line {line} ({photo.key}) appears twice: used once")
        else:
            photo.boxes.append(box)

    def _named(self, label: str, source: str, line: int) -> str:
        """Give the name of a class, also where the table has numbers and a list names them.

        Raises:
            DataError: the list has no such number.
        """
        if self._names is None or not label.isdecimal():
            return label
        if int(label) not in self._names.names:
            raise DataError(
                f"data.root: {plain(source)}, line {line}: class {label}, which {plain(self._names.source)} does not "
                f"list."
            )
        return self._names.names[int(label)]

    def _drop(self, source: str, reason: str) -> None:
        self._dropped.append(Dropped(source, reason))


def _turned(edges: list[float]) -> list[float]:
    """Give x, y, width, height as y, x, height, width."""
    left, top, across, down = edges
    return [top, left, down, across]


def _find(name: str, files: ImageFiles) -> tuple[str | None, str]:
    """Find a photo by what a table calls it: with its suffix or without, also by an address."""
    if "://" in name:
        name = name.rpartition("/")[2]
    found = files.find(name)
    if found[0] is not None or is_image_name(name):
        return found
    others = (files.find(name + suffix)[0] for suffix in (*SUFFIXES, *map(str.upper, SUFFIXES)))
    fit = list(dict.fromkeys(path for path in others if path is not None))
    if len(fit) > 1:
        return None, f"'{name}' fits several images: {', '.join(path.rpartition('/')[2] for path in fit[:3])}"
    return (fit[0], "") if fit else found


def _field(fields: list[str], columns: Columns, meaning: str) -> str:
    position = columns.at.get(meaning, len(fields))
    return fields[position] if position < len(fields) else ""


def _whole(text: str) -> int:
    """Read a declared size; what is no number counts as not declared."""
    try:
        return max(0, int(float(text or 0)))
    except (ValueError, OverflowError):
        return 0


def _listed(root: Path) -> ClassList | None:
    """Read the list of classes that lies in the root; the first by name."""
    for entry in entries_in(root):
        if class_lists.USUAL.match(entry.name) or entry.name.lower().endswith(".pbtxt"):
            return class_lists.read(Path(entry.path), root)
    return None
