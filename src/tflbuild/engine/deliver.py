"""Deliver: compile for every target, measure the delivered file on the test split, judge the total budget."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.budget import Verdict
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, FileMetric, Measurement, TargetMetric
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import RUNTIMES, Runtime
from tflbuild.core.target import Target
from tflbuild.engine.gate import judge, judge_against
from tflbuild.engine.measure import Measurer
from tflbuild.engine.report import differences, measurements
from tflbuild.engine.run_folder import keep_model

FINAL_SPLIT = "test"

COMPRESSED = "compressed_bytes"
"""Field of a target's report that holds the file's compressed size, which one metric measures, too."""


@dataclass(kw_only=True)
class Delivery:
    """The delivered file of one target, with its figures, measurements and verdicts.

    Attributes:
        target: the target's name in the recipe.
        model: the delivered file.
        figures: what the target reports.
        metrics: measured on the delivered file.
        verdicts: of the total budget.
        differences: from the base, paired by sample.
        same: a model that computes the same, and that gates have measured: the last step's where the target compiles
            nothing, so that the two files differ in what they say of themselves alone; else the delivered file.
    """

    target: str
    model: Artifact
    figures: Mapping[str, Any]
    metrics: dict[str, Measurement]
    verdicts: list[Verdict] = field(default_factory=list)
    differences: dict[str, Difference] = field(default_factory=dict)
    same: Artifact | None = None

    def to_json(self, path: str) -> dict[str, Any]:
        """Give the form that report.json holds."""
        signature, meaning = self.model.meta.get("signature", {}), Meaning.of(self.model)
        return {
            "name": self.target,
            "path": path,
            "sha256": self.model.digest,
            "bytes": self.model.path.stat().st_size,
            COMPRESSED: self._compressed_bytes(),
            "labels": list(meaning.labels),
            "metrics": measurements(self.metrics),
            "differences": differences(self.differences),
            "inputs": [_input(entry, meaning) for entry in signature.get("inputs", [])],
            "outputs": [_output(entry, meaning) for entry in signature.get("outputs", [])],
            **self.figures,
        }

    def _compressed_bytes(self) -> int:
        """Give the stored measurement, if any: compressing takes longer than the rest of a cached build."""
        for name, measured in self.metrics.items():
            if getattr(METRICS.get(name), "figure", "") == COMPRESSED:
                return int(measured.value)
        return len(zlib.compress(self.model.path.read_bytes(), 9))


def _input(entry: Mapping[str, Any], meaning: Meaning) -> dict[str, Any]:
    """Say of an input what it is made of, too."""
    given = meaning.inputs.get(entry["name"])
    return {**entry, **({"modality": given.modality, "preprocess": dict(given.preprocess)} if given else {})}


def _output(entry: Mapping[str, Any], meaning: Meaning) -> dict[str, Any]:
    """Say of an output what the task takes it for, too, where a file of others names it otherwise."""
    roles = {name: role for role, name in (meaning.head.get("outputs") or {}).items()}
    return {**entry, **({"role": roles[entry["name"]]} if entry["name"] in roles else {})}


def deliver(
    recipe: Recipe,
    measurer: Measurer,
    model: Artifact,
    base: Artifact,
    metrics: list[str],
    outputs: Mapping[str, Artifact] | None = None,
) -> list[Delivery]:
    """Compile, measure and judge for every target; nothing is put into the run folder yet.

    Args:
        recipe: what is wanted.
        measurer: what measures.
        model: what is delivered, but for targets that name another step.
        base: what the total budget is held against.
        metrics: names of those that are measured.
        outputs: of the steps by label, for such targets, and for limits since one of them.
    """
    deliveries = []
    for name, target in recipe.targets.items():
        given = (outputs or {})[target.step] if target.step else model
        assert isinstance(given, TFLiteModel)
        record = measurer.deliver(name, given)
        made = record.artifact or given
        figures = dict(record.value)
        found: dict[str, Measurement] = {}
        if type(target).executes:
            runtime = runtime_of(target)
            found |= measurer.accuracy(made, metrics, FINAL_SPLIT, runtime)
            if runtime is not None:
                figures["agreement"] = measurements(measurer.agreement(made, given, FINAL_SPLIT, runtime))
            if made.kind != given.kind:
                apart = measurer.differing(made, given, FINAL_SPLIT, runtime)
                figures["difference"] = {"split": FINAL_SPLIT, "outputs": apart}
        else:
            figures["not_executed"] = (
                f"This machine cannot execute a file for {name}, so no accuracy was measured on it."
            )
        found |= _facts(measurer, made, metrics, figures, executes=type(target).executes)
        found |= {
            metric: Measurement(value=float(figures[metric]), unit=METRICS.get(metric).unit)
            for metric in METRICS
            if issubclass(METRICS.get(metric), TargetMetric) and metric in figures
        }
        same = made if type(target).compiles else given
        deliveries.append(Delivery(target=name, model=made, figures=figures, metrics=found, same=same))
    _judge_total(recipe, measurer, deliveries, base, outputs)
    return deliveries


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
        on_target = _OnTarget(measurer, delivery, runtime_of(recipe.targets[delivery.target]))
        for name, found in delivery.metrics.items():
            ends = (found, measured.get(name))
            known = all(end is not None and math.isfinite(end.value) for end in ends)
            if known and found.split == FINAL_SPLIT and issubclass(METRICS.get(name), AccuracyMetric):
                delivery.differences[name] = on_target.compare(name, base, delivery.model, FINAL_SPLIT)


def runtime_of(target: Target) -> Runtime | None:
    """Give the runtime that a target names; None for the usual one."""
    return RUNTIMES.get(target.runtime)(**target.runtime_options()) if target.runtime else None


def put(deliveries: list[Delivery], folder: Path, *, alone: bool) -> list[str]:
    """Copy the delivered files into a folder; gives their paths relative to it.

    Args:
        deliveries: of the targets.
        folder: of the run.
        alone: whether the recipe has one target, whose file lies right in the folder.
    """
    paths = []
    for delivery in deliveries:
        name = "model" if alone else f"{delivery.target}/model"
        keep_model(delivery.model, folder / name)
        paths.append(name + delivery.model.suffix)
    return paths


def _facts(
    measurer: Measurer, made: Artifact, metrics: list[str], figures: Mapping[str, Any], *, executes: bool
) -> dict[str, Measurement]:
    """Give facts of a delivered file: those that its target measured as it says them, others measured here."""
    wanted = sorted({*_exact(), *_runnable(metrics, executes), *_owned(figures, metrics)})
    owned = _owned(figures, wanted)
    found = measurer.file_metrics(made, [name for name in wanted if name not in owned]) | owned
    return {name: found[name] for name in wanted if name in found}


def _owned(figures: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Measurement]:
    """Read from a target's report those facts that it measured itself."""
    return {
        name: cls().from_figure(figures[cls.figure])
        for name in metrics
        if issubclass(cls := METRICS.get(name), FileMetric) and figures.get(cls.figure) is not None
    }


