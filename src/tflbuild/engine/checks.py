"""Hold the steps of a recipe against one another, before anything runs."""

from __future__ import annotations

from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import METRICS, AccuracyMetric, Metric, TargetMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.core.task import TASKS
from tflbuild.engine.giving import check_giving, check_on, gives
from tflbuild.engine.kinds import check_kinds
from tflbuild.engine.order import (
    base_label,
    delivered_step,
    line_to,
    order_of,
)


def check(recipe: Recipe) -> tuple[tuple[str, ...], dict[str, str]]:
    """Hold the recipe's steps against one another: names, order, kinds, tasks, budgets, tools.

    Returns:
        Labels in the order they run, and those that do not run with the reason.

    Raises:
        RecipeError: something does not fit; the message names the recipe key.
        MissingTool: a step needs a tool that is not installed.
    """
    order, unused = order_of(recipe)
    _check_tasks(recipe)
    check_kinds(recipe, order)
    _check_reads(recipe, order)
    fallbacks = {label for used in order for f in recipe.steps[used].fallback for label in f.run}
    for label in (*order, *sorted(fallbacks)):
        step = recipe.steps[label]
        toolchain.require(type(step.options).needs, f"pass '{label}'")
        _check_limits(recipe, step.limits, f"{label}.budget", order)
    for name, target in recipe.targets.items():
        toolchain.require(type(target).needs, f"target '{name}'")
        target.check()
        _check_step(recipe, order, name, target.step)
    for name, hook in recipe.hooks.items():
        toolchain.require(type(hook).needs, f"hook '{name}'")
    _check_limits(recipe, recipe.limits, "budget", order)
    for metric, name in recipe.aims:
        if name:
            check_on(recipe, metric, name, f"objective: {metric}@{plain(name)}")
    if recipe.run.stop_after not in (None, *order):
        raise RecipeError(
            f"stop_after: '{recipe.run.stop_after}' does not run; there are {', '.join(order)}."
            f"{did_you_mean(str(recipe.run.stop_after), order)}"
        )
    return order, {label: why for label, why in unused.items() if label not in fallbacks}


def _check_tasks(recipe: Recipe) -> None:
    model, data = recipe.model, recipe.data
    reason = model.refusal(data.task)
    if reason:
        raise RecipeError(f"model: {reason}, but data '{type(data).name}' is for {data.task}.")


def _check_step(recipe: Recipe, order: tuple[str, ...], target: str, label: str) -> None:
    """Refuse a target that delivers the result of a step which does not run, or gives another kind of model."""
    label = delivered_step(recipe, order, target) if label else ""
    if not label:
        return
    if label not in order:
        raise RecipeError(
            f"target.{target}.step: '{plain(label)}' does not run; there are {', '.join(order)}."
            f"{did_you_mean(label, order)}"
        )
    made = kinds_of(type(recipe.steps[label].options))[1]
    if made is not TFLiteModel:
        raise RecipeError(
            f"target.{target}.step: '{label}' makes a {made.kind}, but only a {TFLiteModel.kind} can be delivered."
        )


def _check_reads(recipe: Recipe, order: tuple[str, ...]) -> None:
    """Hold steps, and those that may stand in their place, to what is known when they run."""
    for place in order:
        known = line_to(recipe, order, place)[:-1]
        for label in (place, *(other for f in recipe.steps[place].fallback for other in f.run)):
            for read in recipe.steps[label].options.models():
                if read not in known:
                    raise RecipeError(
                        f"{label}: it reads the output of '{read}', which does not run before '{place}'."
                        f"{did_you_mean(read, known)}"
                    )
        step = recipe.steps[place]
        if step.options.judges() and not step.limits:
            name = type(step.options).name
            raise RecipeError(
                f"{place}.budget: pass '{name}' chooses by its budget, but has none; "
                f"set e.g. {place}.budget.METRIC.max_drop=0.01."
            )


def _check_limits(recipe: Recipe, limits: tuple[Limit, ...], key: str, order: tuple[str, ...]) -> None:
    for limit in limits:
        where = f"{key}.{limit.metric}"
        cls = METRICS.get(limit.metric, where)
        if cls.tasks and recipe.data.task not in cls.tasks:
            usable = [n for n, c in METRICS.items() if not c.tasks or recipe.data.task in c.tasks]
            usable = [n for n in usable if any(gives(type(each), n) for each in recipe.targets.values())]
            labelled = TASKS.get(recipe.data.task).labelled
            data = f"the data are for {recipe.data.task}" if labelled else "the data have no labels"
            raise RecipeError(
                f"{where}: '{limit.metric}' is a metric for {', '.join(cls.tasks)}, but {data}; there are "
                f"{', '.join(usable)}."
            )
        if issubclass(cls, AccuracyMetric) and not cls.higher_is_better and limit.floor:
            raise RecipeError(
                f"{where}.{limit.form}: '{limit.metric}' gets worse as it rises; use max_rise, or max."
            )
        _check_behind_base(recipe, cls, where, order)
        if issubclass(cls, TargetMetric) and key != "budget":
            raise RecipeError(f"{where}: only a target measures it; put it in the recipe's total budget.")
        if key == "budget":
            check_giving(recipe, limit, where)
        if limit.since and limit.since not in order:
            raise RecipeError(
                f"{where}.since: '{limit.since}' is not in pipeline.{did_you_mean(limit.since, order)}"
            )
        label = key.partition(".")[0]
        if cls.kinds and label in recipe.steps:
            made = kinds_of(type(recipe.steps[label].options))[1].kind
            if made not in cls.kinds:
                raise RecipeError(f"{where}: '{limit.metric}' cannot be measured on a {made}.")


def _check_behind_base(recipe: Recipe, cls: type[Metric], where: str, order: tuple[str, ...]) -> None:
    """Refuse a limit on a metric that compares with the base at a step that is not behind it."""
    label, base = where.partition(".")[0], base_label(recipe, order)
    if not issubclass(cls, AccuracyMetric) or cls.against != "base" or label not in order:
        return
    if base not in line_to(recipe, order, label)[:-1]:
        raise RecipeError(
            f"{where}: '{cls.name}' compares with the base, which is what '{base}' gives, so there is nothing to "
            f"limit at '{label}'; put the limit after '{base}', or into the recipe's total budget."
        )
