"""Strokes, discs and rings with soft edges, in single IEEE operations and square roots, which every machine rounds alike."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float64]
Point = tuple[float, float]
Colour = tuple[int, int, int]


def turned(angle: float) -> Point:
    """Give sine and cosine of an angle in degrees, rounded to 1/4096.

    >>> turned(30)
    (0.5, 0.866943359375)
    """
    radians = math.radians(angle)
    return round(math.sin(radians) * 4096) / 4096, round(math.cos(radians) * 4096) / 4096


def stroke(canvas: Canvas, start: Point, end: Point, width: float, colour: Colour) -> None:
    """Draw a line with round ends; points are (y, x) in pixels."""
    y, x = _grid(canvas)
    down, across = end[0] - start[0], end[1] - start[1]
    length = down * down + across * across
    if length:
        part = np.clip(((y - start[0]) * down + (x - start[1]) * across) / length, 0.0, 1.0)
    else:
        part = np.zeros((1, 1))
    _blend(canvas, _distance(y - start[0] - part * down, x - start[1] - part * across) - width / 2, colour)


def disc(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    """Draw a filled circle."""
    y, x = _grid(canvas)
    _blend(canvas, _distance(y - centre[0], x - centre[1]) - radius, colour)


def ring(canvas: Canvas, centre: Point, radius: float, width: float, colour: Colour) -> None:
    """Draw a circle that is not filled."""
    y, x = _grid(canvas)
    away = np.abs(_distance(y - centre[0], x - centre[1]) - radius)
    _blend(canvas, away - width / 2, colour)


def _grid(canvas: Canvas) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = canvas.shape[:2]
    return np.arange(rows)[:, None] + 0.5, np.arange(columns)[None] + 0.5


def _distance(down: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(down * down + across * across))


def _blend(canvas: Canvas, outside: NDArray[np.float64], colour: Colour) -> None:
    """Put a colour where a shape is; at its edge it covers a part of a pixel."""
    cover = np.clip(0.5 - outside, 0.0, 1.0)[..., None]
    canvas += cover * (np.array(colour, np.float64) - canvas)
