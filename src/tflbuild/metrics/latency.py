"""Latency of a model file on this machine."""

from __future__ import annotations

from tflbuild.core.artifact import Artifact
from tflbuild.core.metric import FileMetric, Measurement, metric


@metric("latency")
class Latency(FileMetric):
    """Median time of a warm run in LiteRT on one thread of this machine, in ms; a property of the machine too."""

    unit = "ms"
    higher_is_better = False
    kinds = ("TFLiteModel",)
    exact = False

    def measure(self, model: Artifact) -> Measurement:
        """Run the file 50 times after a warm-up; details hold the 90 % quantile, kernels and processor."""
        from tflbuild.runtimes.interpreter import latency

        found = latency(model.path)
        return Measurement(
            value=found["median"], unit=self.unit, kernels=found["kernels"], details={"latency_ms": found}
        )
