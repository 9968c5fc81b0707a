"""One request to a worker process: its answer, its limits, and how the process ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tflbuild.core.errors import PassError, WorkerDied
from tflbuild.engine.workers.channel import ChannelClosed, ChannelGarbled
from tflbuild.engine.workers.request import none_left_running
from worker_bench import MIB, Bench, Clock, set_clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return set_clock(monkeypatch)


def test_an_answer_is_that_of_its_request_with_what_it_cost(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin("a", 2)
    assert bench.channel.sent == [(1, "run", ("a", 2))]
    assert request.poll() is None
    clock.now, clock.bytes = clock.now + 1, 9 * MIB
    assert request.poll() is None
    clock.bytes = 4 * MIB
    bench.channel.comes = [
        [(1, "progress", (1, 2, "half")), (7, "progress", (9, 9, "another's")), (7, "done", ("old", {}))],
        [(1, "done", ("given", {"seconds": 2.0}))],
    ]
    assert request.poll() is None
    answer = request.poll()
    assert answer is not None
    assert (answer.value, answer.cost) == ("given", {"seconds": 2.0, "peak_rss_mib": 9.0})
    assert bench.told == [(1, 2, "half")]
    assert request.ended
    assert bench.begin().poll() is None
    assert bench.channel.sent[-1] == (2, "run", ())


def test_what_a_process_does_meanwhile_is_told_and_what_it_did_for_another_is_not(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin()
    doing = ("doing", {"label": "", "text": "loading TensorFlow"})
    bench.channel.comes = [[(1, "told", doing), (7, "told", ("doing", {"text": "another's"}))]]
    assert request.poll() is None
    assert bench.meanwhile == [doing]


def test_memory_is_looked_at_last_when_the_answer_is_there(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin()
    request.poll()
    clock.bytes = 8 * MIB
    bench.channel.comes = [[(1, "done", (None, {}))]]
    answer = request.poll()
    assert answer is not None
    assert answer.cost["peak_rss_mib"] == 8.0


@pytest.mark.parametrize(("later", "stopped"), [(2.5, False), (2.75, True)])
def test_a_process_is_stopped_when_its_time_is_over(clock: Clock, later: float, stopped: bool) -> None:
    bench = Bench()
    request = bench.begin(timeout=2.5)
    clock.now += later
    if not stopped:
        assert request.poll() is None
        return
    with pytest.raises(WorkerDied) as caught:
        request.poll()
    assert str(caught.value) == (
        "pass 'thin' exceeded its time limit of 2.5 s; its worker process was stopped. Its last lines:\n  bang"
    )
    assert caught.value.why == "did not end within 2.5 s"
    assert (bench.popen.killed, request.ended, bench.channel.closed) == (1, True, True)


def test_what_loading_took_does_not_count(clock: Clock) -> None:
    bench = Bench()
    bench.process.loaded = False
    request = bench.begin(timeout=2.0)
    clock.now += 1.5
    bench.channel.comes = [[(0, "done", None)]]
    assert request.poll() is None
    assert bench.process.loaded
    clock.now += 1.75
    assert request.poll() is None
    clock.now += 0.5
    with pytest.raises(WorkerDied, match="exceeded its time limit"):
        request.poll()


@pytest.mark.parametrize(("held", "stopped"), [(2000, False), (2001, True)])
def test_a_process_is_stopped_when_it_asks_for_too_much(clock: Clock, held: int, stopped: bool) -> None:
    bench = Bench(max_rss=9000, most_rss=2000.0)
    request = bench.begin()
    clock.bytes = held * MIB
    if not stopped:
        assert request.poll() is None
        return
    with pytest.raises(
        WorkerDied, match=r"pass 'thin' exceeded its limit of 2,000 MiB of memory; "
    ) as caught:
        request.poll()
    assert caught.value.why == "asked for more than 2,000 MiB of memory"


def test_an_error_is_raised_with_the_name_of_what_asked(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin()
    bench.channel.comes = [[(1, "error", (PassError("seven"), "the traceback"))]]
    with pytest.raises(PassError, match="pass 'thin' failed: seven") as caught:
        request.poll()
    assert "the traceback" in str(caught.value.__cause__)
    assert request.ended
    assert bench.popen.killed == 0, "an error of a request leaves the process warm"
    request = bench.begin()
    bench.channel.comes = [[(0, "error", (PassError("no declarations"), ""))]]
    with pytest.raises(PassError, match="no declarations"):
        request.poll()
    assert bench.popen.killed == 1, "one that could not load is of no use"
    other = Bench()
    request = other.begin()
    other.channel.comes = [[(9, "error", (PassError("another's"), ""))]]
    assert request.poll() is None


@pytest.mark.parametrize(
    ("comes", "code", "text", "why"),
    [
        (
            ChannelClosed(),
            -6,
            "pass 'thin': its worker process was ended by signal 6 (SIGABRT).",
            "crashed (signal 6)",
        ),
        (
            ChannelClosed(),
            3,
            "pass 'thin': its worker process ended with exit code 3.",
            "ended its process (exit code 3)",
        ),
        ([], 3, "pass 'thin': its worker process ended with exit code 3.", "ended its process (exit code 3)"),
        (
            ChannelClosed(),
            None,
            "pass 'thin' closed its answer channel; its worker process was stopped.",
            "",
        ),
        (
            ChannelGarbled("nonsense"),
            None,
            "pass 'thin' wrote to its answer channel (nonsense); its worker process was stopped.",
            "",
        ),
    ],
)
def test_how_a_process_ended_is_said_with_its_last_lines(
    clock: Clock, comes: Any, code: int | None, text: str, why: str
) -> None:
    bench = Bench()
    request = bench.begin()
    bench.channel.comes, bench.popen.code = [comes], code
    with pytest.raises(WorkerDied) as caught:
        request.poll()
    assert str(caught.value) == f"{text} Its last lines:\n  bang"
    assert caught.value.why == why
    assert request.ended


def test_what_ends_while_it_starts_is_no_fault_of_what_was_asked(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin()
    bench.process.loaded = False
    bench.channel.comes, bench.popen.code = [ChannelClosed()], 3
    with pytest.raises(WorkerDied, match="ended with exit code 3 while it started") as caught:
        request.poll()
    assert caught.value.why == ""


def test_an_answer_that_came_before_the_end_counts(clock: Clock) -> None:
    bench = Bench()
    request = bench.begin()
    bench.channel.comes, bench.popen.code = [[(1, "done", ("given", {}))]], 1
    answer = request.poll()
    assert answer is not None
    assert answer.value == "given"


def test_what_is_still_asked_when_something_goes_wrong_is_stopped(clock: Clock) -> None:
    running, done = Bench(), Bench()
    requests = [running.begin(), done.begin()]
    requests[1].ended = True

    def fail() -> Iterator[None]:
        with none_left_running(requests):
            raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(fail())
    assert (running.popen.killed, done.popen.killed) == (1, 0)
