"""What a person sees while a build runs."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tflbuild.engine.events import Event
from tflbuild.show import terminal

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
    assert "CLOSED" in running
    ended = shown(EVENTS)
    assert "812,345" in ended
    assert "map 0.610 [0.570, 0.650]" in ended


class Clock:
    """A clock that is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(terminal.time, "time", lambda: self.now)


def test_no_time_left_is_said_before_there_is_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    row = terminal.Row("train", state="running", started=clock.now)
    clock.now += 14  # TensorFlow traces the graph within the first step
    row.went_on(1, 60)
    assert row.show_time() == "14 s"
    clock.now += 2
    row.went_on(21, 60)
    assert row.show_time() == "16 s"  # two seconds are too few to tell a rate
    clock.now += 4
    row.went_on(31, 60)
    assert row.show_time() == "20 s, 6 s left"  # 30 steps in 6 s, 29 to go


def test_a_long_training_says_nothing_before_a_share_of_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    row = terminal.Row("train", state="running", started=clock.now)
    row.went_on(1, 10_000)
    clock.now += 30
    row.went_on(101, 10_000)
    assert "left" not in row.show_time()
    clock.now += 30
    row.went_on(201, 10_000)
    assert row.show_time() == "60 s, 2940 s left"  # 200 in 60 s, 9,799 to go


def test_a_resumed_training_is_not_credited_with_what_was_done_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    row = terminal.Row("train", state="running", started=clock.now)
    row.went_on(500, 1000)
    clock.now += 10
    row.went_on(600, 1000)
    assert row.show_time() == "10 s, 40 s left"
    row.went_on(10, 1000)  # something else starts over
    assert row.show_time() == "10 s"


def test_what_is_built_and_what_was_recognised_is_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"what": "outputs", "value": "softmax", "evidence": "layer 'dense_1' ends in softmax"}
    fields = {
        "steps": [],
        "subject": "keras mine.h5 on image_folder photos",
        "recognised": [entry],
        "classes": ["a", "b"],
    }
    terminal.PlainLines()(Event("plan", fields))
    printed = capsys.readouterr().out.splitlines()
    wanted = [
        "building keras mine.h5 on image_folder photos",
        "outputs: softmax (layer 'dense_1' ends in softmax)",
    ]
    assert printed[:3] == [wanted[0], "classes: a, b", wanted[1]]
    assert all(line in shown([Event("plan", fields)]) for line in wanted)


ANALYSIS = {
    "name": "chance",
    "key": "0" * 64,
    "findings": [
        {
            "verdict": "chance",
            "metric": "top1",
            "text": "the base is not better than chance: top1 0.0000",
            "orders": [
                {
                    "how": "in alphabetical order",
                    "classes": ["disc", "square"],
                    "value": 1.0,
                    "low": 0.9,
                    "high": 1.0,
                    "n": 40,
                    "better": True,
                    "override": "'data.classes=[disc,square]'",
                }
            ],
            "readings": [],
        }
    ],
}


def test_a_base_at_chance_is_told_when_it_is_found_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.PlainLines()(Event("analysis", ANALYSIS))
    printed = capsys.readouterr().out
    assert (
        "top1 1.000 [0.900, 1.000] with classes in alphabetical order: 'data.classes=[disc,square]'"
        in printed
    )
    assert "output 0 of the model seems to be your 'disc'" in printed
    assert "output 1 of the model" in shown([EVENTS[0], Event("analysis", ANALYSIS)])
    report = {"targets": [], "budget": {"verdicts": []}, "analyses": [ANALYSIS]}
    assert "warning: the base is not better than chance: top1 0.0000" in terminal.outcome_lines(report, "run")


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
    island = {"operator": "ADD", "tensor": "a:smile:[b]", "dtype": "float32", "reason": "it is wanted"}
    found = STEP | {"notes": {"islands": [island]}}
    assert "a:smile:[b]" in shown([EVENTS[0], Event("pass_ended", found)])
    step = STEP | {"label": "[bold]\x1b[2J"}
    assert "[bold]\\x1b[2J" in shown([EVENTS[0], Event("pass_ended", step)])
