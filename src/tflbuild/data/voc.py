"""Detection data in Pascal VOC form."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from tflbuild.core.dataset import Dropped, Index, Look, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import IMAGE_SUFFIXES
from tflbuild.data.annotated import Annotated, RawBox, assemble
from tflbuild.data.files import ALIASES, FileDataset, files_in

FOLDER = "JPEGImages"
EXPECTED = "a Pascal VOC folder with Annotations/, JPEGImages/ and ImageSets/Main/"


@dataset("voc")
class Voc(FileDataset):
    """A folder with `Annotations/*.xml`, `JPEGImages/` and `ImageSets/Main/{train,val,test}.txt`.

    Lists that are missing are made up for: train from `trainval.txt` or from all that is annotated, val and
    test as seeded parts. Images that do not decode, broken annotations, boxes without area or outside
    their image, and boxes of a class that train never has are left out and reported by file name; so are
    train images that val or test hold too. Coordinates are taken as they stand, from 0 to the width.

    Attributes:
        difficult: whether objects marked difficult are kept.
    """

    task = "detection"

    difficult: Literal["keep", "drop"] = "keep"

    def index(self, look: Look) -> Index:
        """List the splits, reading every annotation."""
        root = self.folder(EXPECTED)
        for name in ("Annotations", "JPEGImages"):
            if not (root / name).is_dir():
                raise DataError(f"data.root: '{self.root}' has no {name}/; expected {EXPECTED}.")
        images = _Images(root)
        dropped: list[Dropped] = []
        splits = {
            split: [
                image for stem in stems if (image := self._annotated(root, stem, images, dropped)) is not None
            ]
            for split, stems in _lists(root).items()
        }
        return assemble(self, splits, look, dropped)

    def _annotated(self, root: Path, stem: str, images: _Images, dropped: list[Dropped]) -> Annotated | None:
        """Read one annotation; what is wrong with it goes to `dropped`."""
        source = f"Annotations/{stem}.xml"
        try:
            tree = _parse(f"{root}/{source}")
        except (OSError, ValueError) as error:
            problem = "the file is missing" if isinstance(error, FileNotFoundError) else str(error)
            dropped.append(Dropped(source, problem))
            return None
        fields = _fields(tree)
        path = images.find(stem, _text(fields.get("filename")))
        if path is None:
            dropped.append(Dropped(source, f"there is no image JPEGImages/{stem}.*"))
            return None
        nodes = [node for node in tree if node.tag == "object"]
        objects = tuple(
            box
            for number, node in enumerate(nodes, start=1)
            if (box := self._box(node, number, source, dropped)) is not None
        )
        size = _fields(fields.get("size"))
        height, width = _integer(_text(size.get("height"))), _integer(_text(size.get("width")))
        return Annotated(f"{FOLDER}/{path}", source, f"{root}/{FOLDER}/{path}", height, width, objects)

    def _box(
        self, node: ElementTree.Element, number: int, source: str, dropped: list[Dropped]
    ) -> RawBox | None:
        fields = _fields(node)
        label = _text(fields.get("name"))
        if not label:
            dropped.append(Dropped(source, f"box {number} has no name: dropped"))
            return None
        if self.difficult == "drop" and _text(fields.get("difficult")) == "1":
            dropped.append(Dropped(source, f"box {number} ({label}) is difficult: dropped"))
            return None
        corners = _fields(fields.get("bndbox"))
        edges = []
        for edge in ("ymin", "xmin", "ymax", "xmax"):
            text = _text(corners.get(edge))
            try:
                edges.append(float(text))
            except ValueError:
                dropped.append(Dropped(source, f"box {number} ({label}) has {edge} '{text}': dropped"))
                return None
        return RawBox(str(number), label, *edges)


class _Images:
    """Finds the image of an annotation, whatever its suffix; gives its name."""

    def __init__(self, root: Path) -> None:
        self._names = files_in(root / FOLDER)
        stems = ((*os.path.splitext(name), name) for name in sorted(self._names))
        self._stems = {stem: name for stem, suffix, name in stems if suffix.lower() in IMAGE_SUFFIXES}

    def find(self, stem: str, name: str) -> str | None:
        return self._stems.get(stem) or (name if name in self._names else None)


def _fields(node: ElementTree.Element | None) -> dict[str, ElementTree.Element]:
    """Give the first child of each name; `ElementTree.find` by path takes longer than parsing the whole file."""
    return {} if node is None else {child.tag: child for child in reversed(node)}


def _text(field: ElementTree.Element | None) -> str:
    return "" if field is None else (field.text or "").strip()


def _parse(path: str) -> ElementTree.Element:
    """Parse an annotation.

    Raises:
        ValueError: it is broken, or declares a document type, through which entities could expand.
    """
    with open(path, "rb") as file:
        content = file.read()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("declares a document type, which no annotation needs")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"broken XML: {error}") from error


def _integer(text: str) -> int:
    """Read a declared size; what is no number counts as not declared."""
    try:
        return max(0, int(float(text or 0)))
    except (ValueError, OverflowError):
        return 0


def _lists(root: Path) -> dict[str, list[str]]:
    """Give the stems of every split that the folder lists; train always."""
    folder = root / "ImageSets" / "Main"
    lists = {
        split: stems
        for split, names in ALIASES.items()
        if (stems := next((found for n in names if (found := _stems(folder / f"{n}.txt")) is not None), None))
        is not None
    }
    if "train" not in lists:
        everything = _stems(folder / "trainval.txt") or sorted(
            path.stem for path in (root / "Annotations").glob("*.xml")
        )
        taken = {stem for stems in lists.values() for stem in stems}
        lists["train"] = [stem for stem in everything if stem not in taken]
    return lists


def _stems(path: Path) -> list[str] | None:
    """Read a list of images, one a line, each once; None where there is no such list."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return None
    names = (line.strip() for line in lines)
    return list(dict.fromkeys(_stem(name) for name in names if name))


def _stem(name: str) -> str:
    """Take a file name's known suffix off; dots may belong to the stem."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in (*IMAGE_SUFFIXES, ".xml") else name
