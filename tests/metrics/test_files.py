"""Metrics of the file itself."""

from __future__ import annotations

import zlib
from pathlib import Path

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.metric import METRICS, FileMetric
from tflbuild.metrics.latency import Latency
from tflbuild.metrics.size import CompressedSize, Size


def artifact(path: Path) -> TFLiteModel:
    return TFLiteModel(path=path, digest="", fingerprint="")


def test_sizes_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"abc" * 1000)
    assert Size().measure(artifact(path)).to_json() == {"value": 3000, "unit": "bytes"}
    assert CompressedSize().measure(artifact(path)).value == len(zlib.compress(b"abc" * 1000, 9))


def test_latency_says_kernels_and_processor(float_classifier: Path) -> None:
    measured = Latency().measure(artifact(float_classifier))
    assert measured.value > 0
    assert (measured.unit, measured.kernels) == ("ms", "xnnpack")
    assert measured.details["latency_ms"].keys() == {"median", "p90", "threads", "runs", "kernels", "cpu"}


def test_only_latency_may_differ_when_measured_again() -> None:
    files = {name: cls for name, cls in METRICS.items() if issubclass(cls, FileMetric)}
    assert {name for name, cls in files.items() if not cls.exact} == {"latency"}
    assert Latency.kinds == ("TFLiteModel",)
