"""Which targets of a recipe can give a metric, so that a limit or an objective that none can is refused early."""

from __future__ import annotations

from typing import Any

from tflbuild.core.budget import Limit
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric, Metric, TargetMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.core.target import Target, giving


def gives(target: type[Target], metric: str) -> bool:
    """Say whether a delivered file of a target can have a metric at all."""
    cls: type[Metric] = METRICS.get(metric)
    if target.reports(metric):
        return True
    if issubclass(cls, TargetMetric):
        return bool(cls.target) and target.name.startswith(cls.target)
    if issubclass(cls, FileMetric) and cls.exact:
        return not cls.kinds or target.makes.kind in cls.kinds
    may_report = issubclass(cls, FileMetric) and bool(cls.figure) and target.inspect is not Target.inspect
    return target.executes or may_report


def why_not(target: type[Target], metric: str) -> str:
    """Say why a target never gives a metric."""
    cls: type[Metric] = METRICS.get(metric)
    if issubclass(cls, TargetMetric):
        return f"a target of type '{target.name}' does not report it"
    if issubclass(cls, AccuracyMetric) or not target.executes:
        return "this machine cannot execute a file for it"
    return f"it cannot be measured on a {target.makes.kind}"


def check_giving(recipe: Recipe, limit: Limit, where: str) -> None:
    """Refuse a limit of the total budget that names no target of the recipe, or that no target can ever be held to.

    Args:
        recipe: with its targets.
        limit: of the total budget.
        where: its key.

    Raises:
        RecipeError: names the target, or what would give the metric.
    """
    if limit.on:
        check_on(recipe, limit.metric, limit.on, f"{where}.on")
    elif not any(gives(type(target), limit.metric) for target in recipe.targets.values()):
        raise RecipeError(f"{where}: {_nobody(recipe, limit.metric)}")


def check_on(recipe: Recipe, metric: str, name: str, where: str) -> None:
    """Refuse a target that the recipe does not have, or that never gives a metric.

    Raises:
        RecipeError: names the target.
    """
    targets = recipe.targets
    if name not in targets:
        raise RecipeError(
            f"{where}: '{plain(name)}' is not a target of the recipe; it has {', '.join(targets)}."
            f"{did_you_mean(name, targets)}"
        )
    found = type(targets[name])
    if gives(found, metric):
        return
    able = [other for other, target in targets.items() if gives(type(target), metric)]
    cure = f"of the recipe's targets {', '.join(able)} can" if able else _nobody(recipe, metric).rstrip(".")
    raise RecipeError(f"{where}: '{name}' never gives {metric}, since {why_not(found, metric)}; {cure}.")


def _nobody(recipe: Recipe, metric: str) -> str:
    """Say that no target of a recipe gives a metric, and which would.

    The file before a compiler is not measured in its place: that the compiled one computes the same integers is the
    compiler's word, and a limit is on what was measured. The processor's own file is one more target, which shares the
    steps, and whose figure says whose it is.
    """
    cls: Any = METRICS.get(metric)
    given = ",".join(recipe.targets)
    said = f"no target of the recipe measures it (target=[{given}])"
    if not issubclass(cls, TargetMetric):
        return f"{said}; add one whose file this machine can execute, e.g. target=[cpu,{given}]."
    choice = cls.choice or next(iter(giving(metric)), "")
    example = f", e.g. target=[{given},{choice}]" if choice else ""
    kinds = " or ".join(f"'{one}'" for one in dict.fromkeys((*filter(None, [cls.target]), *giving(metric))))
    return f"{said}; add a target of type {kinds or 'that reports it'}{example}."
