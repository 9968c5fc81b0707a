"""Detection data in Pascal VOC form."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from tflbuild.core.dataset import Dropped, Index, Look, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.annotated import Annotated, RawBox, assemble
from tflbuild.data.files import ALIASES, IMAGE_SUFFIXES, FileDataset

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
            tree = _parse(root / source)
        except (OSError, ValueError) as error:
            problem = "the file is missing" if isinstance(error, FileNotFoundError) else str(error)
            dropped.append(Dropped(source, problem))
            return None
        path = images.find(stem, (tree.findtext("filename") or "").strip())
        if path is None:
            dropped.append(Dropped(source, f"there is no image JPEGImages/{stem}.*"))
            return None
        objects = tuple(
            box
            for number, node in enumerate(tree.findall("object"), start=1)
            if (box := self._box(node, number, source, dropped)) is not None
        )
        height, width = (_integer(tree.findtext(f"size/{side}")) for side in ("height", "width"))
        return Annotated(path.relative_to(root).as_posix(), source, path, height, width, objects)

    def _box(
        self, node: ElementTree.Element, number: int, source: str, dropped: list[Dropped]
    ) -> RawBox | None:
        label = (node.findtext("name") or "").strip()
        if not label:
            dropped.append(Dropped(source, f"box {number} has no name: dropped"))
            return None
        if self.difficult == "drop" and (node.findtext("difficult") or "").strip() == "1":
            dropped.append(Dropped(source, f"box {number} ({label}) is difficult: dropped"))
            return None
        edges = []
        for edge in ("ymin", "xmin", "ymax", "xmax"):
            text = (node.findtext(f"bndbox/{edge}") or "").strip()
            try:
                edges.append(float(text))
            except ValueError:
                dropped.append(Dropped(source, f"box {number} ({label}) has {edge} '{text}': dropped"))
                return None
        return RawBox(str(number), label, *edges)


class _Images:
    """Finds the image of an annotation, whatever its suffix."""

    def __init__(self, root: Path) -> None:
        files = [path for path in sorted((root / "JPEGImages").iterdir()) if path.is_file()]
        self._names = {path.name: path for path in files}
        self._stems = {path.stem: path for path in files if path.suffix.lower() in IMAGE_SUFFIXES}

    def find(self, stem: str, name: str) -> Path | None:
        return self._stems.get(stem) or self._names.get(name)


def _parse(path: Path) -> ElementTree.Element:
    """Parse an annotation.

    Raises:
        ValueError: it is broken, or declares a document type, through which entities could expand.
    """
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("declares a document type, which no annotation needs")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"broken XML: {error}") from error


def _integer(text: str | None) -> int:
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
