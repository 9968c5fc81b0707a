"""Measure and compare metrics of predictions that are files."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, Measurement
from tflbuild.evaluation.arrays import load


def measure(metric: str, predictions: Path, truth: Path) -> Measurement:
    """Measure a metric of predictions; the caller knows the split and the kernels."""
    return _metric(metric).measure(load(predictions), load(truth))


def compare(metric: str, before: Path, after: Path, truth: Path) -> Difference:
    """Give the paired difference of a metric between two files of predictions."""
    return _metric(metric).compare(load(before), load(after), load(truth))


def _metric(name: str) -> AccuracyMetric:
    cls = METRICS.get(name)
    assert issubclass(cls, AccuracyMetric)
    return cls()
