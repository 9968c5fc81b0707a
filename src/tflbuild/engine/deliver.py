"""Deliver: compile for every target, measure the delivered file on the test split, judge the total budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric, Measurement, TargetMetric
from tflbuild.core.recipe import Recipe
from tflbuild.core.target import NOT_EXECUTED, runtime_of
from tflbuild.engine.beside import hold_to_peer, put_beside
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.gate import judge, judge_against
from tflbuild.engine.measure import Measurer
from tflbuild.engine.on_target import OnTarget, owned
from tflbuild.engine.order import as_in_line, order_of
from tflbuild.engine.proof import folder_beside, prove, unpack
from tflbuild.engine.report import measurements
from tflbuild.engine.run_folder import keep_model

FINAL_SPLIT = "test"


def deliver(
    recipe: Recipe,
    measurer: Measurer,
    steps: Mapping[str, str],
    base: Artifact,
    metrics: list[str],
    outputs: Mapping[str, Artifact],
) -> tuple[list[Delivery], dict[str, PassError]]:
    """Compile, measure and judge for every target; nothing is put into the run folder yet.

    Args:
        recipe: what is wanted.
        measurer: what measures.
        steps: the targets, each with the step whose result it delivers.
        base: what the total budget is held against.
        metrics: names of those that are measured.
        outputs: of the steps by label, for such targets, and for limits since one of them.

    Returns:
        The deliveries, and why there is none for a target, by its name.
    """
    deliveries: list[Delivery] = []
    failed: dict[str, PassError] = {}
    for name, label in steps.items():
        given = outputs[label]
        assert isinstance(given, TFLiteModel)
        try:
            made = _delivery(recipe, name, given, measurer, metrics)
        except PassError as error:
            failed[name] = error
        else:
            deliveries.append(replace(made, step=label))
    whole = len(deliveries) == len(recipe.targets)
    if deliveries:
        _judge_total(recipe, measurer, deliveries, base, outputs, whole=whole)
    return deliveries, failed


def _delivery(
    recipe: Recipe, name: str, given: TFLiteModel, measurer: Measurer, metrics: list[str]
) -> Delivery:
    """Compile and measure for one target."""
    target = recipe.targets[name]
    record = measurer.deliver(name, given)
    made = record.artifact or given
    figures = dict(record.value)
    samples, made = prove(recipe, measurer, target, made, given)
    found: dict[str, Measurement] = {}
    executes = type(target).executes and NOT_EXECUTED not in figures
    if executes:
        runtime = runtime_of(target)
        found |= measurer.accuracy(made, metrics, FINAL_SPLIT, runtime)
        if runtime is not None:
            figures["agreement"] = measurements(measurer.agreement(made, given, FINAL_SPLIT, runtime))
        if made.kind != given.kind:
            apart = measurer.differing(made, given, FINAL_SPLIT, runtime)
            figures["difference"] = {"split": FINAL_SPLIT, "outputs": apart}
    elif NOT_EXECUTED not in figures:
        figures[NOT_EXECUTED] = (
            f"This machine cannot execute a file for {name}, so no accuracy was measured on it."
        )
    held, sample = hold_to_peer(measurer, made, runtime_of(target), FINAL_SPLIT)
    figures |= held
    found |= _facts(measurer, made, metrics, figures, executes=executes)
    found |= {
        metric: Measurement(value=float(figures[metric]), unit=METRICS.get(metric).unit)
        for metric in METRICS
        if issubclass(METRICS.get(metric), TargetMetric) and metric in figures
    }
    same = made if type(target).compiles else given
    return Delivery(
        target=name,
        model=made,
        figures=figures,
        metrics=found,
        same=same,
        samples=samples,
        beside=target.companions(made, figures, sample),
    )


def add_differences(
    recipe: Recipe,
    measurer: Measurer,
    deliveries: Sequence[Delivery],
    base: Artifact,
    measured: Mapping[str, Measurement],
) -> None:
    """Measure how far delivered files are from the base, sample by sample.

    Args:
        recipe: what is wanted.
        measurer: what measures.
        deliveries: to every target.
        base: what they are held against.
        measured: on the base.
    """
    for delivery in deliveries:
        on_target = OnTarget(measurer, delivery, runtime_of(recipe.targets[delivery.target]))
        for name, found in delivery.metrics.items():
            ends = (found, measured.get(name))
            known = all(end is not None and math.isfinite(end.value) for end in ends)
            if known and found.split == FINAL_SPLIT and issubclass(METRICS.get(name), AccuracyMetric):
                delivery.differences[name] = on_target.compare(name, base, delivery.model, FINAL_SPLIT)


def put(deliveries: list[Delivery], folder: Path, *, alone: bool) -> dict[str, str]:
    """Copy the delivered files into a folder; gives their paths relative to it, by target.

    Args:
        deliveries: of the targets.
        folder: of the run.
        alone: whether the recipe has one target, whose file lies right in the folder.
    """
    paths = {}
    for delivery in deliveries:
        name = "model" if alone else f"{delivery.target}/model"
        keep_model(delivery.model, folder / name)
        put_beside(delivery.beside, (folder / name).parent)
        paths[delivery.target] = name + delivery.model.suffix
        if delivery.samples:
            unpack(delivery.samples, folder / folder_beside(paths[delivery.target]))
    return paths


def _facts(
    measurer: Measurer, made: Artifact, metrics: list[str], figures: Mapping[str, Any], *, executes: bool
) -> dict[str, Measurement]:
    """Give facts of a delivered file: those that its target measured as it says them, others measured here."""
    wanted = sorted({*_exact(), *_runnable(metrics, executes), *owned(figures, metrics)})
    there = owned(figures, wanted)
    found = measurer.file_metrics(made, [name for name in wanted if name not in there]) | there
    return {name: found[name] for name in wanted if name in found}


def _exact() -> list[str]:
    """Name the facts of a file that are measured on every delivery, e.g. its size."""
    return [name for name, cls in METRICS.items() if issubclass(cls, FileMetric) and cls.exact]


def _runnable(metrics: list[str], executes: bool) -> list[str]:
    """Leave out facts that need the file to be executed, e.g. latency, where this machine cannot."""
    return [name for name in metrics if executes or getattr(METRICS.get(name), "exact", True)]


def _since(recipe: Recipe, since: str, step: str) -> str:
    """Name the step that a limit counts from, as the branch that a file was delivered of has it."""
    return as_in_line(recipe, order_of(recipe)[0], since, step) if since and step else since


def _judge_total(
    recipe: Recipe,
    measurer: Measurer,
    deliveries: list[Delivery],
    base: Artifact,
    outputs: Mapping[str, Artifact] | None = None,
    *,
    whole: bool = True,
) -> None:
    """Judge the total budget on every file; a limit that no file has a value for is exceeded, if all are there."""
    several = len(deliveries) > 1
    for limit in recipe.limits:
        meant = [delivery for delivery in deliveries if limit.on in ("", delivery.target)]
        judged = [delivery for delivery in meant if limit.metric in delivery.metrics]
        for delivery in judged:
            value = delivery.metrics[limit.metric]
            on_target = OnTarget(measurer, delivery, runtime_of(recipe.targets[delivery.target]))
            verdict = judge_against(
                on_target,
                limit,
                value,
                delivery.model,
                (outputs or {}).get(_since(recipe, limit.since, delivery.step), base),
                FINAL_SPLIT,
                strict=recipe.strict,
                target=delivery.target if several else "",
            )
            delivery.verdicts.append(verdict)
        if not judged and whole:
            (meant or deliveries)[0].verdicts.append(judge(limit, None))
