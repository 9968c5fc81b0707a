"""The decoding of each style of YOLO head, in float operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tflbuild.tasks.detection.heads import coding
from tflbuild.tasks.detection.heads.head import Coded, Given
from tflbuild.tflite.assembly import Assembly

if TYPE_CHECKING:
    from tflbuild.tasks.detection.heads.yolo import Yolo

YX = (1, 0, 3, 2)
"""Order that makes y, x, height, width of x, y, width, height."""


def _rows(head: Yolo, assembly: Assembly) -> str:
    """Give all boxes as (1, boxes, numbers)."""
    if head.layout == "columns":
        return assembly.transpose(head.outputs[0], (0, 2, 1))
    flat = []
    for name in head.outputs:
        shape = assembly.shape(name)
        count = int(np.prod(shape[1:-1]))
        flat.append(name if len(shape) == 3 else assembly.reshape(name, (1, count, shape[-1])))
    return assembly.join(flat, 1)


def _times(assembly: Assembly, rows: str) -> str:
    """Give objectness, behind four numbers of a box, times scores of classes."""
    classes = assembly.shape(rows)[-1] - 5
    return assembly.binary("MUL", assembly.part(rows, 5, classes), assembly.part(rows, 4, 1))


def _decoded(head: Yolo, assembly: Assembly, given: Given, rows: str, scores: str) -> Coded:
    boxes = assembly.picked(rows, YX)
    if head.units == "pixels":
        sides = np.array([given.height, given.width] * 2, np.float32)
        boxes = assembly.binary("MUL", boxes, 1 / sides)
    coded = coding.of_centres(assembly, assembly.part(boxes, 0, 2), assembly.part(boxes, 2, 2))
    return Coded(coded, scores, coding.unit_anchors(assembly.shape(rows)[1]))


def v5(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Take decoded boxes with objectness."""
    rows = _rows(head, assembly)
    return _decoded(head, assembly, given, rows, _times(assembly, rows))


def v8(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Take decoded boxes without objectness."""
    rows = _rows(head, assembly)
    scores = assembly.part(rows, 4, assembly.shape(rows)[-1] - 4)
    return _decoded(head, assembly, given, rows, scores)


def v5_maps(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Decode maps: centre (2 s - 0.5 + cell) strides, side (2 s)^2 anchors, where s is the sigmoid."""
    flat, corners, steps, sizes = [], [], [], []
    picture = np.array([given.height, given.width], np.float32)
    for name, (rows, columns), stride, widths in zip(
        head.outputs, head.maps(given), head.strides, head.anchors, strict=True
    ):
        anchors = np.array(widths, np.float32).reshape(-1, 2)[:, ::-1]
        each = assembly.shape(name)[-1] // len(anchors)
        flat.append(assembly.reshape(name, (1, rows * columns * len(anchors), each)))
        places = np.repeat(coding.cells(rows, columns), len(anchors), axis=0)
        corners.append((places - 0.5) * stride / picture)
        steps.append(np.broadcast_to(2 * stride / picture, places.shape))
        sizes.append(np.tile(4 * anchors / picture, (rows * columns, 1)))
    activated = assembly.unary("LOGISTIC", assembly.join(flat, 1))
    boxes = assembly.picked(activated, YX)
    centres = assembly.binary("MUL", assembly.part(boxes, 0, 2), _batched(steps))
    centres = assembly.binary("ADD", centres, _batched(corners))
    sides = assembly.part(boxes, 2, 2)
    sides = assembly.binary("MUL", assembly.binary("MUL", sides, sides), _batched(sizes))
    coded = coding.of_centres(assembly, centres, sides)
    return Coded(coded, _times(assembly, activated), coding.unit_anchors(assembly.shape(coded)[1]))


def yolox(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Decode centre + cell, in strides, and exp(side) strides: what the operator itself does with cells as anchors."""
    rows = _rows(head, assembly)
    boxes = assembly.picked(rows, YX)
    anchors = np.concatenate(_cells(head, given), axis=1).astype(np.float32)
    return Coded(boxes, _times(assembly, rows), anchors)


def nanodet(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Decode distances from a cell's corner to the sides of its box: means of distributions, in strides."""
    rows = _rows(head, assembly)
    count, width = assembly.shape(rows)[1:]
    classes = width - 4 * head.bins
    chances = assembly.part(rows, classes, 4 * head.bins)
    chances = assembly.softmax(assembly.reshape(chances, (1, count * 4, head.bins)))
    distances = np.arange(head.bins, dtype=np.float32) * head.bins  # the mean divides by their number
    means = assembly.mean(assembly.binary("MUL", chances, distances), 2)
    sides = assembly.picked(assembly.reshape(means, (1, count, 4)), YX)  # top, left, bottom, right
    cells, strides = _cells(head, given)
    scaled = assembly.binary("MUL", sides, np.tile(strides, (1, 2)).astype(np.float32)[None])
    place = cells.astype(np.float32)[None]
    first = assembly.binary("ADD", assembly.binary("MUL", assembly.part(scaled, 0, 2), -1.0), place)
    last = assembly.binary("ADD", assembly.part(scaled, 2, 2), place)
    coded = coding.of_corners(assembly, first, last)
    return Coded(coded, assembly.part(rows, 0, classes), coding.unit_anchors(count))


def fastestdet(head: Yolo, assembly: Assembly, given: Given) -> Coded:
    """Decode tanh offsets in cells and sigmoid sides of the picture."""
    rows = _rows(head, assembly)
    width = assembly.shape(rows)[2]
    boxes = assembly.picked(rows, (2, 1, 4, 3))
    anchors = coding.cell_anchors(head.maps(given))
    offsets = assembly.unary("TANH", assembly.part(boxes, 0, 2))
    sides = assembly.unary("LOGISTIC", assembly.part(boxes, 2, 2))
    sides = assembly.binary("MUL", sides, 1 / anchors[:1, 2:])  # in cells, since anchors are cells
    logs = assembly.unary("LOG", assembly.binary("MAXIMUM", sides, coding.SMALLEST))
    objects = _raised(assembly, assembly.part(rows, 0, 1), head.powers[0])
    classes = _raised(assembly, assembly.part(rows, 5, width - 5), head.powers[1])
    scores = assembly.binary("MUL", classes, objects)
    return Coded(assembly.join([offsets, logs], -1), scores, anchors)


def _raised(assembly: Assembly, name: str, power: float) -> str:
    return name if power == 1 else assembly.binary("POW", name, power)


def _cells(head: Yolo, given: Given) -> tuple[coding.Values, coding.Values]:
    """Give the upper left corner and the sides of every cell, (cells, 2) y, x in 0..1 of the picture."""
    exact = np.array([1 / given.height, 1 / given.width], np.float32)
    maps = head.maps(given)
    sides = np.repeat(head.strides, [rows * columns for rows, columns in maps])[:, None] * exact
    return np.concatenate([coding.cells(*one) for one in maps]) * sides, sides


def _batched(tiles: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(tiles).astype(np.float32)[None]


DECODING: Mapping[str, Callable[[Yolo, Assembly, Given], Coded]] = {
    "v5": v5,
    "v5_maps": v5_maps,
    "v8": v8,
    "yolox": yolox,
    "nanodet": nanodet,
    "fastestdet": fastestdet,
}
"""By style."""
