"""Figures of a file for an Edge TPU: where its parameters lie."""

from __future__ import annotations

from tflbuild.core.metric import TargetMetric, metric


class EdgeTpuMetric(TargetMetric):
    """Base of the figures that the target `edgetpu` gives."""

    target = "edgetpu"
    choice = "edgetpu"
    unit = "KiB"
    higher_is_better = False


@metric("edgetpu_cached")
class EdgeTpuCached(EdgeTpuMetric):
    """Parameters that stay in the Edge TPU's memory, in KiB: the compiler's figure, or an estimate without it."""


@metric("edgetpu_streamed")
class EdgeTpuStreamed(EdgeTpuMetric):
    """Parameters sent to the Edge TPU in every run, in KiB: the compiler's figure, or an estimate without it."""
