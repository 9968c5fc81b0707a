"""Metrics of the file itself."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.metrics.latency import Latency
from tflbuild.metrics.size import CompressedSize, Size


def artifact(path: Path) -> TFLiteModel:
    return TFLiteModel(path=path, digest="", fingerprint="")


def test_sizes_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"abc" * 1000)
    assert Size().measure(artifact(path)).to_json() == {"value": 3000, "unit": "bytes"}


def test_a_compressed_size_is_zlibs_at_level_nine(tmp_path: Path) -> None:
    content = bytes(np.random.default_rng(0).integers(0, 2, 20_000, np.uint8))
    levels = [len(zlib.compress(content, level)) for level in range(10)]
    assert levels[9] not in levels[:9], "this content tells the levels apart"
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    assert CompressedSize().measure(artifact(path)).to_json() == {"value": levels[9], "unit": "bytes"}


def test_a_latency_is_the_median_of_what_litert_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tflbuild.runtimes import interpreter as litert

    found = {"median": 2.5, "p90": 4.0, "threads": 1, "runs": 50, "kernels": "builtin", "cpu": "fake"}
    asked: list[tuple[object, ...]] = []

    def latency(*given: object) -> dict[str, object]:
        asked.append(given)
        return found

    monkeypatch.setattr(litert, "latency", latency)
    measured = Latency().measure(artifact(tmp_path / "model.tflite"))
    assert asked == [(tmp_path / "model.tflite", 1)]
    assert measured.to_json() == {
        "value": 2.5,
        "unit": "ms",
        "kernels": "builtin",
        "details": {"latency_ms": found},
    }


def test_a_latency_that_a_target_timed_is_read_from_its_report() -> None:
    figure = {"median": 3, "p90": 5.0, "threads": 4, "cpu": "a board"}
    assert Latency().from_figure(figure).to_json() == {
        "value": 3.0,
        "unit": "ms",
        "details": {"latency_ms": figure},
    }


def test_latency_says_kernels_and_processor(float_classifier: Path) -> None:
    measured = Latency().measure(artifact(float_classifier))
    assert measured.value > 0
    assert (measured.unit, measured.kernels) == ("ms", "xnnpack")
    assert measured.details["latency_ms"].keys() == {"median", "p90", "threads", "runs", "kernels", "cpu"}
