"""Figures of devices in the table of a sweep: those that have a column of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.recipe import aim_of


def device_figures(jobs: Sequence[Mapping[str, Any]], metric: str) -> list[str]:
    """Name, as METRIC@TARGET, the figures of devices that have a column of their own.

    These are what only a target can report; and of every target behind the first, accuracy and latency.

    Args:
        jobs: of a summary.
        metric: the accuracy's name.
    """
    names = dict.fromkeys(name for job in jobs for name in job.get("figures", {}))
    first = next((name.partition("@")[2] for name in names), "")
    return [name for name in names if _of_device(*aim_of(name), metric, first)]


def _of_device(name: str, target: str, metric: str, first: str) -> bool:
    only_there = name in METRICS and issubclass(METRICS.get(name), TargetMetric)
    return only_there or (target != first and name in (metric, "latency"))
