"""The target `cpu`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import RecipeError
from tflbuild.core.target import TARGETS
from tflbuild.metrics.latency import Latency
from tflbuild.recipe.validation import typed
from tflbuild.runtimes import interpreter as litert
from tflbuild.targets.cpu import Cpu
from tflbuild.tflite.tiny import brightness_detector


def test_cpu_reports_latency_and_what_is_left_to_plain_kernels(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    found = Cpu(threads=1, runs=3).inspect(TFLiteModel(path=path, digest="", fingerprint=""))
    assert found["delegate"]["left"] == ["TFLite_Detection_PostProcess"]
    assert found["latency_ms"]["runs"] == 3


def test_a_latency_is_timed_as_often_and_on_as_many_threads_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    model = TFLiteModel(path=tmp_path / "model.tflite", digest="", fingerprint="")
    model.path.write_bytes(brightness_detector())

    def latency(*given: object) -> dict[str, object]:
        asked.append(given)
        return {"median": 1.0}

    monkeypatch.setattr(litert, "latency", latency)
    assert Cpu(threads=3, runs=7).inspect(model)["latency_ms"] == {"median": 1.0}
    Cpu().inspect(model)
    assert asked == [(model.path, 3, 7), (model.path, 1, 50)]


def test_the_latency_of_a_delivered_file_is_the_one_that_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    found = Cpu(threads=2, runs=3).inspect(TFLiteModel(path=path, digest="", fingerprint=""))
    measured = Latency().from_figure(found[Latency.figure])
    assert (measured.value, measured.details) == (
        found["latency_ms"]["median"],
        {"latency_ms": found["latency_ms"]},
    )
    assert (found["latency_ms"]["threads"], found["latency_ms"]["runs"]) == (2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads: 0"),
        ({"threads": 1025}, "threads: 1025"),
        ({"runs": 0}, "runs: 0"),
        ({"runs": 1_000_001}, "runs: 1000001"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        typed(Cpu, options, "target.cpu")
    assert typed(Cpu, {"threads": 1024, "runs": 1_000_000}, "target.cpu").runs == 1_000_000


def test_cpu_is_a_target_whose_file_runs_here() -> None:
    assert TARGETS.get("cpu") is Cpu
    assert (Cpu.compiles, Cpu.executes, Cpu.integer_only, Cpu.needs) == (
        False,
        True,
        False,
        ("ai_edge_litert",),
    )
