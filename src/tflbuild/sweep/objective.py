"""The objective of an optimising sweep: a job's figures, their directions, and its excess over the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tflbuild.core.budget import limits_of
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS
from tflbuild.core.recipe import Recipe, aim_of
from tflbuild.recipe.choices import check_objective

OF_THE_FILE = {"size": "bytes", "compressed_size": "compressed_bytes", "latency": "latency_ms"}
"""Metrics that a summary's row holds beside `metrics`, by the row's name for them."""

Direction = Literal["maximize", "minimize"]

LEAST = 1e-6
"""The smallest violation reported for a job over its budget, e.g. when an undecided gate is a breach."""


def directions_of(recipe: Recipe) -> list[Direction]:
    """Give "maximize" or "minimize" for each metric of `objective`.

    Raises:
        RecipeError: there is none, or it is no metric of the recipe's task.
    """
    if not recipe.objective:
        raise RecipeError("objective: a search needs an objective, e.g. objective=[map,size].")
    check_objective(recipe.objective, recipe.data.task)
    return ["maximize" if METRICS.get(name).higher_is_better else "minimize" for name, _ in recipe.aims]


def figures_of(row: Mapping[str, Any], objective: Sequence[str]) -> list[float] | None:
    """Give a built job's figures in the order of the objective; None where one was not measured.

    Args:
        row: of the summary.
        objective: names of metrics, of the first target or METRIC@TARGET.
    """
    figures = row.get("figures", {})
    found = [
        figures.get(name)
        if "@" in name
        else _figure(row["metrics"], name, row.get(OF_THE_FILE.get(name, "")))
        for name in objective
    ]
    return _complete(found)


def figures_at_gate(report: Mapping[str, Any], objective: Sequence[str]) -> list[float] | None:
    """Give the figures, on the validation split, of the model whose budget was exceeded; None where one is missing.

    The figure of a named target is the one that its limit was held against, if any.
    """
    if not report["passes"]:
        return None
    last = report["passes"][-1]
    size = last["bytes"] if last["kind"] == "TFLiteModel" else None
    return _complete(
        [
            _judged(report, name)
            if "@" in name
            else _figure(last["metrics"], name, size if name == "size" else None)
            for name in objective
        ]
    )


def _judged(report: Mapping[str, Any], name: str) -> float | None:
    """Give what the total budget was held against of METRIC@TARGET; None where it has no limit on it."""
    wanted = aim_of(name)
    found = (v["value"] for v in report["budget"]["verdicts"] if (v["metric"], v.get("target")) == wanted)
    return next(found, None)


def excess_of(report: Mapping[str, Any]) -> float:
    """Give how far a job that is over its budget is over it: the sum over limits, each in units of its bound.

    Infinity where one could not be measured: no job that was measured is worse.
    """
    verdicts = [verdict for verdict in report["budget"]["verdicts"] if not verdict["ok"]]
    if not verdicts and report["passes"]:
        verdicts = [verdict for verdict in report["passes"][-1]["verdicts"] if not verdict["ok"]]
    return max(LEAST, sum(_excess(verdict) for verdict in verdicts))


def _excess(verdict: Mapping[str, Any]) -> float:
    limits = limits_of({verdict["metric"]: verdict["limit"]})
    return sum(limit.excess(verdict["value"], verdict["baseline"]) for limit in limits)


def _figure(metrics: Mapping[str, Any], name: str, otherwise: float | None) -> float | None:
    value = metrics.get(name, {}).get("value")
    return otherwise if value is None else float(value)


def _complete(found: list[float | None]) -> list[float] | None:
    values = [float(value) for value in found if value is not None and math.isfinite(value)]
    return values if len(values) == len(found) else None
