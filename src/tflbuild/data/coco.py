"""Detection data in COCO form."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core.dataset import Dropped, Index, Look, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.annotated import assemble
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.coco_files import EXPECTED, annotation_files, load
from tflbuild.data.layouts.coco_images import ImageFiles, image_folders, unlisted
from tflbuild.data.layouts.files import FileDataset

Id = int | str
NUMBERS = frozenset({int, float})
CROWDS = (1, "1")


@dataset("coco")
class Coco(FileDataset):
    """COCO annotations with their images.

    Annotations are `train.json`, `val.json` and `test.json`, or `annotations/instances_{train,val,test}*.json`, or
    `{train,valid,test}/_annotations.coco.json`, or one file of any name that holds them all; images lie beside them, in
    the root, or in a folder named after the split, also under `images/`. Ids are numbers, also where they are written
    as text; category ids may be sparse and differ between files: classes go by name. Crowds, boxes without area or
    outside their image, annotations of an unknown image or category, and images that do not decode are left out and
    reported by file name; an id of two files, and boxes that are no pixels, are errors.
    """

    task = "detection"

    def index(self, look: Look) -> Index:
        """List the splits, reading every annotation file."""
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        ids: dict[str, Id] = {}
        splits = {}
        used: set[str] = set()
        folders: dict[Path, set[str]] = {}
        for split, path in annotation_files(root, self.root, dropped).items():
            annotations = Annotations(root, split, path, dropped)
            for number, name in annotations.categories.items():
                ids.setdefault(name, number)
            splits[split] = annotations.images(folders)
            used.update(image.path for image in splits[split])
        dropped += unlisted(root, folders, used)
        return assemble(
            self, splits, look, dropped, order=lambda names: sorted(names, key=lambda name: _rank(ids[name]))
        )


def _rank(number: Id) -> tuple[bool, int, str]:
    """Put numbers before words."""
    return (True, 0, number) if isinstance(number, str) else (False, number, "")


def id_of(value: Any) -> Id | None:
    """Give an id as what it is, however it is written; None for what is none.

    >>> id_of(1), id_of("1"), id_of(1.0), id_of("cat_1"), id_of(True), id_of(1.5)
    (1, 1, 1, 'cat_1', None, None)
    """
    if type(value) is int:
        return value
    if isinstance(value, str):
        text = value.strip()
        digits = text.removeprefix("-")
        plain_number = digits.isascii() and digits.isdigit() and len(digits) < 400
        return int(text) if plain_number else (text or None)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return None


class _Image(NamedTuple):
    """One image as listed."""

    name: str
    height: int
    width: int


class Annotations:
    """One annotation file; what is wrong with it goes to `dropped`.

    Raises:
        DataError: it cannot be used as a whole.
    """

    def __init__(self, root: Path, split: str, path: Path, dropped: list[Dropped]) -> None:
        self._root, self._split, self._path, self._dropped = root, split, path, dropped
        self.source = path.relative_to(root).as_posix()
        content = load(path, root)
        self.categories = self._categories(content["categories"])
        self._listed = self._images(content["images"])
        self._boxes = self._objects(content["annotations"])
        self._refuse_corners()

    def images(self, folders: dict[Path, set[str]]) -> list[Annotated]:
        """Put the boxes to their images, in the order of the file, each file once.

        Args:
            folders: gains the folders in which images were found, with what lies in them.
        """
        files = ImageFiles(self._root, image_folders(self._root, self._split, self._path), folders)
        base = f"{self._root}{os.sep}"
        found: dict[str, Annotated] = {}
        for number, image in self._listed.items():
            file, problem = files.find(image.name)
            if file is None:
                self._drop(problem)
                continue
            boxes = tuple(self._boxes.get(number, ()))
            key = file.removeprefix(base)
            twin = found.get(file)
            if twin is not None:
                self._drop(f"{key} is listed under several ids; their boxes are merged")
                boxes = (
                    *twin.objects,
                    *(box for box in boxes if box[1:] not in {b[1:] for b in twin.objects}),
                )
            found[file] = Annotated(key, self.source, file, image.height, image.width, boxes)
        if files.by_end:
            path, name = next(iter(files.by_end.items()))
            said = f"'{name}' is {path.removeprefix(base)}"
            self._drop(
                f"{len(files.by_end)} images are not at the listed paths; found by name instead: {said}"
            )
        return list(found.values())

    def _drop(self, reason: str) -> None:
        self._dropped.append(Dropped(self.source, reason))

    def _categories(self, listed: list[Any]) -> dict[Id, str]:
        found: dict[Id, str] = {}
        numbers: dict[str, Id] = {}
        for category in listed:
            number = id_of(category.get("id")) if isinstance(category, dict) else None
            name = category.get("name") if isinstance(category, dict) else None
            if (
                number is None
                or not isinstance(name, str | int)
                or isinstance(name, bool)
                or not str(name).strip()
            ):
                self._drop(f"category {plain(category, 80)} has no id or no name: dropped")
                continue
            label = str(name)
            if not _is_text(label):
                raise DataError(
                    f"data.root: {self.source} has the category '{plain(label)}', whose name is not text."
                )
            if found.setdefault(number, label) != label:
                raise DataError(
                    f"data.root: {plain(self.source)} gives category id {plain(number)} to '{plain(found[number])}' "
                    f"and to '{plain(label)}'; ids must differ."
                )
            if numbers.setdefault(label, number) != number:
                self._drop(f"category '{label}' has the ids {numbers[label]} and {number}: used as one class")
        return found

    def _images(self, listed: list[Any]) -> dict[Id, _Image]:
        found: dict[Id, _Image] = {}
        for image in listed:
            number = id_of(image.get("id")) if isinstance(image, dict) else None
            if number is None:
                self._drop(f"image {plain(image, 80)} has no id: dropped")
                continue
            name = str(image.get("file_name") or "")
            entry = _Image(name, _size(image.get("height")), _size(image.get("width")))
            known = found.setdefault(number, entry)
            if known.name != name:
                raise DataError(
                    f"data.root: {plain(self.source)} gives image id {plain(number)} to '{plain(known.name)}' and to "
                    f"'{plain(name)}'; ids must differ, or boxes would go to the wrong image."
                )
            if known is not entry:
                self._drop(f"image {number} ({name}) is listed twice: used once")
        return found

    def _objects(self, annotations: list[Any]) -> dict[Id, list[RawBox]]:
        """Give the boxes of every image id."""
        boxes: dict[Id, list[RawBox]] = defaultdict(list)
        for position, annotation in enumerate(annotations):
            mapping = annotation if isinstance(annotation, dict) else {}
            number = str(mapping.get("id", position))
            image = id_of(mapping.get("image_id"))
            category = id_of(mapping.get("category_id"))
            problem = self._problem(annotation, image, category)
            if problem or image is None or category is None:
                self._drop(f"annotation {number} {problem}: dropped")
                continue
            try:
                left, top, across, down = map(float, annotation["bbox"])
            except OverflowError:
                self._drop(
                    f"annotation {number} of {self._listed[image].name} has an edge that is too large: dropped"
                )
                continue
            label = self.categories[category]
            where = f"{number} of {self._listed[image].name}"
            boxes[image].append(RawBox(where, label, top, left, top + down, left + across))
        return boxes

    def _problem(self, annotation: Any, image: Id | None, category: Id | None) -> str:
        """Say why an annotation is no box of a known class in a known image; "" if it is."""
        if not isinstance(annotation, dict):
            return "is not a mapping"
        if image is None or image not in self._listed:
            return f"is of an unknown image {plain(annotation.get('image_id'), 40)}"
        name = self._listed[image].name
        if category is None or category not in self.categories:
            return f"of {name} is of an unknown category {plain(annotation.get('category_id'), 40)}"
        crowd = annotation.get("iscrowd")
        if crowd in CROWDS:
            return f"of {name} is a crowd"
        box = annotation.get("bbox")
        if box is None and annotation.get("segmentation"):
            return f"of {name} has a segmentation, but no bbox"
        if not isinstance(box, list) or len(box) != 4 or not NUMBERS.issuperset(map(type, box)):
            return f"of {name} has bbox {plain(box, 80)}"
        return ""

    def _refuse_corners(self) -> None:
        """Refuse boxes that are two corners where COCO has a corner and a size.

        Raises:
            DataError: all fit their image as corners, and some reach outside it as corner and size.
        """
        outside = 0
        first = ""
        for number, boxes in self._boxes.items():
            image = self._listed[number]
            for box in boxes:
                right, bottom = box.xmax - box.xmin, box.ymax - box.ymin
                if not (box.xmin < right <= image.width + 1 and box.ymin < bottom <= image.height + 1):
                    return
                if box.xmax > image.width + 1 or box.ymax > image.height + 1:
                    outside += 1
                    first = first or box.number
        if outside:
            raise DataError(
                f"data.root: {plain(self.source)}: the boxes fit their images as [xmin, ymin, xmax, ymax], and "
                f"{outside} reach outside as COCO's [x, y, width, height], e.g. annotation {plain(first)}; "
                f"expected [x, y, width, height]."
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size(value: Any) -> int:
    """Read a declared size; what is no number counts as not declared."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return int(value) if type(value) in NUMBERS and value > 0 else 0
