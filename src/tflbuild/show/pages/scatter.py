"""The geometry of a sweep's chart: accuracy against size, with the jobs that nothing beats at both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.show.pages.figures import figure
from tflbuild.show.pages.waterfall import HEIGHT, LEFT, RIGHT, WIDTH, round_values, scale_of


@dataclass(kw_only=True)
class Scatter:
    """A chart of jobs.

    Attributes:
        metric: along the vertical axis.
        ticks: lines across.
        columns: marks of the horizontal axis, in KiB.
        points: one per measured job, numbered as in the table.
        front: path through the jobs that no smaller job equals in accuracy.
    """

    metric: str
    width: float = WIDTH
    height: float = HEIGHT
    ticks: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    points: list[dict[str, Any]]
    front: str


def scatter(jobs: Sequence[Mapping[str, Any]], metric: str) -> Scatter | None:
    """Place jobs by compressed size and accuracy; None where fewer than two were measured."""
    measured = [
        (number, job, job["metrics"][metric])
        for number, job in enumerate(jobs, start=1)
        if job.get("compressed_bytes") and job.get("metrics", {}).get(metric, {}).get("value") is not None
    ]
    if len(measured) < 2:
        return None
    sizes = [job["compressed_bytes"] / 1024 for _, job, _ in measured]
    margin = 0.08 * (max(sizes) - min(sizes)) or 0.1 * max(sizes)
    low, high = min(sizes) - margin, max(sizes) + margin
    scale = scale_of([found for _, _, found in measured])

    def x(size: float) -> float:
        return float(round(LEFT + (size - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1))

    values, decimals = round_values(low, high)
    points = [
        {
            "x": x(size),
            "y": scale.y(found["value"]),
            "low": scale.y(found["value"] if found.get("low") is None else found["low"]),
            "high": scale.y(found["value"] if found.get("high") is None else found["high"]),
            "number": number,
            "status": job["status"],
            "pareto": job["pareto"],
            "text": f"{_settings(job)}: {figure(found['value'], found['unit'])}, {size:.0f} KiB",
            "rank": (size, -found["value"]),
        }
        for (number, job, found), size in zip(measured, sizes, strict=True)
    ]
    return Scatter(
        metric=metric,
        ticks=scale.ticks(),
        columns=[{"x": x(value), "text": f"{value:.{decimals}f}"} for value in values],
        points=points,
        front=_front(points),
    )


def _settings(job: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in job["overrides"].items())


def _front(points: Sequence[Mapping[str, Any]]) -> str:
    """Give the polyline through built jobs, by rising size, each more accurate than all smaller ones."""
    best = float("inf")
    corners = []
    for point in sorted((p for p in points if p["status"] == "built"), key=lambda p: p["rank"]):
        if point["y"] < best:
            best = point["y"]
            corners.append(f"{point['x']},{point['y']}")
    return " ".join(corners) if len(corners) > 1 else ""
