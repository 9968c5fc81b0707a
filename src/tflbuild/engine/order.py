"""The order in which the steps of a recipe run, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import primary_metrics
from tflbuild.core.recipe import Recipe, Step

AT = "@"
"""Sign between a step of the recipe and the target that a branch has it for: `quantize@ethos_u55`."""


def order_of(recipe: Recipe) -> tuple[tuple[str, ...], dict[str, str]]:
    """Give the labels in the order they run, and those that do not run with the reason."""
    order = listed(recipe.pipeline, recipe.steps)
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


def listed(pipeline: Sequence[str], steps: Mapping[str, Step]) -> list[str]:
    """Give the labels in order, those that are placed behind another among them, and those that do not run.

    Args:
        pipeline: labels, as the recipe says.
        steps: by label.

    Raises:
        RecipeError: one is not configured, occurs twice, or is placed behind one that is not there.
    """
    order: list[str] = []
    for position, label in enumerate(pipeline):
        if label not in steps:
            raise RecipeError(
                f"pipeline.{position}: '{label}' is not configured; configured are "
                f"{', '.join(steps)}.{did_you_mean(label, steps)}"
            )
        if label in order:
            raise RecipeError(f"pipeline.{position}: '{label}' occurs twice; add +passes@another_label=PASS.")
        order.append(label)
    for label, step in steps.items():
        if label not in order and step.after:
            order.insert(_place(step, order), label)
    return order


def sources_of(recipe: Recipe, order: Sequence[str]) -> dict[str, str]:
    """Give of each step that runs the one whose result it takes; "" for one that takes none.

    A branch begins where its first step says so (`Step.takes`). What a step that does not run would give is what that
    step would take.
    """
    before = _before(recipe)
    return {label: _running(before[label], before, order) for label in order}


def main_line(recipe: Recipe, order: Sequence[str]) -> tuple[str, ...]:
    """Give the steps in order without those of branches."""
    return tuple(label for label in order if not recipe.steps[label].takes)


def delivered_step(recipe: Recipe, order: Sequence[str], target: str) -> str:
    """Name the step whose result a target delivers."""
    label = recipe.targets[target].step
    if not label:
        return main_line(recipe, order)[-1]
    return _running(label, _before(recipe), order) if _branches(recipe, label) else label


def line_to(recipe: Recipe, order: Sequence[str], label: str) -> tuple[str, ...]:
    """Give the steps that lead to the result of one, it among them, in order."""
    sources, found = sources_of(recipe, order), []
    while label:
        found.append(label)
        label = sources.get(label, "")
    return tuple(reversed(found))


def as_in_line(recipe: Recipe, order: Sequence[str], label: str, of: str) -> str:
    """Give a step as the branch that leads to another has it: `quantize` is `quantize@chip` in that of `more@chip`.

    Args:
        recipe: it.
        order: of the steps that run.
        label: of the step.
        of: the last step of the branch.
    """
    line = line_to(recipe, order, of)
    own = (one for one in line if recipe.steps[one].takes and one.partition(AT)[0] == label)
    return label if label in line else next(own, label)


def _branches(recipe: Recipe, label: str) -> bool:
    return label in recipe.steps and bool(recipe.steps[label].takes)


def _before(recipe: Recipe) -> dict[str, str]:
    """Give of each step, whether it runs or not, the one whose result it is meant to take."""
    before, last = {}, ""
    for label in listed(recipe.pipeline, recipe.steps):
        before[label] = recipe.steps[label].takes or last
        last = last if recipe.steps[label].takes else label
    return before


def _running(label: str, before: Mapping[str, str], order: Sequence[str]) -> str:
    """Give a step, or the nearest before it that runs."""
    while label and label not in order:
        label = before.get(label, "")
    return label


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
