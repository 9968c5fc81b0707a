"""Times of operators: of a real file, and of what a profiler told, to the page."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from tflbuild.analyses import operator_times
from tflbuild.analyses.operator_times import OperatorTimes
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.exhibit import Bars, Table
from tflbuild.core.form import check
from tflbuild.runtimes.profiler import CannotProfile, Event
from tflbuild.show.findings.analyses import exhibits_of_analyses, lines_of_analysis
from tflbuild.tflite.tiny import brightness_detector


def found(path: Path, **options: Any) -> dict[str, Any]:
    model = TFLiteModel(path=path, digest="m", fingerprint="m", meta={})
    (finding,) = json.loads(json.dumps(OperatorTimes(**options).run({"model": model}, SimpleNamespace())))  # type: ignore[arg-type]
    check(finding, OperatorTimes.form)
    return finding  # type: ignore[no-any-return]


def test_every_operator_of_a_real_file_is_named_in_order_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    finding = found(path)
    names = [one["name"] for one in finding["operators"]]
    assert names[-1] == "TFLite_Detection_PostProcess"
    assert sum("Fully Connected" in name for name in names) == 2, "by the names of XNNPACK"
    assert [one["delegated"] for one in finding["operators"]][-1] is False
    assert finding["runs"] == 40
    assert 0 <= sum(one["ms"] for one in finding["operators"]) <= finding["whole_ms"]


def test_a_file_that_the_profiler_does_not_take_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"\x18\0\0\0TFL3")
    entry = {"name": "operator_times", "findings": [found(path)]}
    assert lines_of_analysis(entry) == []
    (exhibit,) = exhibits_of_analyses([entry])
    assert exhibit.text[0].startswith(
        "LiteRT's profiler cannot run this file: LiteRtCreateModelFromFile gave"
    )
    assert capfd.readouterr() == ("", ""), "LiteRT's own words stay out of the log"


class Told:
    """A profiler that tells what it was given, a run at a time."""

    runs: ClassVar[list[tuple[list[Event], int]]] = []

    def __init__(self, path: Path) -> None:
        self._left = list(self.runs)

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def warm(self) -> None:
        pass

    def run(self) -> tuple[list[Event], int]:
        return self._left.pop(0)


def told(
    monkeypatch: pytest.MonkeyPatch, made: list[tuple[list[Event], int]], **options: Any
) -> dict[str, Any]:
    monkeypatch.setattr(Told, "runs", made)
    monkeypatch.setattr("tflbuild.runtimes.profiler.Profiler", Told)
    return found(Path("m.tflite"), **options)


def run(conv: int, last: int) -> tuple[list[Event], int]:
    events = [
        Event("CONV", 0, True, conv),
        Event("CONV", 1, True, 2 * conv),
        Event("SOFTMAX", 2, False, last),
    ]
    return events, 3 * conv + last + 10


def test_the_faster_half_of_the_runs_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # By hand: of 10, 900, 20, 900, 30 the faster three; (10 + 20 + 30) / 3 = 20 microseconds.
    finding = told(monkeypatch, [run(c, 4) for c in (10, 900, 20, 900, 30)], runs=5)
    assert finding["operators"] == [
        {"name": "CONV", "delegated": True, "ms": 0.02},
        {"name": "CONV", "delegated": True, "ms": 0.04},
        {"name": "SOFTMAX", "delegated": False, "ms": 0.004},
    ]
    assert finding["whole_ms"] == 0.074
    assert finding["runs"] == 5


def test_a_slow_file_is_run_five_times_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(operator_times, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert told(monkeypatch, [run(10, 4)] * 9)["runs"] == 5


def test_kinds_are_drawn_by_the_time_that_they_take_together(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = told(monkeypatch, [run(100, 1)] * 5, runs=5)
    (exhibit,) = exhibits_of_analyses([{"name": "operator_times", "findings": [finding]}])
    bars, table = exhibit.parts
    assert isinstance(bars, Bars)
    assert [(bar.label, bar.values, bar.text) for bar in bars.bars] == [
        ("2 × CONV", (pytest.approx(0.3),), "100 %"),
        ("1 others", (0.001,), "0 %"),  # below half a percent
    ]
    assert isinstance(table, Table)
    assert [row.cells[1:3] for row in table.rows] == [
        ("CONV", "XNNPACK"),
        ("CONV", "XNNPACK"),
        ("SOFTMAX", "LiteRT"),
    ]
    assert "One run takes 0.311 ms on one thread" in exhibit.text[0]


def test_only_a_tflite_is_timed() -> None:
    models: dict[str, Any] = {"model": KerasModel(path=Path("m"), digest="m", fingerprint="m", meta={})}
    assert OperatorTimes().fits(models) == "what is delivered is not a .tflite"


def test_a_profiler_that_another_litert_lacks_is_told(
    monkeypatch: pytest.MonkeyPatch, integer_classifier: Path
) -> None:
    class Without:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    from tflbuild.runtimes import profiler

    monkeypatch.setattr(profiler, "_library", Without)
    with pytest.raises(CannotProfile, match="this LiteRT has no LiteRtCreateEnvironment"):
        profiler.Profiler(integer_classifier)
