"""Turn boxes into the code of `TFLite_Detection_PostProcess`, in float operators.

The operator gives `centre = code * anchor's side + anchor's centre` and `side = exp(code) * anchor's side`. Boxes that
are decoded already go through it relative to an anchor of side 1 at 0, with the logarithm of their sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.tflite.assembly import Assembly

Values = npt.NDArray[np.float32]

SMALLEST = 1e-6
"""Least side of a box, so that its logarithm is finite."""


def of_centres(assembly: Assembly, centres: str, sides: str) -> str:
    """Code boxes in 0..1 by (1, boxes, 2) centres y, x and sides height, width, for `unit_anchors`."""
    logs = assembly.unary("LOG", assembly.binary("MAXIMUM", sides, SMALLEST))
    return assembly.join([centres, logs], -1)


def of_corners(assembly: Assembly, first: str, last: str) -> str:
    """Code boxes in 0..1 by (1, boxes, 2) corners y, x: the upper left one and the lower right one."""
    middle = assembly.binary("MUL", assembly.binary("ADD", first, last), 0.5)
    return of_centres(assembly, middle, assembly.binary("SUB", last, first))


def unit_anchors(count: int) -> Values:
    """Give (count, 4) anchors for boxes that are decoded already."""
    return np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))


def cells(rows: int, columns: int) -> Values:
    """Give (rows * columns, 2) row and column of every cell, row by row."""
    places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    return places.reshape(-1, 2).astype(np.float32)


def cell_anchors(maps: Sequence[tuple[int, int]]) -> Values:
    """Give an anchor at the upper left corner of every cell, as large as the cell, for each (rows, columns)."""
    tiles = []
    for rows, columns in maps:
        side = np.array([1 / rows, 1 / columns], np.float32)
        corner = cells(rows, columns) * side
        tiles.append(np.concatenate([corner, np.broadcast_to(side, corner.shape)], axis=1))
    return np.concatenate(tiles).astype(np.float32)


def centred(corners: Values) -> Values:
    """Turn (boxes, 4) ymin, xmin, ymax, xmax into ycenter, xcenter, height, width."""
    first, last = corners[:, :2], corners[:, 2:]
    return np.concatenate([(first + last) / 2, last - first], axis=1).astype(np.float32)


def cornered(centres: Values) -> Values:
    """Undo `centred`."""
    half = centres[:, 2:] / 2
    return np.concatenate([centres[:, :2] - half, centres[:, :2] + half], axis=1).astype(np.float32)
