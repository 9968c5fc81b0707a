"""What a person sees while a build runs."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tflbuild import terminal
from tflbuild.engine.events import Event

STEP = {
    "label": "prune",
    "outcome": "ran",
    "seconds": 12.34,
    "bytes": 812345,
    "metrics": {"map": {"value": 0.61, "low": 0.57, "high": 0.65, "n": 200, "split": "val"}},
}
EVENTS = [
    Event("plan", {"steps": [{"label": "train", "status": "HIT"}, {"label": "prune", "status": "RUN"}]}),
    Event("pass_started", {"label": "train", "status": "HIT", "reason": "saves 70.0 s"}),
    Event("pass_ended", {**STEP, "label": "train", "outcome": "cached", "seconds": 0}),
    Event("pass_started", {"label": "prune", "status": "RUN", "reason": "never run before"}),
    Event("progress", {"label": "prune", "done": 30, "total": 60, "note": "loss 1.234"}),
    Event("gate", {"ok": False, "text": "map fell by 0.05"}),
    Event("warning", {"text": "prune is over its budget"}),
    Event("pass_ended", STEP),
]


def test_plain_lines_say_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    shown = terminal.PlainLines()
    for event in EVENTS:
        shown(event)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "plan: train HIT, prune RUN"
    assert "prune: 30/60 loss 1.234" in printed
    assert "  gate CLOSED: map fell by 0.05" in printed
    assert "prune: done, 12.3 s, 812,345 bytes, map 0.610 [0.570, 0.650]" in printed


def shown(events: list[Event], **options: Any) -> str:
    table = terminal.LiveTable()
    text = io.StringIO()
    table.console = Console(file=text, width=120, **options)
    for event in events:
        table(event)
    table.console.print(table.render())
    table.close()
    return text.getvalue()


def test_the_live_table_shows_progress_time_left_and_gate() -> None:
    running = shown(EVENTS[:6])
    assert "loss 1.234" in running
    assert "s left" in running
    assert "CLOSED" in running
    ended = shown(EVENTS)
    assert "812,345" in ended
    assert "map 0.610 [0.570, 0.650]" in ended


FOUND = {"islands": [{"operator": "ELU", "tensor": "x", "dtype": "float32", "reason": "no integer form"}]}


def test_what_a_pass_found_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = "in float32: ELU x (no integer form)"
    terminal.PlainLines()(Event("pass_ended", STEP | {"notes": FOUND}))
    terminal.PlainLines()(Event("pass_ended", STEP | {"notes": FOUND, "cached": True}))
    assert capsys.readouterr().out.count(told) == 1
    assert told in shown([*EVENTS, Event("pass_ended", STEP | {"notes": FOUND})])


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(EVENTS, force_terminal=True)


def test_the_outcome_names_the_file_its_size_and_its_accuracy_against_the_base() -> None:
    found = {"value": 0.6, "low": 0.55, "high": 0.65, "n": 500, "split": "test", "unit": "1"}
    report = {
        "base": {"label": "train", "metrics": {"map": {"value": 0.62}}},
        "budget": {"verdicts": [{"text": "map fell by 0.02", "decided": False}]},
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
    lines = terminal.outcome_lines(report, "outputs/r/now")
    assert lines[0] == "built outputs/r/now/model.tflite for cpu"
    assert "312,345 bytes" in lines[1]
    assert "map 0.6000 [0.5500, 0.6500] on 500 test images; train had 0.6200" in lines[2]
    assert "30 of 31 operators on xnnpack" in lines[4]
    assert "(undecided)" in lines[5]
    assert lines[-1] == "report: outputs/r/now/report.html"


def test_text_from_outside_is_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    text = "left out: a\x1b]0;owned\x07\u202e[red]b[/red]:smile:.jpg"
    harmless = "left out: a\\x1b]0;owned\\x07\\u202e[red]b[/red]:smile:.jpg"
    warning = Event("warning", {"text": text})
    terminal.PlainLines()(warning)
    assert capsys.readouterr().out == f"warning: {harmless}\n"
    assert f"warning: {harmless}" in shown([*EVENTS, warning])
    step = STEP | {"label": "[bold]\x1b[2J"}
    assert "[bold]\\x1b[2J" in shown([EVENTS[0], Event("pass_ended", step)])
