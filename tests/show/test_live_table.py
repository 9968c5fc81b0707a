"""The table of a build that runs, by hand."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from shown_steps import metrics, step
from tflbuild.engine.events import Event
from tflbuild.show import live_table
from tflbuild.show import row as rows
from tflbuild.show.live_table import LiveTable
from tflbuild.show.row import Row


class Clock:
    """A clock that is set, for the table and its rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in (live_table, rows):
            monkeypatch.setattr(module.time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def event(clock: Clock, kind: str, **fields: Any) -> Event:
    return Event(kind, fields, time=clock.now)


def table(clock: Clock, *events: Event, width: int = 120) -> LiveTable:
    shown = LiveTable()
    shown.console = Console(file=io.StringIO(), width=width)
    for one in events:
        shown(one)
    return shown


def plan(clock: Clock, *labels: str, **more: Any) -> Event:
    steps = [{"label": label, "status": "RUN", "reason": "new"} for label in labels or ("train", "prune")]
    return event(clock, "plan", steps=steps, **more)


def started(clock: Clock, label: str = "prune") -> Event:
    return event(clock, "pass_started", label=label, status="RUN", reason="new")


def progress(clock: Clock, done: float, total: float = 60, note: str = "loss 1") -> Event:
    return event(clock, "progress", label="prune", done=done, total=total, note=note)


def drawn(shown: LiveTable) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=shown.console.width).print(shown.render())
    return [line.rstrip() for line in text.getvalue().splitlines()]


def closed(shown: LiveTable) -> list[str]:
    shown.close()
    return [" ".join(line.split()) for line in drawn(shown)]


def test_the_time_of_a_row_is_what_it_took_or_has_taken(clock: Clock) -> None:
    assert Row("a").show_time() == ""
    assert Row("a", state="done", seconds=12.34).show_time() == "12 s"
    for state in ("running", "measuring"):
        assert Row("a", state=state, started=992.6).show_time() == "7 s"
        assert Row("a", state=state, started=999.5).show_time() == ""


def test_a_row_follows_its_pass(clock: Clock) -> None:
    shown = table(clock, plan(clock))
    assert [row.state for row in shown._rows.values()] == ["waiting", "waiting"]
    for one in (started(clock), progress(clock, 3), progress(clock, 4, note="")):
        shown(one)
    row = shown._rows["prune"]
    assert (row.state, row.started, row.rate.done, row.rate.total) == ("running", 1000.0, 4, 60)
    assert drawn(shown)[3] == "prune: 4 of 60, loss 1"
    clock.now = 1007
    shown(event(clock, "measuring", what="map", split="val"))
    assert (row.state, row.started, row.rate.total) == ("measuring", 1007, 0.0)
    assert drawn(shown)[3] == "prune: measuring map on val"
    shown(event(clock, "measuring", what="latency", split=""))
    assert drawn(shown)[3] == "prune: measuring latency"
    shown(event(clock, "pass_ended", **step(outcome="skipped")))
    assert (row.state, row.seconds, row.bytes, row.accuracy) == ("skipped", 12.34, 812345, "map 0.500")
    assert drawn(shown)[3] == ""
    shown.close()


def test_what_is_being_waited_for_is_the_line_below_the_table(clock: Clock) -> None:
    shown = table(clock, plan(clock), started(clock))
    for text in ("loading TensorFlow", "", "compiling the graph"):
        shown(event(clock, "doing", label="", text=text))
        assert drawn(shown)[3] == (f"prune: {text}" if text else "")
    shown(progress(clock, 1))
    assert drawn(shown)[3] == "prune: 1 of 60, loss 1"
    shown.close()


def test_a_training_that_goes_on_says_from_which_step(clock: Clock) -> None:
    shown = table(
        clock, plan(clock), started(clock), event(clock, "continued", label="prune", step=58, total=2000)
    )
    shown.close()
    assert "prune: continued from step 58 of 2,000\n" in shown.console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ([(True, "map fell")], "open"),
        ([(False, "map fell")], "CLOSED"),
        ([(False, "map fell"), (True, "in total map fell")], "CLOSED"),
        ([(True, "map fell"), (False, "in total map fell")], "open"),
    ],
)
def test_a_row_has_the_gate_of_its_own_step(clock: Clock, gates: list[tuple[bool, str]], said: str) -> None:
    told = [event(clock, "gate", ok=ok, text=text) for ok, text in gates]
    shown = table(clock, plan(clock), started(clock), *told)
    assert shown._rows["prune"].gate == said
    shown.close()


def test_a_pass_that_starts_again_begins_anew(clock: Clock) -> None:
    shown = table(clock, plan(clock), started(clock), progress(clock, 30))
    clock.now = 1050
    shown(started(clock))
    row = shown._rows["prune"]
    assert (row.started, row.rate.done) == (1050, 0.0)
    shown.close()


