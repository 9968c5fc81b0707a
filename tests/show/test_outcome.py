"""How a build ended, in lines, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shown_steps import metrics
from tflbuild.engine.report import Report
from tflbuild.show.outcome import keep_outcome, outcome_lines

TARGET: dict[str, Any] = {
    "name": "cpu",
    "path": "cpu/model.tflite",
    "bytes": 312345,
    "compressed_bytes": 201234,
    "metrics": {
        "map": {"value": 0.6, "low": 0.55, "high": 0.65, "n": 500, "split": "test"},
        "map50": {"value": 0.0, "split": "val"},
        "top1": {"value": None, "split": "test"},
        "size": {"value": 312345},
    },
}
REPORT: dict[str, Any] = {
    "status": "built",
    "base": {"label": "train", "metrics": {"map": {"value": 0.0}, "map50": {"value": None}}},
    "budget": {
        "verdicts": [
            {"text": "map fell", "decided": True, "ok": True},
            {"text": "x; undecided", "decided": False, "ok": True},
        ]
    },
    "targets": [TARGET],
    "passes": [],
}


def outcome(**more: Any) -> list[str]:
    return outcome_lines(REPORT | more, "out")


def test_the_outcome_is_told_from_the_file_to_the_report() -> None:
    assert outcome() == [
        "Built; whether it is within its budget is undecided.",
        "built out/cpu/model.tflite for cpu",
        "  305.0 KiB, 196.5 KiB compressed",
        "  map 0.6000 [0.5500, 0.6500] on 500 test samples; train had 0.0000",
        "  map50 0.0000 on 0 val samples",
        "  gate: map fell",
        "  gate: x; undecided",
        "report: out/report.html",
    ]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.01, 0.05, "better"), (-0.05, -0.01, "worse"), (-0.01, 0.05, "no clear difference")],
)
def test_a_difference_from_the_base_is_told_with_whether_it_can_be(
    low: float, high: float, told: str
) -> None:
    target = TARGET | {"differences": {"map": {"value": 0.03, "low": low, "high": high, "n": 500}}}
    line = f"train had 0.0000, +0.0300 [{low:+.4f}, {high:+.4f}]: {told}"
    assert outcome(targets=[target])[3] == f"  map 0.6000 [0.5500, 0.6500] on 500 test samples; {line}"


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        (
            {"latency_ms": {"median": 3.146, "p90": 3.456, "threads": 2, "cpu": "some cpu"}},
            ["  3.15 ms a sample (p90 3.46, 2 threads, some cpu)"],
        ),
        ({"latency_ms": {"median": 3.146}}, ["  3.15 ms a sample (1 thread, )"]),
        (
            {"latency_ms": {"median": 3.146, "p95": 3.9, "threads": 1, "cpu": "a phone"}},
            ["  3.15 ms a sample (p95 3.90, 1 thread, a phone)"],
        ),
        (
            {"memory": {"init_mib": 3.25, "peak_mib": 40.06}},
            ["  memory of the tool in MiB: init 3.2, peak 40.1"],
        ),
        (
            {"device": {"serial": "A"}, "agreement": {"fidelity": {"value": 0.98, "n": 12, "split": "test"}}},
            ["  fidelity 0.9800 with this machine's LiteRT, on 12 test samples"],
        ),
        (
            {"delegate": {"delegated": 30, "total": 31, "name": "xnnpack"}},
            ["  30 of 31 operators on xnnpack"],
        ),
        (
            {"npu_coverage": 0.9531, "npu_cycles": 371355.2, "npu_sram": 1072.74},
            ["  NPU coverage 95.3%, 371,355 cycles, SRAM 1,072.7 KiB"],
        ),
        (
            {
                "npu_coverage": 1.0,
                "npu_flash": 243.5,
                "npu_layers": [{"index": 3, "name": "CONV_2D", "cycles": 9}],
            },
            ["  NPU coverage 100.0%, flash or DRAM 243.5 KiB", "  most cycles: operator 3 (CONV_2D) 100.0%"],
        ),
        (
            {"edgetpu": {"compiled": False}},
            [
                "  not compiled for the Edge TPU: edgetpu_compiler was not called; the report says how to get it",
            ],
        ),
        ({"edgetpu": {"compiled": True}}, []),
        ({"metadata": "image to probability\x1b[2J"}, ["  metadata: image to probability\\x1b[2J"]),
        (
            {"min_runtime": {"version": "2.3.0", "by": "CONV_2D version 4", "unknown": []}},
            ["  needs TensorFlow Lite 2.3.0 or later, for CONV_2D version 4"],
        ),
        (
            {"min_runtime": {"version": "2.3.0", "by": "PAD version 2", "unknown": ["ADD version 9", "X"]}},
            [
                "  needs TensorFlow Lite 2.3.0 or later, for PAD version 2; the version of ADD version 9, X is unknown"
            ],
        ),
        ({"min_runtime": {"version": "", "by": "", "unknown": []}}, []),
        ({"cautions": ["it keeps state \x1b[2J"]}, ["  warning: it keeps state \\x1b[2J"]),
        ({"delegate": {}, "latency_ms": {}, "metadata": ""}, []),
        ({"npu_coverage": 0.0}, ["  NPU coverage 0.0%"]),
    ],
)
def test_what_the_device_says_is_told(more: dict[str, Any], lines: list[str]) -> None:
    told = outcome(targets=[{**TARGET, "metrics": {}} | more], budget={"verdicts": []})
    assert told[3:-1] == lines


LAST = {"label": "prune", "kind": "KerasModel", "bytes": 1234567, "metrics": metrics(0.5)}
STOPPED = "stopped after prune: a KerasModel of 1.2 MiB in out, map 0.500 on val"


def test_where_a_build_was_stopped_is_told_with_what_is_there() -> None:
    none: dict[str, Any] = {"targets": [], "budget": {"verdicts": []}}
    passes = [LAST | {"label": "train"}, LAST | {"label": "other"}, LAST]
    report = "report: out/report.html"
    assert outcome(**none, stopped_after="prune", passes=passes)[1:] == [STOPPED, report]
    assert outcome(**none, passes=passes)[1:] == [report]
    failed = outcome(**none, stopped_after="prune", passes=passes, status="failed")
    assert failed == ["Failed.", report]
    assert outcome(**none, reproduce="tflbuild reproduce out")[1:] == [
        "to run only the failed pass: tflbuild reproduce out",
        report,
    ]


def test_the_outcome_names_the_file_its_size_and_its_accuracy_against_the_base() -> None:
    found = {"value": 0.6, "low": 0.55, "high": 0.65, "n": 500, "split": "test", "unit": "1"}
    report = {
        "base": {"label": "train", "metrics": {"map": {"value": 0.62}}},
        "budget": {"verdicts": [{"text": "map fell by 0.02", "decided": False, "ok": True}]},
        "targets": [
            {
                "name": "cpu",
                "path": "model.tflite",
                "bytes": 312345,
                "compressed_bytes": 201234,
                "metrics": {"map": found},
                "latency_ms": {"median": 3.14, "p90": 3.4, "threads": 1, "cpu": "some cpu"},
                "delegate": {"name": "xnnpack", "delegated": 30, "total": 31},
            }
        ],
    }
    lines = outcome_lines(report, "outputs/r/now")
    assert lines[1] == "built outputs/r/now/model.tflite for cpu"
    assert "305.0 KiB" in lines[2]
    assert "map 0.6000 [0.5500, 0.6500] on 500 test samples; train had 0.6200" in lines[3]
    assert "30 of 31 operators on xnnpack" in lines[5]
    assert lines[-1] == "report: outputs/r/now/report.html"


def test_the_log_ends_with_the_outcome_and_with_all_about_a_breach(tmp_path: Path) -> None:
    step = {
        "label": "prune",
        "kind": "TFLiteModel",
        "verdicts": [],
        "tried": [],
        "differences": {},
        "outcome": "ran",
    }
    verdict = {"metric": "map", "limit": {"max_drop": 0.1}, "value": 0.4, "baseline": 0.6, "ok": False}
    over = {"status": "over_budget", "passes": [step | {"verdicts": [verdict | {"text": "map fell by 0.2"}]}]}
    report = Report(folder=tmp_path, content=REPORT | over | {"targets": [], "overrides": [], "recipe": "r"})
    (tmp_path / "log.txt").write_text("from TensorFlow\n")
    keep_outcome(report)
    said = (tmp_path / "log.txt").read_text()
    first, sentence, *lines = said.splitlines()
    assert first == "from TensorFlow"
    assert sentence.startswith("Over budget: no model was delivered")
    assert "over budget: prune: map fell by 0.2; 0.1000 too much" in lines
    assert f"  tflbuild diagnose {tmp_path}" in lines
    keep_outcome(report)
    assert (tmp_path / "log.txt").read_text() == said, "a page that is written again says nothing twice"
