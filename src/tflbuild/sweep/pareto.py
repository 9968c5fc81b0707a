"""Pareto optimality: the jobs that no other job equals in everything and beats in something."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def optimal(rows: Sequence[Mapping[str, Any]], metric: str) -> list[bool]:
    """Say of each row whether it is Pareto-optimal among the built: accuracy up, bytes and latency down.

    A figure that was not measured counts as the worst.

    Args:
        rows: of a summary.
        metric: the accuracy's name.
    """
    costs = [_costs(row, metric) if row["status"] == "built" else None for row in rows]
    built = [cost for cost in costs if cost is not None]
    return [cost is not None and not any(_dominates(other, cost) for other in built) for cost in costs]


def _costs(row: Mapping[str, Any], metric: str) -> tuple[float, ...]:
    accuracy = row["metrics"].get(metric, {}).get("value")
    worst = math.inf
    return (
        worst if accuracy is None else -accuracy,
        worst if row.get("bytes") is None else row["bytes"],
        worst if row.get("latency_ms") is None else row["latency_ms"],
    )


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
