"""Recognise a YOLO head by the shapes of a detector's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.tasks.detection.heads.head import Found, Given, Shapes
from tflbuild.tasks.detection.heads.yolo_styles import BEFORE_CLASSES, FINER, STRIDES

ANCHORS = 3
"""Anchors of a cell of the heads that have any, as a rule."""

BINS = 8
"""Bins of a distribution of NanoDet, as a rule."""


def recognised(given: Given, said: Mapping[str, Any]) -> Found | None:
    """Find the style, and the strides that give as many boxes as there are."""
    named = {
        name: given.outputs[name] for name in said.get("outputs", given.outputs) if name in given.outputs
    }
    ranks = {len(shape) for shape in named.values()}
    if not named or any(min(shape) < 1 for shape in named.values()):
        return None
    if ranks == {3} and len(named) == 1:
        ((name, shape),) = named.items()
        return _rows(name, shape, given, said)
    if ranks == {4}:
        return _single(named, given, said) if len(named) == 1 else _several(named, given, said)
    return None


def cells(given: Given, strides: tuple[int, ...]) -> int:
    """Count the cells of all strides."""
    return sum(-(-given.height // stride) * -(-given.width // stride) for stride in strides)


def _strides(said: Mapping[str, Any]) -> list[tuple[int, ...]]:
    return [tuple(said["strides"])] if "strides" in said else [STRIDES, *FINER]


def _rows(name: str, shape: tuple[int, ...], given: Given, said: Mapping[str, Any]) -> Found | None:
    """Read one tensor of all boxes: (1, boxes, numbers), or (1, numbers, boxes)."""
    for strides in _strides(said):
        count = cells(given, strides)
        for layout, boxes, width in (("rows", shape[1], shape[2]), ("columns", shape[2], shape[1])):
            if boxes not in (count, ANCHORS * count) or width < 5 or said.get("layout", layout) != layout:
                continue
            style = said.get("style") or _style(name, layout, boxes, width, count, strides, given)
            return _found(name, style, layout, strides, boxes, width, said)
    return None


def _style(
    name: str, layout: str, boxes: int, width: int, count: int, strides: tuple[int, ...], given: Given
) -> str:
    """Name the style of rows that are recognised.

    Raises:
        ValueError: several have such rows.
    """
    if boxes == ANCHORS * count:
        return "v5"
    _, parts = given.parts.get(name, (0, ()))
    if layout == "columns" or parts == (4, width - 4):
        return "v8"
    if strides == (8, 16, 32, 64) and width > 4 * BINS:
        return "nanodet"
    raise ValueError(
        f"style: {boxes} rows of {width} numbers fit v8 ({width - 4} classes), and v5 and yolox ({width - 5} classes "
        f"and objectness); say which, e.g. model.head=yolo model.head.style=v8"
    )


def _found(
    name: str,
    style: str,
    layout: str,
    strides: tuple[int, ...],
    boxes: int,
    width: int,
    said: Mapping[str, Any],
) -> Found:
    bins = int(said.get("bins", BINS))
    classes = width - (4 * bins if style == "nanodet" else BEFORE_CLASSES.get(style, 5))
    if style in ("v5_maps", "fastestdet"):
        raise ValueError(f"style: {style} gives (1, rows, columns, numbers), and the file gives {boxes} rows")
    if classes < 1:
        raise ValueError(f"style: {style} has more than the {width} numbers a box that the file gives")
    options = {"style": style, "outputs": [name], "strides": list(strides), "layout": layout, **said}
    evidence = (
        f"'{name}' has {boxes} boxes, as many as {'3 anchors of ' if style == 'v5' and layout == 'rows' else ''}the "
        f"cells of strides {', '.join(map(str, strides))}"
    )
    return Found(options, classes, f"yolo {style}, {boxes} boxes of {classes} classes", evidence)


def _single(named: Shapes, given: Given, said: Mapping[str, Any]) -> Found | None:
    """Read one map, of one stride: FastestDet's, whose graph joins objectness, box and classes."""
    if said.get("style") == "v5_maps":
        return _several(named, given, said)
    ((name, shape),) = named.items()
    _, rows, columns, width = shape
    stride = _stride(given, shape, said)
    axis, parts = given.parts.get(name, (0, ()))
    shown = parts == (1, 4, width - 5) and axis % 4 == 3
    if not stride or width < 6 or not (shown or said.get("style") == "fastestdet"):
        return None
    options = {"style": "fastestdet", "outputs": [name], "strides": [stride], **said}
    evidence = (
        f"'{name}' is one map of {rows} x {columns} cells of stride {stride}"
        f"{f', which joins 1, 4 and {width - 5} numbers' if shown else ''}"
    )
    return Found(
        options, width - 5, f"yolo fastestdet, {rows * columns} boxes of {width - 5} classes", evidence
    )


def _stride(given: Given, shape: tuple[int, ...], said: Mapping[str, Any]) -> int:
    """Give the stride of a map (1, rows, columns, numbers); 0 where it is none."""
    allowed = tuple(said.get("strides", (4, *STRIDES, 64)))
    return next(
        (one for one in allowed if (-(-given.height // one), -(-given.width // one)) == shape[1:3]), 0
    )


def _several(named: Shapes, given: Given, said: Mapping[str, Any]) -> Found | None:
    """Read one map a stride, before the sigmoid, of heads with anchors."""
    strides = {name: _stride(given, shape, said) for name, shape in named.items()}
    order = sorted(named, key=lambda name: strides[name])
    widths = {shape[3] for shape in named.values()}
    if 0 in strides.values() or len(set(strides.values())) < len(named) or len(widths) != 1:
        return None
    (width,) = widths
    anchors = said.get("anchors", ())
    usual = tuple(strides[name] for name in order) in (STRIDES, (16, 32))
    if not anchors:
        if not usual or width % ANCHORS or width // ANCHORS < 6:
            return None
        raise ValueError(
            f"anchors: {len(named)} maps of {width} numbers per cell are those of a YOLO with {ANCHORS} anchors and "
            f"{width // ANCHORS - 5} classes; say width and height of each in pixels by stride, e.g. model.head=yolo "
            f"model.head.anchors=[[10,13,16,30,33,23],...]"
        )
    if len(anchors) != len(named) or len({len(one) for one in anchors}) != 1 or len(anchors[0]) % 2:
        raise ValueError(
            f"anchors: there are {len(named)} strides, and each needs as many widths and heights"
        )
    each = width // (len(anchors[0]) // 2)
    if width % (len(anchors[0]) // 2) or each < 6:
        raise ValueError(f"anchors: {len(anchors[0]) // 2} anchors do not share {width} numbers of a cell")
    options = {**said, "style": "v5_maps", "outputs": order, "strides": [strides[name] for name in order]}
    evidence = f"{len(named)} maps of strides {', '.join(str(strides[name]) for name in order)}"
    return Found(options, each - 5, f"yolo v5_maps, {each - 5} classes", evidence)
