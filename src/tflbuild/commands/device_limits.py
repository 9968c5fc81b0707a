"""Limits of a budget, judged on the devices of `tflbuild check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import METRICS, Measurement, TargetMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.target import COVERAGE, Target
from tflbuild.engine.gate import judge

SIZE = "size"


def judged_on_devices(
    limits: Sequence[Limit],
    targets: Mapping[str, Target],
    devices: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, Any]],
    file: Path,
) -> Iterator[tuple[str, Verdict]]:
    """Judge each limit for every device that has its metric.

    Raises:
        RecipeError: a metric is none that is known here.
    """
    for limit in limits:
        judged = False
        if limit.on and limit.on not in targets:
            raise RecipeError(
                f"budget.{limit.metric}.on: '{plain(limit.on)}' is not one of the devices that are checked, "
                f"{', '.join(map(plain, targets))}.{did_you_mean(limit.on, targets)}"
            )
        for name, placed in zip(targets, devices, strict=True):
            if limit.on not in ("", name):
                continue
            value = _value(limit.metric, targets[name], placed, figures[name], file)
            if value is not None:
                judged = True
                yield name, judge(limit, value)
        if not judged:
            whom = plain(limit.on or ", ".join(targets))
            raise RecipeError(
                f"budget.{limit.metric}: check does not measure it for {whom}; it knows {COVERAGE} of accelerators, "
                f"{SIZE}, and with --compile what the compiler reports."
            )


def _value(
    metric: str, target: Target, placed: Mapping[str, Any], figures: Mapping[str, Any], file: Path
) -> Measurement | None:
    if metric == SIZE:
        return Measurement(value=float(file.stat().st_size), unit="bytes")
    if not issubclass(METRICS.get(metric), TargetMetric):
        return None
    found = figures.get(metric)
    if found is None and metric == COVERAGE and target.offloads:
        found = placed["coverage"]
    return None if found is None else Measurement(value=float(found), unit=METRICS.get(metric).unit)
