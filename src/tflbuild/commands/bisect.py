"""`tflbuild bisect`: which pass lost the accuracy, when only the end has a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tflbuild import plugins, session
from tflbuild.commands.words import say, warn
from tflbuild.core.change import unsigned
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.gate import GATE_SPLIT
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.order import base_label, main_line
from tflbuild.recipe.load import load_recipe
from tflbuild.show import terminal

USAGE = "usage: tflbuild bisect recipe=NAME metric=map [max_drop=0.02] [KEY=VALUE ...]"


UNLIMITED = 1e6
"""A drop that no metric can have: a limit of it says that there is none."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The loss of the metric at one step; a loss is a change below 0.

    Attributes:
        label: the step.
        value: the metric after it; None where it cannot be measured on what the step gives.
        own: what the metric changed by since the step's input; None where either has no value.
        total: what it changed by since the base; None for the base and what is before it.
    """

    label: str
    value: float | None
    own: Difference | None = None
    total: Difference | None = None


@command("bisect", "which pass lost the accuracy", usage="recipe=NAME metric=M", prints=False)
def bisect(words: list[str]) -> int:
    """Measure after every pass, without gates, and name the pass where the budget was lost."""
    metric, bound, overrides = _words(words)
    recipe = load_recipe(overrides)
    plugins.load(plugins.default_folder())
    cls = METRICS.get(metric, "metric")
    if not issubclass(cls, AccuracyMetric) or not cls.higher_is_better:
        names = [n for n, c in METRICS.items() if issubclass(c, AccuracyMetric) and c.higher_is_better]
        raise RecipeError(f"metric: '{metric}' measures no accuracy; there are {', '.join(names)}.")
    tell = terminal.listener()
    worker = session.worker_for(recipe)
    try:
        with opened(without_gates(recipe), worker, tell, lambda text: warn([text])) as store:
            base = base_label(recipe, store.prepared.order)
            losses = measured(store, metric, base)
    finally:
        worker.stop()
    for line in table(losses, base):
        say(line)
    allowed = bound if bound is not None else budget_of(recipe, metric, losses, base)
    say(blame(losses, metric, allowed))
    return 0


def _words(words: list[str]) -> tuple[str, float | None, list[str]]:
    given = dict(word.split("=", 1) for word in words if word.startswith(("metric=", "max_drop=")))
    if "metric" not in given:
        raise RecipeError(USAGE)
    try:
        bound = float(given["max_drop"]) if "max_drop" in given else None
    except ValueError as error:
        raise RecipeError(f"max_drop: '{plain(given['max_drop'])}' is not a number.") from error
    if bound is not None and not math.isfinite(bound):
        raise RecipeError(f"max_drop: '{given['max_drop']}' is not a finite number.")
    return given["metric"], bound, [word for word in words if not word.startswith(("metric=", "max_drop="))]


def without_gates(recipe: Recipe) -> Recipe:
    """Let every step give what it gives: no limit stops it, and nothing takes its place."""
    steps = {label: replace(step, limits=(), fallback=()) for label, step in recipe.steps.items()}
    return replace(recipe, steps=steps, limits=())


def measured(store: Opened, metric: str, base: str) -> list[Loss]:
    """Run every step, and measure what it cost on the split that gates judge on.

    Args:
        store: a recipe without gates, opened.
        metric: what is measured.
        base: the step that the total loss counts from.
    """
    store.runner.run(main_line(store.prepared.recipe, store.prepared.order))
    values = {
        label: store.measurer.accuracy(model, [metric], GATE_SPLIT).get(metric)
        for label, model in store.runner.outputs.items()
    }

    def change(before: str, after: str) -> Difference | None:
        if any(found is None or not math.isfinite(found.value) for found in (values[before], values[after])):
            return None
        outputs = store.runner.outputs
        return store.measurer.compare(metric, outputs[before], outputs[after], GATE_SPLIT)

    labels = list(values)
    behind = labels[labels.index(base) + 1 :]
    return [
        Loss(
            label=label,
            value=None if (found := values[label]) is None else found.value,
            own=change(before, label) if before else None,
            total=change(base, label) if label in behind else None,
        )
        for before, label in zip(["", *labels], labels, strict=False)
    ]


def budget_of(recipe: Recipe, metric: str, losses: list[Loss], base: str) -> float | None:
    """Give the drop since the base that the recipe's total budget allows; None where it limits nothing."""
    reference = next((loss.value for loss in losses if loss.label == base), None)
    if reference is None:
        return None
    floors = [limit.line(reference) for limit in recipe.limits if limit.metric == metric and limit.floor]
    return min((reference - line for line in floors if line is not None), default=None)


def table(losses: list[Loss], base: str) -> list[str]:
    """Give one line a step: the metric, what the step lost, what was lost since the base."""
    width = max(len(loss.label) for loss in losses)
    lines = [f"{'pass':<{width}}  on {GATE_SPLIT}   lost there                  lost since {base}"]
    for loss in losses:
        value = "" if loss.value is None else f"{loss.value:.4f}"
        lines.append(
            f"{loss.label:<{width}}  {value:<7}  {_lost(loss.own):<26}  {_lost(loss.total)}".rstrip()
        )
    return lines


def blame(losses: list[Loss], metric: str, allowed: float | None) -> str:
    """Name the pass where the budget was lost, or the costliest; none where no pass lost anything beyond noise.

    Args:
        losses: of every step, in order.
        metric: what was measured.
        allowed: the largest drop since the base; None where nothing limits it.
    """
    judged = [(loss, loss.total) for loss in losses if loss.total is not None]
    if not judged:
        return f"no pass after the base has a {metric} that can be compared"
    most = _costliest([loss for loss, _ in judged], metric)
    if allowed is None or allowed >= UNLIMITED:
        return f"{most}; no budget limits {metric} (max_drop=X sets one)"
    culprit = next(((loss, total) for loss, total in judged if -total.value > allowed), None)
    if culprit is None:
        return f"no pass lost the budget of {allowed:.4f}; {most}"
    loss, total = culprit
    if total.high >= 0:
        return f"it is undecided whether the budget of {allowed:.4f} was lost: {_lost(total)} since the base; {most}"
    undecided = "" if -total.high > allowed else " (undecided: the budget lies inside its interval)"
    return (
        f"the budget of {allowed:.4f} was lost at {loss.label}: {_lost(loss.own)} there, "
        f"{_lost(total)} since the base{undecided}; {most}"
    )


def _costliest(losses: list[Loss], metric: str) -> str:
    """Name the pass that lost most, with those whose interval overlaps its own."""
    lost = sorted(
        (loss for loss in losses if loss.own and loss.own.high < 0),
        key=lambda loss: loss.own.value if loss.own else 0.0,
    )
    if not lost:
        return f"no pass lost {metric} beyond noise"
    worst = lost[0]
    assert worst.own is not None
    alike = [
        loss.label
        for loss in losses
        if loss is not worst and loss.own and loss.own.value < 0 and loss.own.low <= worst.own.high
    ]
    doubt = f" (or {' or '.join(alike)}: the intervals overlap)" if alike else ""
    return f"the costliest pass is {worst.label}, {_lost(worst.own)}{doubt}"


def _lost(change: Difference | None) -> str:
    """Write a loss with its interval: minus the change, turned round; a gain has a minus."""
    return "" if change is None else unsigned(-change.value, -change.high, -change.low)
