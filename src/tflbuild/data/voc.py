"""Detection data in Pascal VOC form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from tflbuild.core.dataset import Dropped, Index, Look, dataset
from tflbuild.data.layouts import voc_xml
from tflbuild.data.layouts.annotated import assemble
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.files import FileDataset
from tflbuild.data.layouts.voc_files import EXPECTED, Part, Photos, lists, parts


@dataset("voc")
class Voc(FileDataset):
    """A folder with `Annotations/*.xml`, `JPEGImages/` and `ImageSets/Main/{train,val,test}.txt`.

    The folders may be called `annotations` and `images` and have sub-folders; annotations may also lie beside their
    photos, in the root or in folders named after the splits. Lists that are missing are made up for: train from
    `trainval.txt` or from all that is annotated, val and test as seeded parts. Images that do not decode, broken
    annotations, photos without annotation, boxes without area or outside their image, and boxes of a class that train
    never has are left out and reported by file name; so are train images that val or test hold too. Coordinates are
    taken as they stand, from 0 to the width.
    """

    task = "detection"

    difficult: Literal["keep", "drop"] = "keep"
    """Whether objects that are marked difficult are kept or dropped."""

    def index(self, look: Look) -> Index:
        """List the splits, reading every annotation."""
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        splits: dict[str, list[Annotated]] = {}
        for part in parts(root, self.root, dropped):
            listed = {part.split: list(part.stems)} if part.split else lists(root, part, dropped)
            used: dict[str, str] = {}
            photos = Photos(part)
            for split, stems in listed.items():
                found = (self._annotated(root, part, stem, photos, used, dropped) for stem in stems)
                splits[split] = [image for image in found if image is not None]
            dropped += _without_annotation(part, used)
        return assemble(self, splits, look, dropped)

    def _annotated(
        self, root: Path, part: Part, stem: str, photos: Photos, used: dict[str, str], dropped: list[Dropped]
    ) -> Annotated | None:
        """Read one annotation; what is wrong with it goes to `dropped`."""
        source = part.annotation(stem)
        try:
            tree = tree_of(f"{root}/{source}")
        except (OSError, ValueError) as error:
            dropped.append(Dropped(source, _why(error)))
            return None
        fields = voc_xml.fields(tree)
        image, problem = photos.find(stem, voc_xml.text(fields.get("filename")))
        if image is not None and used.setdefault(image, source) != source:
            problem = f"the same image has an annotation already, {used[image]}"
        if problem or image is None:
            dropped.append(Dropped(source, problem))
            return None
        key = f"{part.photos}{image}"
        return annotated_in(tree, key, source, f"{root}{os.sep}{key}", dropped, self.difficult)


def annotated_in(
    tree: ElementTree.Element,
    key: str,
    source: str,
    path: str,
    dropped: list[Dropped],
    difficult: Literal["keep", "drop"] = "keep",
) -> Annotated:
    """Give the size and the boxes that an annotation states.

    Args:
        tree: the annotation.
        key: of the photo, for messages.
        source: of the annotation, likewise.
        path: of the photo.
        dropped: gains what is no box.
        difficult: whether objects marked difficult are kept.
    """
    nodes = [node for node in tree if node.tag == "object"]
    objects = tuple(
        box
        for number, node in enumerate(nodes, start=1)
        if (box := _box(node, number, source, dropped, difficult)) is not None
    )
    size = voc_xml.fields(voc_xml.fields(tree).get("size"))
    height, width = (voc_xml.integer(voc_xml.text(size.get(side))) for side in ("height", "width"))
    return Annotated(key, source, path, height, width, objects)


def _box(
    node: ElementTree.Element, number: int, source: str, dropped: list[Dropped], difficult: str
) -> RawBox | None:
    fields = voc_xml.fields(node)
    label = voc_xml.text(fields.get("name"))
    if not label:
        dropped.append(Dropped(source, f"box {number} has no name: dropped"))
        return None
    if difficult == "drop" and voc_xml.text(fields.get("difficult")) == "1":
        dropped.append(Dropped(source, f"box {number} ({label}) is difficult: dropped"))
        return None
    corners = voc_xml.fields(fields.get("bndbox"))
    if not corners:
        dropped.append(Dropped(source, f"box {number} ({label}) has no bndbox: dropped"))
        return None
    edges = []
    for edge in ("ymin", "xmin", "ymax", "xmax"):
        text = voc_xml.text(corners.get(edge))
        try:
            edges.append(float(text))
        except ValueError:
            dropped.append(Dropped(source, f"box {number} ({label}) has {edge} '{text}': dropped"))
            return None
    return RawBox(str(number), label, *edges)


def tree_of(path: str) -> ElementTree.Element:
    """Parse an annotation.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none.
    """
    tree = voc_xml.parse(path)
    if tree.tag != "annotation":
        raise ValueError(f"its outermost element is '{tree.tag}', not 'annotation'")
    return tree


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is missing"
    return str(getattr(error, "strerror", None) or error)


def _without_annotation(part: Part, used: Mapping[str, str]) -> list[Dropped]:
    """Name the photos that no annotation is of, but those that one may be of that was not read."""
    read = set(used.values())
    stems = {stem.rpartition("/")[2] for stem in part.stems if part.annotation(stem) not in read}
    known = set(used)
    return [
        Dropped(f"{part.photos}{image}", "photo without annotation")
        for image in part.images
        if image not in known and os.path.splitext(image.rpartition("/")[2])[0] not in stems
    ]
