"""Measure the base of a total budget as a delivered file is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.metric import METRICS, Difference, FileMetric, Measurement
from tflbuild.core.runtime import Runtime
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.measure import Measurer


def owned(figures: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Measurement]:
    """Read from a target's report those facts that it measured itself."""
    return {
        name: cls().from_figure(figures[cls.figure])
        for name in metrics
        if issubclass(cls := METRICS.get(name), FileMetric) and figures.get(cls.figure) is not None
    }


@dataclass(frozen=True)
class OnTarget:
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
        """Measure the base on a split by the usual runtime."""
        return self.measurer.accuracy(model, metrics, split)

    def compare(self, metric: str, before: Artifact, after: Artifact, split: str) -> Difference:
        """Give the paired difference to the delivered file, which the target's runtime executes."""
        return self.measurer.compare(metric, before, after, split, self.runtime)

    def file_metrics(self, model: Artifact, metrics: list[str]) -> dict[str, Measurement]:
        """Measure facts of a file, by the target where it measured those of the delivered one."""
        if isinstance(model, TFLiteModel) and owned(self.delivery.figures, metrics):
            return owned(self.measurer.deliver(self.delivery.target, model).value, metrics)
        return self.measurer.file_metrics(model, metrics)
