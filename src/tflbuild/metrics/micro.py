"""Figures of a file on a microcontroller."""

from __future__ import annotations

from tflbuild.core.metric import TargetMetric, metric


@metric("arena")
class Arena(TargetMetric):
    """Memory for tensors and for the interpreter's own structures, in bytes: the smallest in which the file runs.

    Measured with the reference kernels of the package tflite-micro on a 64-bit machine; a 32-bit device needs less for
    the structures.
    """

    unit = "bytes"
    target = "tflite_micro"
    choice = "tflite_micro"
    higher_is_better = False
