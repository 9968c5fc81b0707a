"""`tflbuild bisect`: which pass lost the accuracy, when only the end has a budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tflbuild import plugins, session
from tflbuild.commands.words import say
from tflbuild.core.budget import Limit
from tflbuild.core.command import command
from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.errors import RecipeError, TflbuildError
from tflbuild.core.metric import METRICS, AccuracyMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, RunOptions
from tflbuild.engine.plan import base_label, check
from tflbuild.recipe.load import load_recipe
from tflbuild.show import terminal

USAGE = "usage: tflbuild bisect recipe=NAME metric=map [max_drop=0.02] [KEY=VALUE ...]"
NO_LIMIT = 1e9
"""A bound that is never reached: a gate with it measures and judges nothing."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The loss of the metric at one step.

    Attributes:
        label: the step.
        value: the metric after it.
        own: verdict on the drop since its input; None for a step without input.
        total: verdict on the drop since the base.
    """

    label: str
    value: float | None
    own: Mapping[str, Any] | None
    total: Mapping[str, Any] | None


@command("bisect", "which pass lost the accuracy", usage="recipe=NAME metric=M", prints=False)
def bisect(words: list[str]) -> int:
    """Measure after every pass, gates left open, and name the pass where the budget was lost."""
    metric, bound, overrides = _words(words)
    recipe = load_recipe(overrides)
    plugins.load(plugins.default_folder())
    cls = METRICS.get(metric, "metric")
    if not issubclass(cls, AccuracyMetric) or not cls.higher_is_better:
        names = [n for n, c in METRICS.items() if issubclass(c, AccuracyMetric) and c.higher_is_better]
        raise RecipeError(f"metric: '{metric}' measures no accuracy; there are {', '.join(names)}.")
    order, _ = check(recipe)
    base = base_label(recipe, order)
    outcome = session.build_once(_open(recipe, order, base, metric), (terminal.listener(),))
    if outcome.error is not None:
        raise outcome.error if isinstance(outcome.error, TflbuildError) else KeyboardInterrupt
    losses = losses_of(outcome.report.content, metric)
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
        raise RecipeError(f"max_drop: '{given['max_drop']}' is no finite number.")
    return given["metric"], bound, [word for word in words if not word.startswith(("metric=", "max_drop="))]


def _open(recipe: Recipe, order: tuple[str, ...], base: str, metric: str) -> Recipe:
    """Leave every gate open but let it measure: against the step's input, and against the base."""
    steps = dict(recipe.steps)
    behind = order[order.index(base) + 1 :]
    for label in order:
        takes_input = kinds_of(type(steps[label].options))[0] is not None
        limits = [_unlimited(metric)] if takes_input else []
        if label in behind:
            limits.append(_unlimited(metric, since=base))
        steps[label] = replace(steps[label], limits=tuple(limits), fallback=(), on_breach="warn")
    run = RunOptions(stop_after=order[-1], time_passes=recipe.run.time_passes)
    return replace(recipe, steps=steps, limits=(), run=run)


def _unlimited(metric: str, since: str = "") -> Limit:
    return Limit(metric=metric, form="max_drop", bound=NO_LIMIT, since=since)


def losses_of(report: Mapping[str, Any], metric: str) -> list[Loss]:
    """Read what each step cost out of a report made with open gates."""
    losses = []
    for step in report["passes"]:
        verdicts = [v for v in step["verdicts"] if v["metric"] == metric]
        own = next((v for v in verdicts if not v["limit"].get("since")), None)
        total = next((v for v in verdicts if v["limit"].get("since")), None)
        value = step["metrics"].get(metric, {}).get("value")
        losses.append(Loss(label=step["label"], value=value, own=own, total=total))
    return losses


def budget_of(recipe: Recipe, metric: str, losses: list[Loss], base: str) -> float | None:
    """Give the drop since the base that the recipe's total budget allows; None where it says nothing."""
    reference = next((loss.value for loss in losses if loss.label == base), None)
    if reference is None:
        return None
    floors = [limit.line(reference) for limit in recipe.limits if limit.metric == metric and limit.floor]
    return min((reference - line for line in floors if line is not None), default=None)


def table(losses: list[Loss], base: str) -> list[str]:
    """Give one line a step: the metric, what the step lost, what was lost since the base."""
    width = max(len(loss.label) for loss in losses)
    lines = [f"{'pass':<{width}}  on val   lost there                  lost since {base}"]
    for loss in losses:
        value = "" if loss.value is None else f"{loss.value:.4f}"
        lines.append(
            f"{loss.label:<{width}}  {value:<7}  {_drop(loss.own):<26}  {_drop(loss.total)}".rstrip()
        )
    return lines


def blame(losses: list[Loss], metric: str, allowed: float | None) -> str:
    """Name the pass where the budget was lost.

    Args:
        losses: of every step, in order.
        metric: what was measured.
        allowed: the largest drop since the base; None to name the costliest pass.
    """
    judged = [loss for loss in losses if loss.total is not None and cost(loss.total) is not None]
    if not judged:
        return f"no pass behind the base has a {metric} that can be compared"
    costliest = max(judged, key=lambda loss: cost(loss.own) or 0.0)
    most = f"the costliest pass is {costliest.label}, {_drop(costliest.own)}"
    if allowed is None:
        return f"{most}; the recipe's budget says nothing of {metric} (max_drop=X gives one)"
    culprit = next((loss for loss in judged if (cost(loss.total) or 0.0) > allowed), None)
    if culprit is None:
        return f"no pass lost the budget of {allowed:.4f}; {most}"
    assert culprit.total is not None
    undecided = (
        "" if (culprit.total["low"] or 0.0) > allowed else " (undecided: its interval holds the budget)"
    )
    return (
        f"the budget of {allowed:.4f} was lost at {culprit.label}: {_drop(culprit.own)} there, "
        f"{_drop(culprit.total)} since the base{undecided}; {most}"
    )


def cost(verdict: Mapping[str, Any] | None) -> float | None:
    """Give the drop that a verdict found."""
    if verdict is None:
        return None
    return _unlimited(verdict["metric"]).cost(verdict["value"], verdict["baseline"])


def _drop(verdict: Mapping[str, Any] | None) -> str:
    drop = cost(verdict)
    if verdict is None or drop is None:
        return ""
    ends = "" if verdict["low"] is None else f" [{verdict['low']:+.4f}, {verdict['high']:+.4f}]"
    return f"{drop:+.4f}{ends}"
