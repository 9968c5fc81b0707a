"""What a person sees while a build runs, in lines or in a table."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from shown_steps import metrics, step
from tflbuild.engine.events import Event
from tflbuild.show import audience, terminal
from tflbuild.show.live_table import LiveTable

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
    Event("gate", {"label": "prune", "ok": False, "text": "map fell by 0.05"}),
    Event("warning", {"text": "prune is over its budget"}),
    Event("pass_ended", STEP),
]


def shown(events: list[Event], **options: Any) -> str:
    table = LiveTable()
    text = io.StringIO()
    table.console = Console(file=text, width=120, **options)
    for event in events:
        table(event)
    table.console.print(table.render())
    table.close()
    return text.getvalue()


def test_plain_lines_say_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    shown = terminal.PlainLines()
    for event in EVENTS:
        shown(event)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "steps    1 of 2 to run: prune"
    assert "prune: 30/60 loss 1.234" in printed
    assert "prune: gate CLOSED: map fell by 0.05" in printed, "something was said before its pass had ended"
    assert "prune: done, 12.3 s, 793.3 KiB, map 0.610 [0.570, 0.650]" in printed


def test_the_live_table_shows_progress_time_left_and_gate() -> None:
    running = shown(EVENTS[:6])
    assert "loss 1.234" in running
    assert "CLOSED" in running
    ended = shown(EVENTS)
    assert "793.3 KiB" in ended
    assert "map 0.610 [0.570, 0.650]" in ended


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(EVENTS, force_terminal=True)


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
        (metrics(0.5, name="gini"), ""),
    ],
)
def test_the_accuracy_is_said_with_its_interval(given: Any, text: str) -> None:
    assert terminal.primary_metric(given) == text


ENDED = [
    (step(), "prune: done, 12.3 s, 793.3 KiB, map 0.500"),
    (step(outcome="cached", seconds=0), "prune: cached, 793.3 KiB, map 0.500"),
    (step(outcome="skipped", bytes=None, metrics={}), "prune: skipped, 12.3 s"),
    (step(outcome="replaced", seconds=0, bytes=0, metrics={}), "prune: replaced"),
    (step(outcome="failed", metrics={}), "prune: failed, 12.3 s, 793.3 KiB"),
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
    ("gate", {"label": "a", "ok": True, "text": "map fell"}, []),
    ("gate", {"label": "", "ok": False, "text": "in total: map fell"}, []),
    ("warning", {"text": "x"}, ["warning: x"]),
    ("waiting", {"text": "x"}, ["waiting: x"]),
    ("measuring", {"what": "map", "split": "val"}, []),
    ("progress", {"label": "", "done": 1, "total": 2, "note": ""}, []),
    ("finished", {}, []),
]


@pytest.mark.parametrize(("kind", "fields", "lines"), LINES)
def test_an_event_is_told_in_its_line(kind: Any, fields: dict[str, Any], lines: list[str]) -> None:
    assert printed(Event(kind, fields)) == lines


def test_a_gate_is_told_behind_its_own_pass() -> None:
    gates = [Event("gate", {"label": "prune", "ok": ok, "text": f"limit {ok}"}) for ok in (True, False)]
    train = Event("pass_ended", step(label="train", metrics={}))
    started = Event("pass_started", {"label": "prune", "status": "RUN", "reason": "new"})
    ended = Event("pass_ended", step(metrics={}))
    measuring = Event("measuring", {"what": "map", "split": "val"})
    lines = printed(train, started, gates[0], measuring, gates[1], ended, Event("finished", {}))
    assert lines[1:] == [
        "prune: started (new)",
        "prune: done, 12.3 s, 793.3 KiB",
        "  gate open: limit True",
        "  gate CLOSED: limit False",
    ]
    other = Event("warning", {"text": "prune exceeds its limit; trying other"})
    assert printed(gates[1], other, ended)[:2] == [
        "prune: gate CLOSED: limit False",
        f"warning: {other.fields['text']}",
    ]
    assert printed(gates[1], Event("finished", {})) == ["prune: gate CLOSED: limit False"]


def test_a_step_that_the_user_s_own_model_stands_for_is_a_model_that_was_loaded() -> None:
    given = step(label="train", outcome="skipped", input=None, output="a" * 64, metrics={})
    assert printed(Event("pass_ended", given)) == ["train: model loaded, 12.3 s, 793.3 KiB"]
    left_out = given | {"input": "b" * 64}
    assert printed(Event("pass_ended", left_out)) == ["train: skipped, 12.3 s, 793.3 KiB"]


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
    assert printed(*events) == ["looking at 34,000 samples: 1,200"] * 2


def test_what_is_built_is_told_before_the_plan() -> None:
    fields: dict[str, Any] = {"steps": [{"label": "a", "status": "HIT"}, {"label": "b", "status": "RUN"}]}
    assert printed(Event("plan", fields)) == ["steps    1 of 2 to run: b"]
    fields |= {"subject": "x\x1b", "classes": ["a", "b"], "recognised": [{"what": "w", "value": "v"}]}
    assert printed(Event("plan", fields)) == [
        "building x\\x1b",
        "classes: a, b",
        "w: v",
        "steps    1 of 2 to run: b",
    ]


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("done", "text"), [(1200, "looking at 34,000 samples: 1,200"), (34_000, "")])
def test_a_terminal_shows_how_many_files_were_looked_at_and_wipes_it_in_the_end(
    done: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, pipe = Screen(), io.StringIO()
    monkeypatch.setattr(audience.sys, "stderr", screen)
    terminal.show_looking(done, 34_000)
    assert screen.getvalue() == f"\r{text}\x1b[K"
    monkeypatch.setattr(audience.sys, "stderr", pipe)
    terminal.show_looking(done, 34_000)
    assert pipe.getvalue() == ""


def test_who_looks_at_a_terminal_sees_a_table_and_a_log_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.sys, "stdout", Screen())
    assert isinstance(terminal.listener(), LiveTable)
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(terminal.sys, "stdout", stream)
        assert isinstance(terminal.listener(), terminal.PlainLines)


def test_a_build_says_where_it_writes_and_about_how_long_it_takes(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started = Event("started", {"recipe": "mine", "folder": str(tmp_path / "outputs" / "mine" / "now")})
    assert printed(started) == ["folder   outputs/mine/now", "log      outputs/mine/now/log.txt"]
    steps: list[Any] = [
        {"label": "a", "status": "HIT", "about_seconds": 0.0},
        {"label": "b", "status": "RUN", "about_seconds": 100.0},
        {"label": "c", "status": "UNKNOWN", "about_seconds": 150.0},
    ]
    plan = {"steps": steps, "about_delivery_seconds": 50.0}
    assert printed(Event("plan", plan)) == ["steps    2 of 3 to run: b, c", "time     about 5 min"]
    steps[1]["about_seconds"] = None
    assert printed(Event("plan", plan)) == ["steps    2 of 3 to run: b, c"], "b never ran: nobody knows"
    cached = {"steps": steps[:1], "about_delivery_seconds": 30.0}
    said = ["steps    none of 1 to run: all are in the store"]
    assert printed(Event("plan", cached)) == said, "what an earlier run measured is in the store, most likely"


def test_what_is_waited_for_and_where_a_training_goes_on_is_told() -> None:
    assert printed(Event("doing", {"label": "", "text": "loading TensorFlow"})) == ["loading TensorFlow"]
    assert printed(Event("doing", {"label": "a", "text": "compiling the graph"})) == [
        "a: compiling the graph"
    ]
    assert printed(Event("doing", {"label": "a", "text": ""})) == []
    going_on = Event("continued", {"label": "a", "step": 58, "total": 2000})
    assert printed(going_on) == ["a: continued from step 58 of 2,000"]


def test_progress_tells_the_time_left_of_the_pass_and_of_the_build() -> None:
    step = {"label": "a", "status": "RUN", "about_seconds": 100.0, "about_tail_seconds": 0.0}
    events = [
        at(0, "plan", steps=[step], about_delivery_seconds=20.0),
        at(0, "pass_started", label="a", status="HIT", reason=""),
        *(at(second, done=second, total=60) for second in range(1, 12)),
    ]
    assert printed(*events)[-1] == "a: 11/60 loss 1, 49 s left, about 2 min for the build"
