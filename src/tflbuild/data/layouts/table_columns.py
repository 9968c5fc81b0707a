"""Which column of a table means what: files, classes, edges of boxes, splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tflbuild.core.image_files import is_image_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF

NAMES: Mapping[str, frozenset[str]] = {
    "file": frozenset(
        [
            "filename",
            "file",
            "filepath",
            "path",
            "image",
            "imagename",
            "imagepath",
            "imageid",
            "imagefile",
            "img",
            "imgname",
            "imgid",
            "imgpath",
            "id",
            "idcode",
            "imagefilename",
            "photo",
            "picture",
            "externalid",
            "uri",
            "imageuri",
        ]
    ),
    "label": frozenset(
        [
            "class",
            "label",
            "classname",
            "labelname",
            "category",
            "categoryname",
            "target",
            "tag",
            "species",
            "breed",
        ]
    ),
    "xmin": frozenset(["xmin", "x1", "left", "bboxxmin", "boxxmin", "bboxx1"]),
    "ymin": frozenset(["ymin", "y1", "top", "bboxymin", "boxymin", "bboxy1"]),
    "xmax": frozenset(["xmax", "x2", "right", "bboxxmax", "boxxmax", "bboxx2"]),
    "ymax": frozenset(["ymax", "y2", "bottom", "bboxymax", "boxymax", "bboxy2"]),
    "x": frozenset(["x", "bboxx", "boxx"]),
    "y": frozenset(["y", "bboxy", "boxy"]),
    "w": frozenset(["w", "bboxwidth", "bboxw", "boxwidth", "boxw"]),
    "h": frozenset(["h", "bboxheight", "bboxh", "boxheight", "boxh"]),
    "bbox": frozenset(["bbox", "box", "boundingbox"]),
    "width": frozenset(["width", "imagewidth", "imgwidth"]),
    "height": frozenset(["height", "imageheight", "imgheight"]),
    "split": frozenset(["split", "set", "subset", "partition", "mluse", "usage", "datasplit"]),
}
"""Usual names of the columns, in small letters and without what stands between words."""

CORNERS = ("ymin", "xmin", "ymax", "xmax")
SIZED = ("y", "x", "h", "w")

AUTOML = {
    "TRAIN": "train",
    "TRAINING": "train",
    "VALIDATION": "val",
    "VALIDATE": "val",
    "TEST": "test",
    "UNASSIGNED": "",
}
"""First fields of AutoML's tables, which have no line of names."""

EXPECTED = (
    "a column of files (filename, path, image_id, ...) and one of classes (class, label, ...); of boxes xmin, ymin, "
    "xmax and ymax besides"
)


class Columns(NamedTuple):
    """Meanings of a table's columns.

    Attributes:
        at: position by meaning.
        named: whether the first line names them.
        fractions: whether boxes are in 0..1, as AutoML has them.
        evidence: what shows it, in words.
    """

    at: Mapping[str, int]
    named: bool
    fractions: bool
    evidence: str

    @property
    def edges(self) -> tuple[str, ...]:
        """Name the four columns of a box, or the one that holds them; () for a table of classes."""
        for names in (CORNERS, SIZED, ("bbox",)):
            if all(name in self.at for name in names):
                return names
        return ()


def columns_of(rows: Sequence[Sequence[str]]) -> Columns:
    """Tell what the columns of a table mean, by its first rows.

    Raises:
        ValueError: a column that is needed is missing, or two mean the same; the message completes "FILE ".
    """
    first = rows[0]
    if not any(map(_is_file, first)):
        return _of_names(first)
    if first[0].upper() in AUTOML and len(first) >= 3:
        return _of_automl(first)
    if _is_file(first[0]) and len(first) == 2:
        return Columns({"file": 0, "label": 1}, False, False, "a file and a class per line")
    if _is_file(first[0]) and len(first) == 6 and all(_is_number(field) or not field for field in first[1:5]):
        at = {"file": 0, "xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4, "label": 5}
        return Columns(at, False, False, "a file, four edges and a class per line")
    raise ValueError(f"has no line of names, and {len(first)} fields in its first; expected {EXPECTED}")


def _of_names(names: Sequence[str]) -> Columns:
    at: dict[str, int] = {}
    words = [re.sub(r"[\W_]+", "", name.lower()) for name in names]
    for meaning, usual in NAMES.items():
        found = [position for position, word in enumerate(words) if word in usual]
        if len(found) > 1 and meaning == "file":
            found = _surest(found, words)
        if len(found) > 1:
            both = " and ".join(f"'{plain(names[position])}'" for position in found[:2])
            raise ValueError(
                f"has the columns {both}, which may both mean the {meaning}; keep only one of them"
            )
        if found:
            at[meaning] = found[0]
    there = ", ".join(plain(name, 40) for name in names[:15])
    if "file" not in at:
        raise ValueError(f"has no file column; its columns are {there}; expected {EXPECTED}")
    at = _with_sizes(at)
    columns = Columns(
        at, True, False, f"columns {', '.join(plain(names[p], 40) for p in sorted(at.values()))}"
    )
    begun = [name for name in CORNERS if name in at]
    if begun and len(begun) < len(CORNERS):
        lacking = next(name for name in CORNERS if name not in at)
        raise ValueError(f"has no column {lacking}; its columns are {there}; expected {EXPECTED}")
    if not columns.edges and "label" not in at:
        raise ValueError(f"has no class or box columns; its columns are {there}; expected {EXPECTED}")
    return columns


def _surest(found: list[int], words: list[str]) -> list[int]:
    """Choose between columns that may name files: an id of rows may stand beside one that names files."""
    sure = [
        position
        for position in found
        if words[position] not in ("id", "idcode", "imageid", "imgid", "externalid")
    ]
    return sure or found


def _with_sizes(at: dict[str, int]) -> dict[str, int]:
    """Take width and height for those of the box where it has no others: a corner without a size is no box."""
    if not {"x", "y", "width", "height"} <= at.keys() or {"w", "h", "xmax"} & at.keys():
        return at
    renamed = {"width": "w", "height": "h"}
    return {renamed.get(meaning, meaning): position for meaning, position in at.items()}


def _of_automl(first: Sequence[str]) -> Columns:
    at = {"split": 0, "file": 1, "label": 2}
    if len(first) == 3:
        return Columns(at, False, False, "set, file and class per line, as AutoML has them")
    if len(first) >= 9:
        at |= {"xmin": 3, "ymin": 4, "xmax": 7, "ymax": 8}
        return Columns(at, False, True, "set, file, class and corners in 0..1 per line, as AutoML has them")
    raise ValueError(
        f"begins like a table of AutoML, but has {len(first)} fields; expected 3, or 11 with boxes"
    )


def split_of(field: str) -> str | None:
    """Give the split that a field names; "" for none said, None where it is no split.

    >>> split_of("VALIDATION"), split_of("UNASSIGNED"), split_of("a")
    ('val', '', None)
    """
    if field.upper() in AUTOML:
        return AUTOML[field.upper()]
    return SPLIT_OF.get(field.lower()) if field else ""


def _is_file(field: str) -> bool:
    return is_image_name(field) or "://" in field


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
