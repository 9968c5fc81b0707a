"""Every line that a terminal shows of a build, by hand."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tflbuild.engine.events import Event
from tflbuild.show import terminal


def metrics(
    value: float | None, low: float | None = None, high: float | None = None, name: str = "map"
) -> Any:
    return {name: {"value": value, "low": low, "high": high}}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (metrics(0.61, 0.57, 0.65), "map 0.610 [0.570, 0.650]"),
        (metrics(0.0, 0.0, 0.0), "map 0.000 [0.000, 0.000]"),
        (metrics(0.61), "map 0.610"),
        (metrics(None), ""),
        (metrics(0.5, name="top1"), "top1 0.500"),
        (metrics(0.5, name="top1") | metrics(0.4), "map 0.400"),
        (metrics(0.5, name="top1") | metrics(None), "top1 0.500"),
        (metrics(0.5, name="auc"), ""),
    ],
)
def test_the_accuracy_is_said_with_its_interval(given: Any, text: str) -> None:
    assert terminal.primary_metric(given) == text


def step(**more: Any) -> dict[str, Any]:
    made = {"label": "prune", "outcome": "ran", "seconds": 12.34, "bytes": 812345, "metrics": metrics(0.5)}
    return made | more


ENDED = [
    (step(), "prune: done, 12.3 s, 812,345 bytes, map 0.500"),
    (step(outcome="cached", seconds=0), "prune: cached, 812,345 bytes, map 0.500"),
    (step(outcome="skipped", bytes=None, metrics={}), "prune: skipped, 12.3 s"),
    (step(outcome="replaced", seconds=0, bytes=0, metrics={}), "prune: replaced"),
    (step(outcome="failed", metrics={}), "prune: failed, 12.3 s, 812,345 bytes"),
]


@pytest.mark.parametrize(("fields", "text"), ENDED, ids=[text for _, text in ENDED])
def test_the_end_of_a_pass_is_one_line(fields: dict[str, Any], text: str) -> None:
    assert printed(Event("pass_ended", fields)) == [text]


def printed(*events: Event) -> list[str]:
    text = io.StringIO()
    lines = terminal.PlainLines(text)
    for event in events:
        lines(event)
    return text.getvalue().splitlines()


LINES = [
    ("pass_started", {"label": "a", "status": "RUN", "reason": "new"}, ["a: started (new)"]),
    ("pass_started", {"label": "a", "status": "HIT", "reason": "saves 70.0 s"}, []),
    ("gate", {"ok": True, "text": "map fell"}, ["  gate open: map fell"]),
    ("gate", {"ok": False, "text": "map fell"}, ["  gate CLOSED: map fell"]),
    ("warning", {"text": "x"}, ["warning: x"]),
    ("waiting", {"text": "x"}, ["waiting: x"]),
    ("measuring", {"what": "map", "split": "val"}, []),
    ("progress", {"label": "", "done": 1, "total": 2, "note": ""}, []),
    ("finished", {}, []),
]


@pytest.mark.parametrize(("kind", "fields", "lines"), LINES)
def test_an_event_is_told_in_its_line(kind: Any, fields: dict[str, Any], lines: list[str]) -> None:
    assert printed(Event(kind, fields)) == lines


def at(seconds: float, kind: Any = "progress", **fields: Any) -> Event:
    known = {"label": "a", "done": 9.6, "total": 60.2, "note": "loss 1"} if kind == "progress" else {}
    return Event(kind, known | fields, time=seconds)


def test_progress_is_told_every_ten_seconds() -> None:
    times = (5, 10.5, 20.5, 21, 31, 40)
    assert printed(*(at(seconds, done=seconds) for seconds in times)) == [
        "a: 10/60 loss 1",
        "a: 21/60 loss 1",
        "a: 40/60 loss 1",
    ]


def test_looking_at_files_is_told_every_ten_seconds_with_both_numbers() -> None:
    events = [at(seconds, "looking", done=1200, total=34_000) for seconds in (100, 105, 110, 110.1)]
    assert printed(*events) == ["looking at 34,000 files: 1,200"] * 2


def test_what_is_built_is_told_before_the_plan() -> None:
    fields: dict[str, Any] = {"steps": [{"label": "a", "status": "HIT"}, {"label": "b", "status": "RUN"}]}
    assert printed(Event("plan", fields)) == ["plan: a HIT, b RUN"]
    fields |= {"subject": "x\x1b", "classes": ["a", "b"], "recognised": [{"what": "w", "value": "v"}]}
    assert printed(Event("plan", fields)) == [
        "building x\\x1b",
        "classes: a, b",
        "w: v",
        "plan: a HIT, b RUN",
    ]


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("done", "text"), [(1200, "looking at 34,000 files: 1,200"), (34_000, "")])
def test_a_terminal_shows_how_many_files_were_looked_at_and_wipes_it_in_the_end(
    done: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, pipe = Screen(), io.StringIO()
    monkeypatch.setattr(terminal.sys, "stderr", screen)
    terminal.show_looking(done, 34_000)
    assert screen.getvalue() == f"\r{text}\x1b[K"
    monkeypatch.setattr(terminal.sys, "stderr", pipe)
    terminal.show_looking(done, 34_000)
    assert pipe.getvalue() == ""


def test_who_looks_at_a_terminal_sees_a_table_and_a_log_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.sys, "stdout", Screen())
    assert isinstance(terminal.listener(), terminal.LiveTable)
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(terminal.sys, "stdout", stream)
        assert isinstance(terminal.listener(), terminal.PlainLines)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(terminal.time, "time", lambda: now[0])
    return now


def test_the_time_of_a_row_is_what_it_took_or_has_taken(clock: list[float]) -> None:
    assert terminal.Row("a").show_time() == ""
    assert terminal.Row("a", state="done", seconds=12.34).show_time() == "12.3 s"
    assert terminal.Row("a", state="done", started=900, seconds=0).show_time() == ""
    for state in ("running", "measuring"):
        row = terminal.Row("a", state=state, started=992.6)
        assert row.show_time() == "7 s"
    row.since, row.done, row.total = (990.0, 0.0), 50.0, 100.0
    assert row.show_time() == "7 s", "nobody knows how long a measurement takes"
    row.state = "running"
    assert row.show_time() == "7 s, 10 s left"


@pytest.mark.parametrize(
    ("seconds", "done", "total", "left"),
    [
        (5.0, 2, 100, 245.0),  # 98 to go at 2 in 5 s
        (4.9, 2, 100, None),
        (5.0, 1.9, 100, None),
        (10.0, 100, 100, 0.0),
        (10.0, 120, 100, 0.0),
        (10.0, 10, 0, None),
    ],
)
def test_the_time_left_needs_five_seconds_and_a_fiftieth(
    clock: list[float], seconds: float, done: float, total: float, left: float | None
) -> None:
    row = terminal.Row("a", since=(1000.0, 0.0), done=done, total=total)
    clock[0] += seconds
    assert row._left() == (None if left is None else pytest.approx(left))
    assert terminal.Row("a", done=done, total=total)._left() is None
    resumed = terminal.Row("a", since=(1000.0, 50.0), done=done + 50, total=total and total + 50)
    needed = left is not None and done >= 0.02 * (total + 50)
    assert resumed._left() == (pytest.approx(left) if needed else None)


def test_a_training_that_starts_over_or_has_another_length_is_timed_anew(clock: list[float]) -> None:
    row = terminal.Row("a")
    row.went_on(10, 100)
    assert row.since == (1000.0, 10)
    clock[0] = 1010
    row.went_on(10, 100)
    assert (row.since, row.done, row.total) == ((1000.0, 10), 10, 100)
    row.went_on(9, 100)
    assert row.since == (1010, 9)
    clock[0] = 1020
    row.went_on(20, 200)
    assert (row.since, row.total) == ((1020, 20), 200)


def table(*events: Event) -> terminal.LiveTable:
    from rich.console import Console

    shown = terminal.LiveTable()
    shown.console = Console(file=io.StringIO(), width=120)
    for event in events:
        shown(event)
    return shown


PLAN = Event("plan", {"steps": [{"label": "train"}, {"label": "prune"}]})
STARTED = Event("pass_started", {"label": "prune", "status": "RUN", "reason": "new"})


def row_of(shown: terminal.LiveTable, label: str = "prune") -> terminal.Row:
    shown.close()
    return shown._rows[label]


def test_a_row_of_the_table_follows_its_pass(clock: list[float]) -> None:
    shown = table(PLAN)
    assert [(row.label, row.state) for row in shown._rows.values()] == [
        ("train", "waiting"),
        ("prune", "waiting"),
    ]
    shown(STARTED)
    shown(Event("progress", {"done": 3, "total": 60, "note": "loss 1"}))
    shown(Event("progress", {"done": 4, "total": 60, "note": ""}))
    row = shown._rows["prune"]
    assert (row.state, row.started, row.done, row.total, shown._note) == ("running", 1000.0, 4, 60, "loss 1")
    assert shown._rows["train"].state == "waiting"
    clock[0] = 1007
    shown(Event("measuring", {"what": "map", "split": "val"}))
    assert (row.state, row.started, row.since, row.total) == ("measuring", 1007, None, 0.0)
    assert shown._note == "measuring map on val"
    shown(Event("measuring", {"what": "latency", "split": ""}))
    assert shown._note == "measuring latency"
    shown(Event("pass_ended", step(outcome="skipped")))
    assert (row.state, row.seconds, row.size, row.accuracy) == ("skipped", 12.34, 812345, "map 0.500")
    assert (shown._current, shown._note) == ("", "")
    row_of(shown)


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ([(True, "map fell")], "open"),
        ([(False, "map fell")], "CLOSED"),
        ([(False, "map fell"), (True, "in total map fell")], "CLOSED"),
        ([(True, "map fell"), (False, "in total map fell")], "open"),
    ],
)
def test_a_row_has_the_gate_of_its_own_step(gates: list[tuple[bool, str]], said: str) -> None:
    shown = table(PLAN, STARTED, *(Event("gate", {"ok": ok, "text": text}) for ok, text in gates))
    assert row_of(shown).gate == said


def test_a_pass_that_starts_again_begins_anew(clock: list[float]) -> None:
    shown = table(PLAN, STARTED, Event("progress", {"done": 30, "total": 60, "note": "loss 1"}))
    clock[0] = 1050
    shown(STARTED)
    row = row_of(shown)
    assert (row.started, row.since, row.done) == (1050, None, 0.0)
    assert shown._note == ""


def test_a_pass_that_was_not_planned_has_a_row_too() -> None:
    shown = table(PLAN, Event("pass_started", {"label": "qat"}), Event("pass_ended", step(label="other")))
    assert [*shown._rows] == ["train", "prune", "qat", "other"]
    shown.close()


def test_the_table_is_left_when_the_build_is_finished() -> None:
    shown = table(PLAN, STARTED)
    assert shown._live is not None
    shown(Event("finished", {}))
    assert shown._live is None


def drawn(shown: terminal.LiveTable) -> list[str]:
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=120).print(shown.render())
    shown.close()
    return [" ".join(line.split()) for line in text.getvalue().splitlines()]


def test_the_table_has_a_column_for_each_thing_that_is_known() -> None:
    events = (PLAN, STARTED, Event("gate", {"ok": False, "text": "x"}), Event("pass_ended", step()))
    assert drawn(table(*events))[:3] == [
        "pass time bytes accuracy on val gate",
        "train waiting",
        "prune done 12.3 s 812,345 map 0.500 CLOSED",
    ]


def test_a_bar_shows_how_far_a_pass_is() -> None:
    shown = table(PLAN, STARTED, Event("progress", {"done": 30, "total": 60, "note": "loss 1"}))
    lines = drawn(shown)
    assert lines[2].startswith("prune ━")
    assert lines[2].count("━") == 12, "half of 24 letters, the rest in another colour or none"
    assert lines[3] == "loss 1"


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
    "budget": {"verdicts": [{"text": "map fell", "decided": True}, {"text": "x", "decided": False}]},
    "targets": [TARGET],
    "passes": [],
}


def outcome(**more: Any) -> list[str]:
    return terminal.outcome_lines(REPORT | more, "out")


def test_the_outcome_is_told_from_the_file_to_the_report() -> None:
    assert outcome() == [
        "built out/cpu/model.tflite for cpu",
        "  312,345 bytes, 201,234 compressed",
        "  map 0.6000 [0.5500, 0.6500] on 500 test images; train had 0.0000",
        "  map50 0.0000 on 0 val images",
        "  gate: map fell",
        "  gate: x (undecided)",
        "report: out/report.html",
    ]


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        (
            {"latency_ms": {"median": 3.146, "p90": 3.456, "threads": 2, "cpu": "some cpu"}},
            ["  3.15 ms an image (p90 3.46, 2 thread(s), some cpu)"],
        ),
        ({"latency_ms": {"median": 3.146}}, ["  3.15 ms an image (p90 3.15, 1 thread(s), )"]),
        (
            {"delegate": {"delegated": 30, "total": 31, "name": "xnnpack"}},
            ["  30 of 31 operators on xnnpack"],
        ),
        (
            {"npu_coverage": 0.9531, "npu_cycles": 371355.2, "npu_sram": 1072.74},
            ["  NPU coverage 95.3%, 371,355 cycles, SRAM 1,072.7 KiB"],
        ),
        ({"delegate": {}, "latency_ms": {}}, []),
        ({"npu_coverage": 0.0}, ["  NPU coverage 0.0%, 0 cycles, SRAM 0.0 KiB"]),
    ],
)
def test_what_the_device_says_is_told(more: dict[str, Any], lines: list[str]) -> None:
    told = outcome(targets=[{**TARGET, "metrics": {}} | more], budget={"verdicts": []})
    assert told[2:-1] == lines


LAST = {"label": "prune", "kind": "KerasModel", "bytes": 1234567, "metrics": metrics(0.5)}
STOPPED = "stopped after prune: a KerasModel of 1,234,567 bytes in out, map 0.500 on val"


def test_where_a_build_was_stopped_is_told_with_what_is_there() -> None:
    none: dict[str, Any] = {"targets": [], "budget": {"verdicts": []}}
    passes = [LAST | {"label": "train"}, LAST | {"label": "other"}, LAST]
    report = "report: out/report.html"
    assert outcome(**none, stopped_after="prune", passes=passes) == [STOPPED, report]
    assert outcome(**none, passes=passes) == [report]
    assert outcome(**none, stopped_after="prune", passes=passes, status="failed") == [report]
    assert outcome(**none, reproduce="tflbuild reproduce out") == [
        "to run the failed pass alone: tflbuild reproduce out",
        report,
    ]
