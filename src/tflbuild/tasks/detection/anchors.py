"""Default boxes of a detector, from its feature maps alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.tasks.detection.detector import AnchorOptions, PyramidAnchors

__all__ = ["AnchorOptions", "PyramidAnchors", "anchors", "boxes_per_cell"]


def anchors(
    feature_maps: Sequence[Sequence[int]], options: AnchorOptions | PyramidAnchors
) -> npt.NDArray[np.float32]:
    """Lay the default boxes over every cell of every feature map.

    Args:
        feature_maps: (rows, columns) of each map, the finest first.
        options: scales and aspect ratios.

    Returns:
        (anchors, 4) float32: ycenter, xcenter, height, width in 0..1, by map, row, column, box.
    """
    shapes = (
        [_in_cells(rows, columns, options) for rows, columns in feature_maps]
        if isinstance(options, PyramidAnchors)
        else _shapes(len(feature_maps), options)
    )
    tiles = [_tile(rows, columns, boxes) for (rows, columns), boxes in zip(feature_maps, shapes, strict=True)]
    return np.concatenate(tiles).astype(np.float32)


def boxes_per_cell(maps: int, options: AnchorOptions | PyramidAnchors) -> list[int]:
    """Count the default boxes of one cell of each map."""
    if isinstance(options, PyramidAnchors):
        return [options.octaves * len(options.aspect_ratios)] * maps
    return [len(boxes) for boxes in _shapes(maps, options)]


def _in_cells(rows: int, columns: int, options: PyramidAnchors) -> list[tuple[float, float]]:
    """Give (height, width) of the boxes of one cell of a map."""
    sizes = [options.scale * 2 ** (octave / options.octaves) for octave in range(options.octaves)]
    return [
        (size / math.sqrt(ratio) / rows, size * math.sqrt(ratio) / columns)
        for size in sizes
        for ratio in options.aspect_ratios
    ]


def _shapes(maps: int, options: AnchorOptions) -> list[list[tuple[float, float]]]:
    """Give (height, width) of the boxes of one cell, for each map."""
    step = (options.max_scale - options.min_scale) / max(maps - 1, 1)
    scales = [options.min_scale + step * level for level in range(maps)] + [1.0]
    shapes = []
    for level in range(maps):
        scale, following = scales[level], scales[level + 1]
        if level == 0 and options.reduced_finest:
            boxes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            boxes = [(scale, ratio) for ratio in options.aspect_ratios]
            boxes += [(math.sqrt(scale * following), 1.0)] if options.extra_square else []
        shapes.append([(size / math.sqrt(ratio), size * math.sqrt(ratio)) for size, ratio in boxes])
    return shapes


def _tile(rows: int, columns: int, shapes: list[tuple[float, float]]) -> npt.NDArray[np.float64]:
    """Put boxes of the given shapes at the centre of every cell."""
    y, x, box = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(len(shapes)), indexing="ij")
    sizes = np.asarray(shapes, np.float64)[box.ravel()]
    centres = np.stack([(y.ravel() + 0.5) / rows, (x.ravel() + 0.5) / columns], axis=1)
    return np.concatenate([centres, sizes], axis=1)
