"""The geometry of a curve: one value against another, with the points that keep to the budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tflbuild.core.exhibit import Curve
from tflbuild.show.pages.figures import figure
from tflbuild.show.pages.waterfall import BOTTOM, HEIGHT, LEFT, RIGHT, round_values, scale_of

WIDTH = 560

NARROWEST = 0.01
"""Span of the vertical axis at least; what differs by less is drawn as nearly the same."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A placed curve.

    Attributes:
        ticks: lines across.
        columns: marks of the horizontal axis.
        points: dots with their text and state, "kept", "left" or "closed".
        line: through all points.
    """

    x_name: str
    y_name: str
    ticks: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    points: list[dict[str, Any]]
    line: str
    width: float = WIDTH
    height: float = HEIGHT
    bottom: float = BOTTOM


def place(curve: Curve) -> Drawing:
    """Give positions to the points of a curve."""
    ys = [point.y for point in curve.points]
    middle = (min(ys) + max(ys)) / 2
    ends = (middle - NARROWEST / 2, middle + NARROWEST / 2)
    scale = scale_of([{"value": value} for value in (*ys, *ends)])
    xs = [point.x for point in curve.points]
    margin = 0.12 * (max(xs) - min(xs)) or 0.1
    low, high = min(xs) - margin, max(xs) + margin

    def across(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    values, decimals = round_values(low, high)
    points = [
        {
            "x": across(point.x),
            "y": scale.y(point.y),
            "text": figure(point.y, "1"),
            "state": "kept" if point.kept else "left" if point.ok else "closed",
        }
        for point in curve.points
    ]
    return Drawing(
        x_name=curve.x_name,
        y_name=curve.y_name,
        ticks=scale.ticks(),
        columns=[{"x": across(value), "text": f"{value:.{decimals}f}"} for value in values],
        points=points,
        line=" ".join(f"{point['x']},{point['y']}" for point in points),
    )
