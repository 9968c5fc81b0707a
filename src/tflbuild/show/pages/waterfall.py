"""The geometry of the pages' charts; the templates draw it as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core import budget
from tflbuild.show.pages.figures import change, figure

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 320, 44, 56, 56, 16
WIDEST_COLUMN, PANEL_GAP, WIDTH = 170, 44, 960
LETTER = 6.8
"""Width of a letter under a column."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One measurement of the chart, before it is placed.

    Attributes:
        label: under the column.
        measurement: as report.json holds it.
        state: "kept", "closed" (it exceeded its limit) or "left" (a step that something else took the place of).
        limits: floors and ceilings: value, and whether the measurement must be above it.
        output: digest of what was measured.
        input: digest of what it was made from; "" for nothing.
    """

    label: str
    measurement: Mapping[str, Any]
    state: str = "kept"
    limits: tuple[tuple[float, bool], ...] = ()
    output: str = ""
    input: str = ""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps values to vertical positions."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Give a position inside the plot; what lies outside is put at its edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM), 1)

    def holds(self, value: float) -> bool:
        """Say whether a value lies inside the plot."""
        return self.low <= value <= self.high

    def ticks(self) -> list[dict[str, Any]]:
        """Give round values within the range with their positions."""
        values, decimals = round_values(self.low, self.high)
        return [{"y": self.y(value), "text": f"{value:.{decimals}f}"} for value in values]


@dataclass(kw_only=True)
class Waterfall:
    """A chart of a metric after every step, in panels by split.

    Attributes:
        metric: the metric's name.
        width: of the drawing.
        ticks: lines across.
        panels: `x`, `width` and `title` of every panel.
        points: one per measurement.
        links: lines from the point a step started from to the step's own.
        limits: lines of the budget.
    """

    metric: str
    width: float = WIDTH
    height: float = HEIGHT
    ticks: list[dict[str, Any]] = field(default_factory=list)
    panels: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)


def waterfall(metric: str, unit: str, panels: Sequence[tuple[str, Sequence[Column]]]) -> Waterfall | None:
    """Place measurements side by side; None where nothing was measured.

    Args:
        metric: its name.
        unit: of its values.
        panels: title and columns of each, e.g. one for every split.
    """
    panels = [(title, columns) for title, columns in panels if columns]
    if not panels:
        return None
    every = [column for _, columns in panels for column in columns]
    drawn = [limit for column in every for limit in column.limits if not _vacuous(*limit)]
    scale = scale_of([column.measurement for column in every], [value for value, _ in drawn])
    count = sum(len(columns) for _, columns in panels)
    room = WIDTH - LEFT - RIGHT - PANEL_GAP * (len(panels) - 1)
    step = min(WIDEST_COLUMN, room / count)
    chart = Waterfall(metric=metric, ticks=scale.ticks())
    x: float = LEFT
    for title, columns in panels:
        chart.panels.append({"x": x, "width": round(step * len(columns), 1), "title": title})
        _place(chart, scale, unit, columns, x, step)
        x += step * len(columns) + PANEL_GAP
    chart.width = round(x - PANEL_GAP + RIGHT, 1)
    return chart


def _place(
    chart: Waterfall, scale: Scale, unit: str, columns: Sequence[Column], x: float, step: float
) -> None:
    made: dict[str, dict[str, Any]] = {}
    before: dict[str, Any] | None = None
    for position, column in enumerate(columns):
        point = _point(scale, unit, column, x + step * (position + 0.5))
        point["short"] = fitting(column.label, step)
        start = made.get(column.input, before)
        if start is not None:
            point["change"] = change(point["value"] - start["value"], unit)
            link = {key: start[key] for key in ("x", "y")} | {"x2": point["x"], "y2": point["y"]}
            chart.links.append(link | {"state": column.state})
        chart.points.append(point)
        chart.limits += [
            _limit(scale, unit, *limit, point["x"], step) for limit in column.limits if not _vacuous(*limit)
        ]
        made[column.output] = point
        if column.state == "kept":
            before = point


def _point(scale: Scale, unit: str, column: Column, x: float) -> dict[str, Any]:
    measured = column.measurement
    low, high = measured.get("low"), measured.get("high")
    value = measured["value"]
    return {
        "x": round(x, 1),
        "y": scale.y(value),
        "low": scale.y(value if low is None else low),
        "high": scale.y(value if high is None else high),
        "value": value,
        "text": figure(value, unit),
        "label": column.label,
        "state": column.state,
        "change": "",
    }


def fitting(text: str, width: float) -> str:
    """Cut a text so that it stays within a width."""
    letters = max(4, int(width / LETTER))
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _vacuous(value: float, floor: bool) -> bool:
    """Say whether a limit forbids nothing: no metric is below 0."""
    return floor and value <= 0


def _limit(scale: Scale, unit: str, value: float, floor: bool, x: float, step: float) -> dict[str, Any]:
    inside = scale.holds(value)
    arrow = "" if inside else (" ↑" if value > scale.high else " ↓")
    return {
        "middle": x,
        "x": round(x - step * 0.42, 1),
        "x2": round(x + step * 0.42, 1),
        "y": scale.y(value),
        "text": f"{'≥' if floor else '≤'} {figure(value, unit)}{arrow}",
    }


def scale_of(measurements: Iterable[Mapping[str, Any]], limits: Iterable[float] = ()) -> Scale:
    """Span every measurement with its interval, and the limits that are not far off."""
    ends = ("value", "low", "high")
    values = [found[end] for found in measurements for end in ends if found.get(end) is not None]
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    near = [value for value in limits if low - 1.5 * span <= value <= high + 1.5 * span]
    low, high = min([low, *near]), max([high, *near])
    margin = 0.12 * ((high - low) or span)
    return Scale(low=max(0.0, low - margin) if low >= 0 else low - margin, high=high + margin)


def round_values(low: float, high: float) -> tuple[list[float], int]:
    """Give four to seven round values of a range: multiples of 1, 2 or 5 times a power of ten, and their decimals."""
    rough = (high - low) / 7
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)], decimals


def limits_of(verdicts: Iterable[Mapping[str, Any]], metric: str) -> tuple[tuple[float, bool], ...]:
    """Give the lines that a metric's verdicts draw: a value, and whether it is a floor."""
    return tuple(
        (line, limit.floor)
        for verdict in verdicts
        if verdict["metric"] == metric
        for limit in budget.limits_of({metric: verdict["limit"]})
        if (line := limit.line(verdict.get("baseline"))) is not None
    )


def gauge(verdict: Mapping[str, Any]) -> dict[str, Any] | None:
    """Place a verdict's interval against its limit on a line from 0 to 100; None where there is no interval."""
    low, high = verdict.get("low"), verdict.get("high")
    bounds = [(form, bound) for form, bound in verdict["limit"].items() if form not in budget.QUALIFIERS]
    if low is None or high is None or not bounds:
        return None
    form, bound = bounds[0]
    first, last = min(low, bound, 0 if form.startswith("max_") else low), max(high, bound)
    span = (last - first) or 1.0

    def place(value: float) -> float:
        return float(round(6 + 88 * (value - first) / span, 2))

    return {
        "low": place(low),
        "width": round(max(0.8, place(high) - place(low)), 2),
        "limit": place(bound),
        "zero": place(0.0) if first <= 0 <= last and form.startswith("max_") else None,
        "allowed_right": form == "min",
    }
