"""Metrics and ended steps as reports and events hold them."""

from __future__ import annotations

from typing import Any


def metrics(
    value: float | None, low: float | None = None, high: float | None = None, name: str = "map"
) -> Any:
    return {name: {"value": value, "low": low, "high": high}}


def step(**more: Any) -> dict[str, Any]:
    made = {"label": "prune", "outcome": "ran", "seconds": 12.34, "bytes": 812345, "metrics": metrics(0.5)}
    return made | more