@dataclass(frozen=True)
class _OnTarget:
    """Measures the base of a total budget as the delivered file is measured: by the target, where that does it.

    Attributes:
        measurer: measures the rest.
        delivery: of the target.
        runtime: executes the delivered file; None for the usual one.
    """

    measurer: Measurer
    delivery: Delivery
    runtime: Runtime | None

    def accuracy(self, model: Artifact, metrics: list[str], split: str) -> dict[str, Measurement]:
        return self.measurer.accuracy(model, metrics, split)

    def compare(self, metric: str, before: Artifact, after: Artifact, split: str) -> Difference:
        return self.measurer.compare(metric, before, after, split, self.runtime)

    def file_metrics(self, model: Artifact, metrics: list[str]) -> dict[str, Measurement]:
        if isinstance(model, TFLiteModel) and _owned(self.delivery.figures, metrics):
            return _owned(self.measurer.deliver(self.delivery.target, model).value, metrics)
        return self.measurer.file_metrics(model, metrics)


def _exact() -> list[str]:
    """Name the facts of a file that are measured on every delivery, e.g. its size."""
    return [name for name, cls in METRICS.items() if issubclass(cls, FileMetric) and cls.exact]


def _runnable(metrics: list[str], executes: bool) -> list[str]:
    """Leave out facts that need the file to be executed, e.g. latency, where this machine cannot."""
    return [name for name in metrics if executes or getattr(METRICS.get(name), "exact", True)]


def _judge_total(
    recipe: Recipe,
    measurer: Measurer,
    deliveries: list[Delivery],
    base: Artifact,
    outputs: Mapping[str, Artifact] | None = None,
) -> None:
    for limit in recipe.limits:
        judged = [delivery for delivery in deliveries if limit.metric in delivery.metrics]
        for delivery in judged:
            value = delivery.metrics[limit.metric]
            on_target = _OnTarget(measurer, delivery, runtime_of(recipe.targets[delivery.target]))
            verdict = judge_against(
                on_target,
                limit,
                value,
                delivery.model,
                (outputs or {}).get(limit.since, base),
                FINAL_SPLIT,
                strict=recipe.strict,
            )
            delivery.verdicts.append(verdict)
        if not judged:
            deliveries[0].verdicts.append(judge(limit, None))
