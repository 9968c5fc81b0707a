"""Heatmaps of points: what a model is trained to give, and the points that its own show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SPREAD = 1.0
"""Deviation of a wanted heatmap around its point, in cells."""

WINDOW = 2
"""Cells on each side of the best one that a point's place is the mean of."""


def wanted(
    annotations: Sequence[npt.NDArray[np.float64]], grid: Sequence[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Give the heatmaps of a batch, and which points count.

    Args:
        annotations: of each sample (points + 2, 4), see `tflbuild.core.points`.
        grid: rows and columns of a heatmap.

    Returns:
        (batch, rows, columns, points), each of which sums to 1 where its point counts and is 0 where it does not; and
        (batch, points), 1 for points that are marked and lie in the picture, 0 for others.
    """
    points = np.stack(annotations)[:, :-2]
    place, marked = points[..., :2], points[..., 2] > 0
    counts = marked & ((place >= 0) & (place <= 1)).all(axis=-1)
    down, across = (_bell(place[..., axis], side) for axis, side in enumerate(grid))
    maps = down[:, :, None] * across[:, None] * counts[:, None, None]
    return maps.astype(np.float32), counts.astype(np.float32)


def _bell(places: Floats, side: int) -> Floats:
    """Give (batch, side, points): a bell curve around each place, which sums to 1."""
    away = (np.arange(side) + 0.5)[None, :, None] - places[:, None] * side
    curve = np.exp(-np.square(away / SPREAD) / 2)
    return np.asarray(curve / np.maximum(curve.sum(axis=1, keepdims=True), 1e-12))


def points_of(maps: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Read points off heatmaps.

    Each heatmap holds logits over its cells. A point is the mean of the cells around the best one, 5 x 5 of them,
    weighted by their probability; it lies between cells, too. How sure it is, is the probability of these cells
    together.

    Args:
        maps: (rows, columns, points) logits.

    Returns:
        (points, 2) y and x in 0..1 of the input, and (points,) in 0..1.
    """
    rows, columns, count = maps.shape
    flat = maps.reshape(-1, count).astype(np.float64)
    powers = np.exp(flat - flat.max(axis=0))
    shares = (powers / powers.sum(axis=0)).reshape(rows, columns, count)
    best = np.unravel_index(flat.argmax(axis=0), (rows, columns))
    near = [
        np.abs(np.arange(side)[:, None] - place[None]) <= WINDOW
        for side, place in zip((rows, columns), best, strict=True)
    ]
    window = shares * near[0][:, None] * near[1][None]
    mass = window.sum(axis=(0, 1))
    y = (window.sum(axis=1) * (np.arange(rows)[:, None] + 0.5)).sum(axis=0) / mass / rows
    x = (window.sum(axis=0) * (np.arange(columns)[:, None] + 0.5)).sum(axis=0) / mass / columns
    return np.stack([y, x], axis=1).astype(np.float32), mass.astype(np.float32)
