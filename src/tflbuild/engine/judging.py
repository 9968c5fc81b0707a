"""Judge what a step gave: measure it, and hold it to limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.metric import Difference, Measurement, headline, primary_metrics
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.gate import GATE_SPLIT, judge_against
from tflbuild.engine.measure import Measurer
from tflbuild.engine.order import judged_metrics


@dataclass(frozen=True)
class Attempt:
    """One way to take a step: what it gave and what its gate said."""

    model: Artifact
    metrics: Mapping[str, Measurement]
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether the gate stayed open."""
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def breaches(self) -> str:
        """Say which limits were exceeded."""
        return "; ".join(verdict.text for verdict in self.verdicts if not verdict.ok)


class Judge:
    """Holds the steps of one recipe to their limits, on the validation split.

    Args:
        recipe: a resolved recipe.
        measurer: what measures.
        tell: is told each verdict.
    """

    def __init__(self, recipe: Recipe, measurer: Measurer, tell: Listener) -> None:
        self._measurer = measurer
        self._strict = recipe.strict
        self._metrics = judged_metrics(recipe)
        self._headline = headline(primary_metrics(recipe.data.task))
        self._tell = tell

    def attempt(
        self,
        label: str,
        model: Artifact,
        limits: tuple[Limit, ...],
        before: Artifact | None,
        outputs: Mapping[str, Artifact],
    ) -> Attempt:
        """Measure a model and judge it.

        Args:
            label: the step whose gate this is.
            model: what was made.
            limits: what is allowed.
            before: the step's input, against which a limit without `since` is held.
            outputs: what earlier steps gave, by label.
        """
        metrics = self._measurer.accuracy(model, self._metrics, GATE_SPLIT)
        metrics |= self._measurer.file_metrics(model, self._metrics)
        verdicts = []
        for limit in limits:
            baseline = outputs.get(limit.since, before) if limit.since else before
            value = metrics.get(limit.metric)
            verdict = judge_against(
                self._measurer, limit, value, model, baseline, GATE_SPLIT, strict=self._strict
            )
            verdicts.append(verdict)
            self._tell(gate_event(label, verdict))
        return Attempt(model, metrics, tuple(verdicts))

    def differences(self, before: Artifact | None, after: Artifact) -> dict[str, Difference]:
        """Give by how much a step changed the task's metric, sample by sample; nothing before the base is there.

        Args:
            before: the step's input; None where it has none.
            after: what the step gave in the end.
        """
        name, base = self._headline, self._measurer.base
        if not name or before is None or base is None or before.digest == after.digest:
            return {}
        ends = [self._measurer.accuracy(one, [name], GATE_SPLIT).get(name) for one in (before, after)]
        if any(end is None or not math.isfinite(end.value) for end in ends):
            return {}
        return {name: self._measurer.compare(name, before, after, GATE_SPLIT)}


def gate_event(label: str, verdict: Verdict, target: str = "") -> Event:
    """Make the event of a verdict; `label` is "" for the recipe's total budget of a target."""
    text = verdict.text if label else f"in total: {verdict.text}"
    judged = verdict.to_json() | ({"target": target} if target else {})
    return Event("gate", {"label": label, "ok": verdict.ok, "text": text, "verdict": judged})
