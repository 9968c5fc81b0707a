"""Spread: how much the figures of jobs vary that differ in nothing but their seed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SEED = "seed"


def groups_of(rows: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Give the spread of every group of jobs that differ in nothing but their seed.

    Args:
        rows: of a summary; those that were not built have no figures and only count.
        metric: the accuracy's name.

    Returns:
        Nothing where no job differs by its seed. Each group says `overrides` (what its jobs share), `jobs` (their
        names), `built`, and of `metric`, "bytes" and "latency_ms" the spread: see `spread_of`.
    """
    grouped: dict[tuple[tuple[str, str], ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if SEED in row["overrides"]:
            shared = tuple((key, value) for key, value in row["overrides"].items() if key != SEED)
            grouped.setdefault(shared, []).append(row)
    return [_group(dict(shared), members, metric) for shared, members in grouped.items()]


def _group(shared: dict[str, str], rows: list[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    built = [row for row in rows if row["status"] == "built"]
    figures = {
        metric: [row["metrics"].get(metric, {}).get("value") for row in built],
        "bytes": [row.get("bytes") for row in built],
        "latency_ms": [row.get("latency_ms") for row in built],
    }
    return {
        "overrides": shared,
        "jobs": [row["name"] for row in rows],
        "built": len(built),
        "figures": {
            name: spread_of([v for v in values if v is not None]) for name, values in figures.items()
        },
    }


def spread_of(values: Sequence[float]) -> dict[str, float | None]:
    """Give n, mean, sample standard deviation, least and greatest of some values; None for what they do not give.

    >>> spread_of([1.0, 2.0, 3.0])
    {'n': 3, 'mean': 2.0, 'sd': 1.0, 'min': 1.0, 'max': 3.0}
    """
    return {
        "n": len(values),
        "mean": statistics.fmean(values) if values else None,
        "sd": statistics.stdev(values) if len(values) > 1 else None,
        "min": min(values, default=None),
        "max": max(values, default=None),
    }
