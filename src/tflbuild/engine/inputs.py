"""The inputs of a step besides its options and its data: models, and limits to hold candidates to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tflbuild.core.artifact import Artifact
from tflbuild.core.judgement import HeldLimit
from tflbuild.core.metric import METRICS, AccuracyMetric
from tflbuild.core.recipe import Step


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The models that a pass runs on, and the limits that it holds candidates to.

    Attributes:
        model: its input; None for a pass that starts a model.
        models: what earlier steps gave, by label, as far as the pass reads it.
        held: limits that it holds candidates to; empty for a pass that does not judge.
        base: the model that metrics such as fidelity compare candidates with; None where no limit needs it.
    """

    model: Artifact | None = None
    models: Mapping[str, Artifact] = field(default_factory=dict)
    held: tuple[HeldLimit, ...] = ()
    base: Artifact | None = None


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """The step in whose place a fallback stands, and its input."""

    step: Step
    model: Artifact | None


def labels_read(step: Step) -> set[str]:
    """Name the earlier steps whose outputs decide this one besides its input."""
    judged = {limit.since for limit in step.limits if limit.since} if step.options.judges() else set()
    return {*step.options.models(), *judged}


def by_base(step: Step) -> bool:
    """Say whether a step holds candidates to a limit on a metric that compares with the base."""
    return step.options.judges() and _limited_by_base(step)


def _limited_by_base(step: Step) -> bool:
    metrics = (METRICS.get(limit.metric) for limit in step.limits)
    return any(issubclass(cls, AccuracyMetric) and cls.against == "base" for cls in metrics)


def inputs_of(
    step: Step,
    model: Artifact | None,
    outputs: Mapping[str, Artifact],
    base: Artifact | None,
    replaced: Replaced | None = None,
) -> Inputs:
    """Gather what a step is given.

    Args:
        step: what runs.
        model: its input.
        outputs: what earlier steps gave, by label.
        base: the model that total budgets are held against; None before it is there.
        replaced: where it runs as a fallback, the step whose limits count too.
    """
    held: tuple[HeldLimit, ...] = ()
    if step.options.judges():
        held = _held(step, model, outputs)
        held += _held(replaced.step, replaced.model, outputs) if replaced else ()
    judged = [step, *([replaced.step] if replaced else ())] if step.options.judges() else []
    needed = any(map(_limited_by_base, judged))
    models = {label: outputs[label] for label in step.options.models()}
    return Inputs(model=model, models=models, held=held, base=base if needed else None)


def _held(step: Step, model: Artifact | None, outputs: Mapping[str, Artifact]) -> tuple[HeldLimit, ...]:
    return tuple(
        HeldLimit(limit=limit, baseline=outputs.get(limit.since, model) if limit.since else model)
        for limit in step.limits
    )
