"""Judge a pass's candidates on the spot, in its worker process; nothing is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.judgement import HeldLimit, Judgement
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, FileMetric, Measurement, file_metrics_of
from tflbuild.core.names import Names, named
from tflbuild.core.runtime import usual_runtime
from tflbuild.engine.gate import GATE_SPLIT, judge_against


class Candidates:
    """Holds candidates to limits as the step's gate will hold the result.

    Args:
        names: what evaluates, by dotted name.
        held: the limits with their baselines.
        base: the model that metrics such as fidelity compare with; None where no limit needs it.
        split: gives a split of the recipe's data.
        strict: whether an undecided verdict is a breach.
        scratch: a folder for predictions.
    """

    def __init__(
        self,
        names: Names,
        held: tuple[HeldLimit, ...],
        base: Artifact | None,
        split: Callable[[str], Split],
        strict: bool,
        scratch: Path,
    ) -> None:
        self._names, self._held, self._split = names, held, split
        self._base, self._strict, self._scratch = base, strict, scratch
        self._written: dict[str, Path] = {}
        self._numbers = itertools.count()

    def judge(self, model: Artifact) -> Judgement:
        """Measure a candidate and hold it to every limit."""
        wanted = sorted({held.limit.metric for held in self._held})
        metrics = self.accuracy(model, wanted, GATE_SPLIT) | self.file_metrics(model, wanted)
        verdicts = tuple(
            judge_against(
                self,
                held.limit,
                metrics.get(held.limit.metric),
                model,
                held.baseline,
                GATE_SPLIT,
                strict=self._strict,
            )
            for held in self._held
        )
        return Judgement(verdicts=verdicts, metrics=metrics)

    def accuracy(self, model: Artifact, metrics: list[str], split: str) -> dict[str, Measurement]:
        """Measure accuracy metrics of a model on a split."""
        names = [name for name in metrics if issubclass(METRICS.get(name), AccuracyMetric)]
        return {
            name: self._evaluate(
                "measure", name, self._predictions(model, split), self._held_against(name, split)
            )
            for name in names
        }

    def compare(self, metric: str, before: Artifact, after: Artifact, split: str) -> Difference:
        """Give the paired difference of a metric between two models on a split."""
        files = (
            self._predictions(before, split),
            self._predictions(after, split),
            self._held_against(metric, split),
        )
        found: Difference = self._evaluate("compare", metric, *files)
        return found

    def file_metrics(self, model: Artifact, metrics: list[str]) -> dict[str, Measurement]:
        """Measure those metrics that are read off the file itself."""
        return {name: _file_metric(name, model) for name in file_metrics_of(model.kind, metrics)}

    def _held_against(self, metric: str, split: str) -> Path:
        cls = METRICS.get(metric)
        if issubclass(cls, AccuracyMetric) and cls.against == "base":
            assert self._base is not None, "a limit needs it, so the step was given it"
            return self._predictions(self._base, split)
        return self._truth(split)

    def _evaluate(self, how: str, metric: str, *files: Path) -> Any:
        return named(f"{self._names.measuring}:{how}")(metric, *files)

    def _predictions(self, model: Artifact, split: str) -> Path:
        def write(path: Path) -> None:
            predict, runtime = named(self._names.predict), usual_runtime(model.kind)()
            predict(runtime, model, self._split(split), path, lambda done, total, note="": None)

        return self._once(f"{model.digest} {split}", write)

    def _truth(self, split: str) -> Path:
        return self._once(f"truth {split}", lambda path: named(self._names.truth)(self._split(split), path))

    def _once(self, what: str, write: Callable[[Path], None]) -> Path:
        if what not in self._written:
            path = self._scratch / f"judged-{next(self._numbers)}.npz"
            write(path)
            self._written[what] = path
        return self._written[what]


def _file_metric(metric: str, model: Artifact) -> Measurement:
    cls = METRICS.get(metric)
    assert issubclass(cls, FileMetric)
    return cls().measure(model)
