"""The target `cpu`."""

from __future__ import annotations

from pathlib import Path

from tflbuild.backends.tiny import brightness_detector
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.target import TARGETS
from tflbuild.targets.cpu import Cpu


def test_cpu_reports_latency_and_what_is_left_to_plain_kernels(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    found = Cpu(threads=1, runs=3).inspect(TFLiteModel(path=path, digest="", fingerprint=""))
    assert found["delegate"]["left"] == ["TFLite_Detection_PostProcess"]
    assert found["latency_ms"]["runs"] == 3


def test_cpu_delivers_the_file_as_it_is() -> None:
    assert TARGETS.get("cpu") is Cpu
    assert not Cpu.compiles
    assert Cpu.executes
