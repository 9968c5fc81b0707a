"""Detection data in COCO form."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.dataset import Dropped, Index, Look, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.annotated import Annotated, RawBox, assemble
from tflbuild.data.files import ALIASES, FileDataset, files_in

NUMBERS = frozenset({int, float})
EXPECTED = "a COCO folder with train.json (or annotations/instances_train*.json) and its images"


@dataset("coco")
class Coco(FileDataset):
    """COCO annotations with their images.

    Annotations are `train.json`, `val.json` and `test.json`, or `annotations/instances_{train,val,test}*.json`,
    or `{train,valid,test}/_annotations.coco.json`; images lie beside them, in the root, or in a folder
    named after the split, also under `images/`. Category ids may be sparse and differ between files:
    classes go by name. Crowds, boxes without area or outside their image, annotations of an unknown image
    or category, and images that do not decode are left out and reported by file name.
    """

    task = "detection"

    def index(self, look: Look) -> Index:
        """List the splits, reading every annotation file."""
        root = self.folder(EXPECTED)
        files = {split: path for split in ALIASES if (path := _annotations(root, split)) is not None}
        if "train" not in files:
            raise DataError(f"data.root: '{self.root}' has no annotations for train; expected {EXPECTED}.")
        dropped: list[Dropped] = []
        ids: dict[str, int] = {}
        splits = {}
        for split, path in files.items():
            content = _load(path, root)
            for number, name in _categories(content).items():
                ids.setdefault(name, number)
            splits[split] = _images(root, split, path, content, dropped)
        return assemble(self, splits, look, dropped, order=lambda names: sorted(names, key=ids.__getitem__))


def _annotations(root: Path, split: str) -> Path | None:
    """Find the annotation file of a split."""
    for name in ALIASES[split]:
        plain = (
            root / f"{name}.json",
            root / "annotations" / f"{name}.json",
            root / name / "_annotations.coco.json",
        )
        dated = sorted((root / "annotations").glob(f"instances_{name}*.json"))
        found = next((path for path in (*plain, *dated) if path.is_file()), None)
        if found is not None:
            return found
    return None


def _load(path: Path, root: Path) -> Mapping[str, Any]:
    name = path.relative_to(root).as_posix()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"data.root: {name} is no readable JSON: {error}") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(f"data.root: {name} has no list '{key}'; expected COCO annotations.")
    mapping: Mapping[str, Any] = content
    return mapping


def _categories(content: Mapping[str, Any]) -> dict[int, str]:
    return {
        category["id"]: str(category["name"])
        for category in content["categories"]
        if isinstance(category, dict) and isinstance(category.get("id"), int) and "name" in category
    }


def _images(
    root: Path, split: str, path: Path, content: Mapping[str, Any], dropped: list[Dropped]
) -> list[Annotated]:
    """Put the annotations of one file to their images, in the order of the file."""
    source = path.relative_to(root).as_posix()
    objects = _objects(content, source, dropped)
    base = f"{root}{os.sep}"
    files = _Files(root, _folders(root, split, path))
    found = []
    for image in content["images"]:
        if not isinstance(image, dict) or not isinstance(image.get("id"), int | str):
            dropped.append(Dropped(source, f"image {image} has no id: dropped"))
            continue
        name = str(image.get("file_name", ""))
        file = files.find(name)
        if file is None:
            dropped.append(Dropped(source, f"there is no image '{name}'"))
            continue
        height, width = _size(image.get("height")), _size(image.get("width"))
        boxes = tuple(objects.get(image["id"], ()))
        found.append(Annotated(file.removeprefix(base), source, file, height, width, boxes))
    return found


class _Files:
    """Finds images in folders, the first that has it; each is listed once. A name may not lead out of the root."""

    def __init__(self, root: Path, folders: list[Path]) -> None:
        self._base = f"{root}{os.sep}"
        self._folders = [(str(folder), files_in(folder)) for folder in folders]

    def find(self, name: str) -> str | None:
        if os.sep in name:
            return next((path for folder, _ in self._folders if (path := self._below(folder, name))), None)
        folder = next((folder for folder, names in self._folders if name in names), None)
        return None if folder is None else f"{folder}{os.sep}{name}"

    def _below(self, folder: str, name: str) -> str | None:
        path = os.path.normpath(os.path.join(folder, name))
        return path if path.startswith(self._base) and os.path.isfile(path) else None


def _folders(root: Path, split: str, path: Path) -> list[Path]:
    """Name the folders that may hold the images of an annotation file."""
    names = [*ALIASES[split], path.stem.removeprefix("instances_")]
    folders = [path.parent, root, root / "images"]
    folders += [base / name for base in (path.parent, root, root / "images") for name in names]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _objects(content: Mapping[str, Any], source: str, dropped: list[Dropped]) -> dict[Any, list[RawBox]]:
    """Give the boxes of every image id; what is wrong goes to `dropped`."""
    categories = _categories(content)
    files = {
        image["id"]: str(image.get("file_name"))
        for image in content["images"]
        if isinstance(image, dict) and isinstance(image.get("id"), int | str)
    }
    boxes: dict[Any, list[RawBox]] = defaultdict(list)
    for position, annotation in enumerate(content["annotations"]):
        number = str(annotation.get("id", position)) if isinstance(annotation, dict) else str(position)
        problem = _problem(annotation, files, categories)
        if problem:
            dropped.append(Dropped(source, f"annotation {number} {problem}: dropped"))
            continue
        image = annotation["image_id"]
        left, top, across, down = map(float, annotation["bbox"])
        label = categories[annotation["category_id"]]
        where = f"{number} of {files[image]}"
        boxes[image].append(RawBox(where, label, top, left, top + down, left + across))
    return boxes


def _problem(annotation: Any, files: Mapping[Any, str], categories: Mapping[int, str]) -> str:
    """Say why an annotation is no box of a known class in a known image; "" if it is."""
    if not isinstance(annotation, dict):
        return "is no mapping"
    image, category = annotation.get("image_id"), annotation.get("category_id")
    if not isinstance(image, int | str) or image not in files:
        return f"is of an unknown image {image}"
    if not isinstance(category, int) or category not in categories:
        return f"of {files[image]} is of an unknown category {category}"
    if annotation.get("iscrowd"):
        return f"of {files[image]} is a crowd"
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not NUMBERS.issuperset(map(type, box)):
        return f"of {files[image]} has bbox {box}"
    return ""


def _size(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0
