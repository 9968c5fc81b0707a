"""The geometry of a sweep's chart: accuracy against what it costs, with the jobs that nothing beats at both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tflbuild.show.pages.figures import figure, short
from tflbuild.show.pages.waterfall import HEIGHT, LEFT, RIGHT, WIDTH, round_values, scale_of


class Across(NamedTuple):
    """A cost that accuracy is drawn against.

    Attributes:
        key: of a job in summary.json.
        name: a word for it.
        axis: what stands below the axis, with its unit.
        unit: of a mark of the axis, in units of the figure.
        text: unit that a job's figure is written in.
    """

    key: str
    name: str
    axis: str
    unit: float
    text: str


Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""

DOT, DIGIT, TALL = 7.0, 9.0, 11.0
"""Half the side of a point, and the size of a digit beside it."""

AROUND = (
    (13, -6),
    (13, 14),
    (-13, -6),
    (-13, 14),
    (0, -14),
    (0, 23),
    (22, 4),
    (-22, 4),
    (26, -18),
    (-26, -18),
    (26, 28),
)
"""Places of a number beside its point, the first choice first."""

SIZE = Across("compressed_bytes", "size", "compressed size, KiB", 1024.0, "bytes")
LATENCY = Across("latency_ms", "latency", "latency, ms", 1.0, "ms")


@dataclass(kw_only=True)
class Scatter:
    """A chart of jobs.

    Attributes:
        metric: along the vertical axis.
        across: along the horizontal axis.
        ticks: lines across.
        columns: marks of the horizontal axis.
        points: one per measured job, numbered as in the table.
        front: path through the jobs that no cheaper job equals in accuracy.
    """

    metric: str
    across: Across
    width: float = WIDTH
    height: float = HEIGHT
    ticks: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    points: list[dict[str, Any]]
    front: str


def scatter(jobs: Sequence[Mapping[str, Any]], metric: str, across: Across = SIZE) -> Scatter | None:
    """Place jobs by a figure and accuracy; None where fewer than two were measured."""
    measured = [
        (number, job, job["metrics"][metric])
        for number, job in enumerate(jobs, start=1)
        if job.get(across.key) and job.get("metrics", {}).get(metric, {}).get("value") is not None
    ]
    if len(measured) < 2:
        return None
    costs = [job[across.key] / across.unit for _, job, _ in measured]
    margin = 0.08 * (max(costs) - min(costs)) or 0.1 * max(costs)
    low, high = min(costs) - margin, max(costs) + margin
    scale = scale_of([found for _, _, found in measured])

    def x(cost: float) -> float:
        return float(round(LEFT + (cost - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1))

    values, decimals = round_values(low, high)
    points = [
        {
            "x": x(cost),
            "y": scale.y(found["value"]),
            "low": scale.y(found["value"] if found.get("low") is None else found["low"]),
            "high": scale.y(found["value"] if found.get("high") is None else found["high"]),
            "number": number,
            "status": job["status"],
            "pareto": job["pareto"],
            "run": job.get("run"),
            "text": text_of(job, metric),
            "rank": (cost, -found["value"]),
        }
        for (number, job, found), cost in zip(measured, costs, strict=True)
    ]
    _label(points)
    return Scatter(
        metric=metric,
        across=across,
        ticks=scale.ticks(),
        columns=[{"x": x(value), "text": f"{value:.{decimals}f}"} for value in values],
        points=points,
        front=_front(points),
    )


def _label(points: Sequence[dict[str, Any]]) -> None:
    """Put each number beside its point where it lies over no other point or number, if there is such a place."""
    taken: list[Box] = [(p["x"] - DOT, p["y"] - DOT, p["x"] + DOT, p["y"] + DOT) for p in points]
    for point in points:
        wide = DIGIT * len(str(point["number"]))
        boxes = [_box(point, dx, dy, wide) for dx, dy in AROUND]
        best = min(range(len(AROUND)), key=lambda place: sum(_meet(boxes[place], other) for other in taken))
        dx, dy = AROUND[best]
        anchor = "start" if dx > 0 else "end" if dx < 0 else "middle"
        point |= {"text_x": round(point["x"] + dx, 1), "text_y": round(point["y"] + dy, 1), "anchor": anchor}
        taken.append(boxes[best])


def _box(point: Mapping[str, Any], dx: float, dy: float, wide: float) -> Box:
    left = point["x"] + dx - (0 if dx > 0 else wide if dx < 0 else wide / 2)
    return (left, point["y"] + dy - TALL, left + wide, point["y"] + dy)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def text_of(job: Mapping[str, Any], metric: str) -> str:
    """Say what a job was built with, and what it came to."""
    settings = ", ".join(f"{key}={short(value)}" for key, value in job["overrides"].items())
    found = job.get("metrics", {}).get(metric)
    figures = [f"{metric} {figure(found['value'], found['unit'])}"] if found else []
    figures += [
        f"{across.name} {figure(job[across.key], across.text)}"
        for across in (SIZE, LATENCY)
        if job.get(across.key)
    ]
    return f"{settings or 'as it is'}: {', '.join(figures) or str(job['status']).replace('_', ' ')}"


def _front(points: Sequence[Mapping[str, Any]]) -> str:
    """Give the polyline through built jobs, by rising cost, each more accurate than all cheaper ones."""
    best = float("inf")
    corners = []
    for point in sorted((p for p in points if p["status"] == "built"), key=lambda p: p["rank"]):
        if point["y"] < best:
            best = point["y"]
            corners.append(f"{point['x']},{point['y']}")
    return " ".join(corners) if len(corners) > 1 else ""
