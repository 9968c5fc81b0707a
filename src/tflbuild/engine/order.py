"""The order in which the steps of a recipe run, and what follows from it."""

from __future__ import annotations

from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import primary_metrics
from tflbuild.core.recipe import Recipe, Step


def order_of(recipe: Recipe) -> tuple[tuple[str, ...], dict[str, str]]:
    """Give the labels in the order they run, and those that do not run with the reason."""
    order: list[str] = []
    for position, label in enumerate(recipe.pipeline):
        if label not in recipe.steps:
            raise RecipeError(
                f"pipeline.{position}: '{label}' is not configured; configured are "
                f"{', '.join(recipe.steps)}.{did_you_mean(label, recipe.steps)}"
            )
        if label in order:
            raise RecipeError(f"pipeline.{position}: '{label}' occurs twice; add +passes@another_label=PASS.")
        order.append(label)
    for label, step in recipe.steps.items():
        if label not in order and step.after:
            order.insert(_place(step, order), label)
    unused = {}
    fallbacks = {label for step in recipe.steps.values() for f in step.fallback for label in f.run}
    for label, step in recipe.steps.items():
        if (step.done or not step.enabled) and label in order:
            order.remove(label)
            unused[label] = step.done or f"{label}.enabled is false"
        elif label not in order and label not in fallbacks:
            if label in recipe.added:
                raise RecipeError(
                    f"+passes@{label}: nothing would run it; name it in pipeline or in a fallback, or give it "
                    f"'{label}.after=[LABEL]'."
                )
            unused[label] = "not in pipeline"
    if not order:
        raise RecipeError("pipeline: no step is left to run.")
    return tuple(order), unused


def _place(step: Step, order: list[str]) -> int:
    for label in step.after:
        if label not in order:
            raise RecipeError(
                f"{step.label}.after: '{label}' is not in pipeline ({', '.join(order)})."
                f"{did_you_mean(label, order)}"
            )
    return max(order.index(label) for label in step.after) + 1


def judged_metrics(recipe: Recipe) -> list[str]:
    """Name the metrics that are measured after every step: the task's own, and those that a limit names."""
    primary = set(primary_metrics(recipe.data.task))
    limits = [limit for step in recipe.steps.values() for limit in step.limits] + list(recipe.limits)
    return sorted(primary | {limit.metric for limit in limits})


def base_label(recipe: Recipe, order: tuple[str, ...]) -> str:
    """Name the step whose output total budgets are held against: the last that starts a model."""
    kinds = {label: kinds_of(type(recipe.steps[label].options)) for label in order}
    starts = [label for label, (given, _) in kinds.items() if given is None]
    return (starts or list(order))[-1]