def test_a_pass_that_was_not_planned_has_a_row_too(clock: Clock) -> None:
    other = event(clock, "pass_ended", **step(label="other"))
    shown = table(clock, plan(clock), started(clock, "qat"), other)
    assert [*shown._rows] == ["train", "prune", "qat", "other"]
    shown.close()


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [("failed", "failed", "failed"), ("interrupted", "interrupted", "interrupted")],
)
def test_a_pass_that_failed_or_was_interrupted_says_so(
    clock: Clock, status: str, outcome: str, state: str
) -> None:
    shown = table(clock, plan(clock, "train", "prune", "quantize"), started(clock))
    shown(event(clock, "pass_ended", **step(outcome=outcome, bytes=None, metrics={})))
    shown(event(clock, "finished", status=status))
    assert shown._live is None
    assert closed(shown)[1:] == ["train not run", f"prune {state} 12 s", "quantize not run"]
    cut = table(clock, plan(clock), started(clock), event(clock, "finished", status=status))
    assert closed(cut)[2] == f"prune {state}", "one that a fallback ran, which nobody says has ended"


def test_the_table_has_a_column_for_each_thing_that_is_known(clock: Clock) -> None:
    shown = table(
        clock,
        plan(clock),
        started(clock),
        event(clock, "gate", ok=False, text="x"),
        event(clock, "pass_ended", **step()),
    )
    assert closed(shown) == [
        "pass time size accuracy on val gate",
        "train waiting",
        "prune done 12 s 793.3 KiB map 0.500 CLOSED",
    ]


def test_the_time_left_is_said_once_there_is_a_rate(clock: Clock) -> None:
    shown = table(clock, plan(clock), started(clock))
    clock.now += 14  # TensorFlow traces the graph within the first step
    shown(progress(clock, 1))
    clock.now += 2
    shown(progress(clock, 21))
    assert drawn(shown)[3:] == ["prune: 21 of 60, loss 1", "16 s so far"], "two seconds are too few"
    clock.now += 4
    shown(progress(clock, 31))
    assert drawn(shown)[3] == "prune: 31 of 60, loss 1, 5 s left", "30 steps in 6 s, 29 to go"
    shown.close()


def test_the_time_left_of_the_build_is_said_where_earlier_builds_took_as_long(clock: Clock) -> None:
    steps = [{"label": "prune", "status": "RUN", "about_seconds": 100.0, "about_tail_seconds": 0.0}]
    shown = table(clock, event(clock, "plan", steps=steps, about_delivery_seconds=20.0), started(clock))
    clock.now += 5
    assert drawn(shown)[3] == "5 s so far, about 2 min left"
    assert "time     about 2 min" in shown.console.file.getvalue()  # type: ignore[attr-defined]
    shown.close()


LABELS = ("train", "prune", "convert", "quantize")


@pytest.mark.parametrize("width", [80, 100, 40])
def test_nothing_jumps_whatever_comes(clock: Clock, width: int) -> None:
    """Every state of a build is as many lines, none wider than the terminal, with its columns where they were."""
    shown = table(clock, plan(clock, *LABELS), width=width)
    states = [drawn(shown)]
    for label in LABELS:
        told = [started(clock, label), event(clock, "doing", label="", text="loading TensorFlow")]
        told += [
            event(clock, "progress", label=label, done=n, total=100_000, note="loss 1") for n in (1, 90_000)
        ]
        told += [
            event(clock, "measuring", what="predictions", split="val"),
            event(clock, "gate", ok=False, text=""),
        ]
        ended = step(label=label, seconds=4000.0, metrics=metrics(0.5, 0.4, 0.6), bytes=123_456_789)
        for one in (*told, event(clock, "pass_ended", **ended)):
            clock.now += 200
            shown(one)
            states.append(drawn(shown))
    shown.close()
    assert {len(lines) for lines in states} == {5 + 2}
    assert max(len(line) for lines in states for line in lines) <= width
    if width >= 80:
        headings = {lines[0] for lines in states}
        assert len(headings) == 1, "no column moves"
        row = states[-1][1]
        said = "train done 1 h 7 min 117.7 MiB map 0.500 [0.400, 0.600] CLOSED"
        assert " ".join(row.split()) == said
        column = headings.pop().index("accuracy")
        assert all(lines[n][column : column + 3] == "map" for n in (1, 2, 3, 4) for lines in states[-1:])


def test_a_long_label_is_cut_and_moves_nothing(clock: Clock) -> None:
    shown = table(clock, plan(clock, "a" * 60, "prune"), width=80)
    lines = drawn(shown)
    shown.close()
    assert lines[1].startswith("a" * 23 + "…  waiting")
    assert max(map(len, lines)) <= 80


def test_a_step_whose_fallback_runs_is_over_its_budget_and_measured_no_longer(clock: Clock) -> None:
    shown = table(
        clock,
        plan(clock),
        started(clock),
        event(clock, "measuring", what="map", split="val"),
        event(clock, "gate", label="prune", ok=False, text="map fell"),
        started(clock, "prune_less"),
    )
    clock.now = 1030
    rows_drawn = [line.split() for line in drawn(shown)]
    assert ["prune", "over", "budget", "CLOSED"] in rows_drawn
    assert any(line[0] == "prune_less" and "30" in line for line in rows_drawn if line)
    shown.close()
