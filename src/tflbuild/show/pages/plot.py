"""The geometry of a plot: lines over one axis, with one place marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tflbuild.core.exhibit import Plot
from tflbuild.show.pages.waterfall import BOTTOM, HEIGHT, LEFT, RIGHT, Scale, round_values, scale_of

WIDTH = 560
TOP_TEXT = 20
"""Height at which the names of axes stand."""

FLAT = 1e-9
"""Span of what does not vary."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A placed plot.

    Attributes:
        ticks: lines across, with their text.
        columns: marks of the horizontal axis.
        lines: name, and polylines between gaps.
        at: place and text of the mark, with the side that the text stands on; None for none.
    """

    x_name: str
    y_name: str
    ticks: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    at: dict[str, Any] | None
    width: float = WIDTH
    height: float = HEIGHT
    bottom: float = HEIGHT - BOTTOM
    text: float = TOP_TEXT


def place(plot: Plot) -> Drawing | None:
    """Give positions to the points of a plot; None where it has none."""
    points = [point for line in plot.lines for point in line.points]
    values = [y for _, y in points if y is not None]
    if not values:
        return None
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    span = (high - low) or FLAT
    scale = (
        Scale(low=plot.ends[0], high=plot.ends[1]) if plot.ends else scale_of([{"value": y} for y in values])
    )

    def across(x: float) -> float:
        return round(LEFT + (x - low) / span * (WIDTH - LEFT - RIGHT), 1)

    marks, decimals = round_values(low, low + span)
    lines = [
        {
            "name": line.name,
            "paths": _paths([(across(x), None if y is None else scale.y(y)) for x, y in line.points]),
        }
        for line in plot.lines
    ]
    return Drawing(
        x_name=plot.x_name,
        y_name=plot.y_name,
        ticks=scale.ticks(),
        columns=[{"x": across(value), "text": f"{value:,.{decimals}f}"} for value in marks],
        lines=lines,
        at=None if plot.at is None else _mark(across(plot.at), plot.mark),
    )


def _mark(x: float, text: str) -> dict[str, Any]:
    left = x > WIDTH / 2
    return {
        "x": x,
        "text": text,
        "text_x": round(x + (-6 if left else 6), 1),
        "anchor": "end" if left else "start",
    }


def _paths(points: Sequence[tuple[float, float | None]]) -> list[str]:
    """Join neighbours; what has no value ends a line."""
    runs = groupby(points, key=lambda point: point[1] is not None)
    return [" ".join(f"{x},{y}" for x, y in run) for known, run in runs if known]
