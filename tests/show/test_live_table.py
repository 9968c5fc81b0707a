"""The table of a build that runs, by hand."""

from __future__ import annotations

import io

import pytest

from shown_steps import step
from tflbuild.engine.events import Event
from tflbuild.show import live_table
from tflbuild.show.live_table import LiveTable, Row


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(live_table.time, "time", lambda: now[0])
    return now


def test_the_time_of_a_row_is_what_it_took_or_has_taken(clock: list[float]) -> None:
    assert Row("a").show_time() == ""
    assert Row("a", state="done", seconds=12.34).show_time() == "12.3 s"
    assert Row("a", state="done", started=900, seconds=0).show_time() == ""
    for state in ("running", "measuring"):
        row = Row("a", state=state, started=992.6)
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
    row = Row("a", since=(1000.0, 0.0), done=done, total=total)
    clock[0] += seconds
    assert row._left() == (None if left is None else pytest.approx(left))
    assert Row("a", done=done, total=total)._left() is None
    resumed = Row("a", since=(1000.0, 50.0), done=done + 50, total=total and total + 50)
    needed = left is not None and done >= 0.02 * (total + 50)
    assert resumed._left() == (pytest.approx(left) if needed else None)


def test_a_training_that_starts_over_or_has_another_length_is_timed_anew(clock: list[float]) -> None:
    row = Row("a")
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


def table(*events: Event) -> LiveTable:
    from rich.console import Console

    shown = LiveTable()
    shown.console = Console(file=io.StringIO(), width=120)
    for event in events:
        shown(event)
    return shown


PLAN = Event("plan", {"steps": [{"label": "train"}, {"label": "prune"}]})
STARTED = Event("pass_started", {"label": "prune", "status": "RUN", "reason": "new"})


def row_of(shown: LiveTable, label: str = "prune") -> Row:
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


def drawn(shown: LiveTable) -> list[str]:
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=120).print(shown.render())
    shown.close()
    return [" ".join(line.split()) for line in text.getvalue().splitlines()]


def test_the_table_has_a_column_for_each_thing_that_is_known() -> None:
    events = (PLAN, STARTED, Event("gate", {"ok": False, "text": "x"}), Event("pass_ended", step()))
    assert drawn(table(*events))[:3] == [
        "pass time size accuracy on val gate",
        "train waiting",
        "prune done 12.3 s 793.3 KiB map 0.500 CLOSED",
    ]


def test_a_bar_shows_how_far_a_pass_is() -> None:
    shown = table(PLAN, STARTED, Event("progress", {"done": 30, "total": 60, "note": "loss 1"}))
    lines = drawn(shown)
    assert lines[2].startswith("prune ━")
    assert lines[2].count("━") == 12, "half of 24 letters, the rest in another colour or none"
    assert lines[3] == "loss 1"


class Clock:
    """A clock that is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(live_table.time, "time", lambda: self.now)


def test_no_time_left_is_said_before_there_is_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    row = Row("train", state="running", started=clock.now)
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
    row = Row("train", state="running", started=clock.now)
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
    row = Row("train", state="running", started=clock.now)
    row.went_on(500, 1000)
    clock.now += 10
    row.went_on(600, 1000)
    assert row.show_time() == "10 s, 40 s left"
    row.went_on(10, 1000)  # something else starts over
    assert row.show_time() == "10 s"
