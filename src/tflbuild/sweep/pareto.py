"""Pareto optimality: the jobs that no other job equals in everything and beats in something, beyond noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.metric import METRICS


class Figure(NamedTuple):
    """A figure that may be anywhere between two ends."""

    value: float
    low: float
    high: float

    def over(self, other: Figure) -> int:
        """Say whether it is larger (1) or smaller (-1) than another; 0 where either lies within the other's ends."""
        if self.value > other.high and other.value < self.low:
            return 1
        return -1 if self.value < other.low and other.value > self.high else 0


WORST = Figure(-math.inf, -math.inf, -math.inf)
"""The figure of what was not measured: it is below any other."""


def rule(metric: str) -> str:
    """Say in two sentences what the mark means."""
    return (
        f"Pareto-optimal: no other built job is at least as good in {metric}, compressed size and latency, and better "
        f"in one. Differences of {metric} within a 95 % interval, and of latency within the timer's noise (from the "
        f"median to the 90 % quantile), count as none."
    )


def optimal(rows: Sequence[Mapping[str, Any]], metric: str) -> list[bool]:
    """Say of each row whether it is Pareto-optimal among the built, by `rule`: on what the charts' axes show.

    A figure that was not measured counts as the worst.

    Args:
        rows: of a summary.
        metric: the accuracy's name.
    """
    built = [row for row in rows if row["status"] == "built"]
    return [
        row["status"] == "built" and not any(_beats(other, row, metric) for other in built) for row in rows
    ]


def _beats(one: Mapping[str, Any], other: Mapping[str, Any], metric: str) -> bool:
    """Say whether a job is worse in nothing and better in something."""
    compared = [
        _compared(*_accuracies(one, other, metric)),
        _compared(_size(one), _size(other)),
        _compared(_latency(one), _latency(other)),
    ]
    return min(compared) >= 0 and max(compared) > 0


def _compared(one: Figure, other: Figure) -> int:
    return 0 if one == other else one.over(other)


def _accuracies(one: Mapping[str, Any], other: Mapping[str, Any], metric: str) -> tuple[Figure, Figure]:
    """Give two accuracies; of jobs with one base what changed since it, whose intervals are paired and narrower."""
    paired = [row.get("differences", {}).get(metric) for row in (one, other)]
    if all(paired) and one.get("base") == other.get("base"):
        found = paired
    else:
        found = [row["metrics"].get(metric) for row in (one, other)]
    sign = 1 if metric not in METRICS or METRICS.get(metric).higher_is_better else -1
    first, second = (_measured(each or {}, sign) for each in found)
    return first, second


def _measured(found: Mapping[str, Any], sign: int) -> Figure:
    value = found.get("value")
    if value is None:
        return WORST
    ends = [value if found.get(end) is None else found[end] for end in ("low", "high")]
    return Figure(sign * value, *sorted(sign * end for end in ends))


def _size(row: Mapping[str, Any]) -> Figure:
    held = row.get("compressed_bytes")
    held = row.get("bytes") if held is None else held
    return WORST if held is None else Figure(-held, -held, -held)


def _latency(row: Mapping[str, Any]) -> Figure:
    median, noise = row.get("latency_ms"), row.get("latency_noise_ms") or 0.0
    return WORST if median is None else Figure(-median, -median - noise, -median + noise)
