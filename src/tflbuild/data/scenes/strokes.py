"""Strokes, discs and rings with soft edges: single IEEE operations and roots, which every machine rounds alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float64]
Point = tuple[float, float]
Colour = tuple[int, int, int]


def turned(angle: float) -> Point:
    """Give sine and cosine of an angle in degrees, rounded to 1/4096.

    >>> turned(30)
    (0.5, 0.865966796875)
    """
    radians = math.radians(angle)
    return round(math.sin(radians) * 4096) / 4096, round(math.cos(radians) * 4096) / 4096


class _Window:
    """The part of a canvas that a shape may reach, with the centres of its pixels."""

    def __init__(self, canvas: Canvas, points: Sequence[Point], reach: float) -> None:
        spans = []
        for axis, side in enumerate(canvas.shape[:2]):
            places = [point[axis] for point in points]
            low, high = math.floor(min(places) - reach - 1), math.ceil(max(places) + reach + 1)
            spans.append((min(max(low, 0), side), min(max(high, 0), side)))
        (top, bottom), (left, right) = spans
        self._part = canvas[top:bottom, left:right]
        self.y, self.x = np.arange(top, bottom)[:, None] + 0.5, np.arange(left, right)[None] + 0.5

    def away(self, point: Point) -> NDArray[np.float64]:
        """Give how far each pixel is from a point."""
        return _length(self.y - point[0], self.x - point[1])

    def blend(self, outside: NDArray[np.float64], colour: Colour) -> None:
        """Put a colour where a shape is, by how far pixels are outside; at its edge it covers a part of a pixel."""
        cover = np.clip(0.5 - outside, 0.0, 1.0)[..., None]
        self._part += cover * (np.array(colour, np.float64) - self._part)


def stroke(canvas: Canvas, start: Point, end: Point, width: float, colour: Colour) -> None:
    """Draw a line with round ends; points are (y, x) in pixels."""
    window = _Window(canvas, (start, end), width / 2)
    down, across = end[0] - start[0], end[1] - start[1]
    length = down * down + across * across
    y, x = window.y - start[0], window.x - start[1]
    part = np.clip((y * down + x * across) / length, 0.0, 1.0) if length else np.zeros((1, 1))
    window.blend(_length(y - part * down, x - part * across) - width / 2, colour)


def disc(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    """Draw a filled circle."""
    window = _Window(canvas, (centre,), radius)
    window.blend(window.away(centre) - radius, colour)


def ring(canvas: Canvas, centre: Point, radius: float, width: float, colour: Colour) -> None:
    """Draw a circle that is not filled."""
    window = _Window(canvas, (centre,), radius + width / 2)
    window.blend(np.abs(window.away(centre) - radius) - width / 2, colour)


def _length(down: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(down * down + across * across))
