"""Latency of a model file."""

from __future__ import annotations

from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.metric import FileMetric, Measurement, metric


@metric("latency")
class Latency(FileMetric):
    """Median time of a warm run in ms; a property of the machine too.

    Of a delivered file it is the one that its target reports (`latency_ms`, with the target's threads and runs). Of
    what a step gives, or where the target times nothing, it is LiteRT's on one thread of this machine.
    """

    unit = "ms"
    higher_is_better = False
    kinds = ("TFLiteModel",)
    exact = False
    figure = "latency_ms"

    def measure(self, model: Artifact) -> Measurement:
        """Run the file 50 times after a warm-up; details hold the 90 % quantile, kernels and processor."""
        from tflbuild.runtimes.litert import Litert

        return self.from_figure(Litert().latency(model))

    def from_figure(self, figure: Any) -> Measurement:
        """Give the median of what a runtime or a target timed."""
        return Measurement(
            value=float(figure["median"]),
            unit=self.unit,
            kernels=figure.get("kernels", ""),
            details={self.figure: dict(figure)},
        )
