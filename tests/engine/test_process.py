"""One worker process as its parent sees it, with a process, a channel, a clock and a memory that tests make up."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

import fakes
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError, WorkerDied
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers import process as module
from tflbuild.engine.workers import tail as tail_module
from tflbuild.engine.workers.channel import ChannelClosed, ChannelGarbled
from tflbuild.engine.workers.endings import death, named
from tflbuild.engine.workers.process import Process, Start, Task, none_left_running, rss_mib
from tflbuild.engine.workers.tail import Tail
from tflbuild.engine.workers.worker import Worker

MIB = 1024 * 1024


class Clock:
    """Seconds, and bytes that a process holds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.bytes = 3 * MIB


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    def process(pid: int) -> Any:
        assert pid == 17
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=made.bytes, vms=9 * MIB))

    monkeypatch.setattr(psutil, "Process", process)
    monkeypatch.setattr(module.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(os, "killpg", lambda pid, number: None)
    return made


class Popen:
    """Stands for a process that lives until it is killed."""

    pid = 17
    stdin = None
    stderr = None

    def __init__(self) -> None:
        self.code: int | None = None
        self.killed = 0

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.killed += 1
        self.code = -9 if self.code is None else self.code

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("it", timeout)
        return self.code


class Channel:
    """Stands for a channel; what comes is put into `comes`, batch by batch."""

    def __init__(self) -> None:
        self.comes: list[Any] = []
        self.sent: list[Any] = []
        self.closed = False

    def take(self) -> list[Any]:
        batch = self.comes.pop(0) if self.comes else []
        if isinstance(batch, Exception):
            raise batch
        return batch

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.closed = True


class Lines:
    """Stands for a process's last lines."""

    def begin(self) -> None: ...
    def end(self) -> None: ...
    def text(self) -> str:
        return " Its last lines:\n  bang"


class Bench:
    """A process that is there, and what the test holds of it."""

    def __init__(self, max_rss: int = 600, most_rss: float | None = None) -> None:
        self.logged: list[str] = []
        start = Start(
            environment={},
            loader=("nothing", None),
            names=None,
            max_rss=max_rss,
            log=self.logged.append,
            most_rss=most_rss,
        )
        self.process = Process(start)
        self.popen, self.channel = Popen(), Channel()
        inner: Any = self.process
        inner._popen, inner._channel, inner._tail = self.popen, self.channel, Lines()
        self.process.loaded = True
        self.told: list[Any] = []

    def begin(self, *arguments: Any, timeout: float | None = None) -> Task:
        return self.process.begin(
            "run",
            *arguments,
            who="pass 'thin'",
            progress=lambda *said: self.told.append(said),
            timeout=timeout,
        )


def test_memory_is_said_in_mib(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.bytes = 5 * MIB + MIB // 2
    assert rss_mib(17) == 5.5

    def gone(pid: int) -> Any:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", gone)
    assert rss_mib(17) == 0.0


def test_an_answer_is_that_of_its_request_with_what_it_cost(clock: Clock) -> None:
    bench = Bench()
    task = bench.begin("a", 2)
    assert bench.channel.sent == [(1, "run", ("a", 2))]
    assert task.poll() is None
    clock.now, clock.bytes = clock.now + 1, 9 * MIB
    assert task.poll() is None
    clock.bytes = 4 * MIB
    bench.channel.comes = [
        [(1, "progress", (1, 2, "half")), (7, "progress", (9, 9, "another's")), (7, "done", ("old", {}))],
        [(1, "done", ("given", {"seconds": 2.0}))],
    ]
    assert task.poll() is None
    answer = task.poll()
    assert answer is not None
    assert (answer.value, answer.cost) == ("given", {"seconds": 2.0, "peak_rss_mib": 9.0})
    assert bench.told == [(1, 2, "half")]
    assert task.ended
    assert bench.begin().poll() is None
    assert bench.channel.sent[-1] == (2, "run", ())


def test_memory_is_looked_at_last_when_the_answer_is_there(clock: Clock) -> None:
    bench = Bench()
    task = bench.begin()
    task.poll()
    clock.bytes = 8 * MIB
    bench.channel.comes = [[(1, "done", (None, {}))]]
    answer = task.poll()
    assert answer is not None
    assert answer.cost["peak_rss_mib"] == 8.0


@pytest.mark.parametrize(("later", "stopped"), [(2.5, False), (2.75, True)])
def test_a_process_is_stopped_when_its_time_is_over(clock: Clock, later: float, stopped: bool) -> None:
    bench = Bench()
    task = bench.begin(timeout=2.5)
    clock.now += later
    if not stopped:
        assert task.poll() is None
        return
    with pytest.raises(WorkerDied) as caught:
        task.poll()
    assert str(caught.value) == (
        "pass 'thin' exceeded its time limit of 2.5 s; its worker process was stopped. Its last lines:\n  bang"
    )
    assert caught.value.why == "did not end within 2.5 s"
    assert (bench.popen.killed, task.ended, bench.channel.closed) == (1, True, True)


def test_what_loading_took_does_not_count(clock: Clock) -> None:
    bench = Bench()
    bench.process.loaded = False
    task = bench.begin(timeout=2.0)
    clock.now += 1.5
    bench.channel.comes = [[(0, "done", None)]]
    assert task.poll() is None
    assert bench.process.loaded
    clock.now += 1.75
    assert task.poll() is None
    clock.now += 0.5
    with pytest.raises(WorkerDied, match="exceeded its time limit"):
        task.poll()


@pytest.mark.parametrize(("held", "stopped"), [(2000, False), (2001, True)])
def test_a_process_is_stopped_when_it_asks_for_too_much(clock: Clock, held: int, stopped: bool) -> None:
    bench = Bench(max_rss=9000, most_rss=2000.0)
    task = bench.begin()
    clock.bytes = held * MIB
    if not stopped:
        assert task.poll() is None
        return
    with pytest.raises(
        WorkerDied, match=r"pass 'thin' exceeded its limit of 2,000 MiB of memory; "
    ) as caught:
        task.poll()
    assert caught.value.why == "asked for more than 2,000 MiB of memory"


@pytest.mark.parametrize(("held", "replaced"), [(600, False), (601, True)])
def test_a_process_that_grew_is_replaced_before_the_next_request(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, held: int, replaced: bool
) -> None:
    bench = Bench(max_rss=600)
    clock.bytes = held * MIB
    fresh = Channel()

    def spawn() -> Channel:
        inner: Any = bench.process
        inner._popen, inner._tail = Popen(), Lines()
        return fresh

    monkeypatch.setattr(bench.process, "_spawn", spawn)
    bench.begin()
    assert bench.logged == (["worker above worker.max_rss (600 MiB): replaced"] if replaced else [])
    assert bool(fresh.sent) is replaced
    assert bool(bench.channel.sent) is not replaced
    assert bench.popen.killed == replaced


@pytest.mark.parametrize(
    ("comes", "code", "why"),
    [
        (ChannelClosed(), None, "ended between two requests"),
        (ChannelGarbled("nonsense"), None, "sent what nobody asked for (nonsense)"),
        ([], 0, "ended between two requests"),
    ],
)
def test_a_process_that_was_spoilt_between_two_requests_is_replaced(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, comes: Any, code: int | None, why: str
) -> None:
    bench = Bench()
    bench.channel.comes, bench.popen.code = [comes], code

    def spawn() -> Channel:
        inner: Any = bench.process
        inner._popen, inner._tail = Popen(), Lines()
        return Channel()

    monkeypatch.setattr(bench.process, "_spawn", spawn)
    bench.begin()
    assert bench.logged == [f"worker {why}: replaced"]
    assert bench.channel.closed


def test_an_error_is_raised_with_the_name_of_what_asked(clock: Clock) -> None:
    bench = Bench()
    task = bench.begin()
    bench.channel.comes = [[(1, "error", (PassError("seven"), "the traceback"))]]
    with pytest.raises(PassError, match="pass 'thin' failed: seven") as caught:
        task.poll()
    assert "the traceback" in str(caught.value.__cause__)
    assert task.ended
    assert bench.popen.killed == 0, "an error of a request leaves the process warm"
    task = bench.begin()
    bench.channel.comes = [[(0, "error", (PassError("no declarations"), ""))]]
    with pytest.raises(PassError, match="no declarations"):
        task.poll()
    assert bench.popen.killed == 1, "one that could not load is of no use"
    other = Bench()
    task = other.begin()
    other.channel.comes = [[(9, "error", (PassError("another's"), ""))]]
    assert task.poll() is None


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
            "pass 'thin' closed the channel that carries its answers; its worker process was stopped.",
            "",
        ),
        (
            ChannelGarbled("nonsense"),
            None,
            "pass 'thin' wrote to the channel that carries its answers (nonsense); its worker process was stopped.",
            "",
        ),
    ],
)
def test_how_a_process_ended_is_said_with_its_last_lines(
    clock: Clock, comes: Any, code: int | None, text: str, why: str
) -> None:
    bench = Bench()
    task = bench.begin()
    bench.channel.comes, bench.popen.code = [comes], code
    with pytest.raises(WorkerDied) as caught:
        task.poll()
    assert str(caught.value) == f"{text} Its last lines:\n  bang"
    assert caught.value.why == why
    assert task.ended


def test_what_ends_while_it_starts_is_no_fault_of_what_was_asked(clock: Clock) -> None:
    bench = Bench()
    task = bench.begin()
    bench.process.loaded = False
    bench.channel.comes, bench.popen.code = [ChannelClosed()], 3
    with pytest.raises(WorkerDied, match="ended with exit code 3 while it started") as caught:
        task.poll()
    assert caught.value.why == ""


def test_an_answer_that_came_before_the_end_counts(clock: Clock) -> None:
    bench = Bench()
    task = bench.begin()
    bench.channel.comes, bench.popen.code = [[(1, "done", ("given", {}))]], 1
    answer = task.poll()
    assert answer is not None
    assert answer.value == "given"


def test_what_cannot_be_pickled_is_named_and_ends_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()

    def send(message: Any) -> None:
        raise TypeError("no")

    monkeypatch.setattr(bench.channel, "send", send)
    with pytest.raises(PassError, match="its options or its data cannot be sent to a worker: TypeError: no"):
        bench.begin()
    assert bench.popen.killed == 0


def test_what_is_still_asked_when_something_goes_wrong_is_stopped(clock: Clock) -> None:
    running, done = Bench(), Bench()
    tasks = [running.begin(), done.begin()]
    tasks[1].ended = True

    def fail() -> Iterator[None]:
        with none_left_running(tasks):
            raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(fail())
    assert (running.popen.killed, done.popen.killed) == (1, 0)


@pytest.mark.parametrize(
    ("code", "how", "why"),
    [
        (0, "ended with exit code 0", "ended its process (exit code 0)"),
        (1, "ended with exit code 1", "ended its process (exit code 1)"),
        (-signal.SIGSEGV, "was ended by signal 11 (SIGSEGV)", "crashed (signal 11)"),
        (-40, "was ended by signal 40 (no name)", "crashed (signal 40)"),
        (
            -signal.SIGKILL,
            "was ended by signal 9 (SIGKILL), which is how the system ends a process when memory runs out",
            "was killed (signal 9), as the system does when memory runs out,",
        ),
    ],
)
def test_a_death_in_words(code: int, how: str, why: str) -> None:
    assert death(code) == (how, why)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PassError("bad"), "pass 'a' failed: bad"),
        (PassError("pass 'a' is bad"), "pass 'a' is bad"),
        (BrokenPromise("0.1"), "pass 'a' broke its promise: 0.1"),
        (BrokenPromise("pass 'a' lies"), "pass 'a' lies"),
        (RecipeError("model.path: bad"), "model.path: bad"),
        (WorkerDied("gone"), "gone"),
    ],
)
def test_what_was_raised_names_the_pass_once_and_keeps_its_kind(error: Any, text: str) -> None:
    found = named((error, "trace"), "pass 'a'")
    assert (type(found), str(found)) == (type(error), text)
    assert str(found.__cause__) == "in the worker process:\ntrace"


def printed(content: bytes) -> tuple[list[str], Tail]:
    logged: list[str] = []
    tail = Tail(io.BytesIO(content), logged.append)
    tail.end(60)
    return logged, tail


def test_every_line_is_logged_and_the_last_fifteen_end_a_message() -> None:
    logged, tail = printed(b"".join(b"line %d\n" % n for n in range(20)))
    assert logged == [f"line {n}" for n in range(20)]
    assert tail.text() == " Its last lines:\n  " + "\n  ".join(f"line {n}" for n in range(5, 20))
    tail.begin()
    assert tail.text() == ""


def test_a_line_is_shown_as_a_terminal_would_and_cut_at_4096_bytes() -> None:
    logged, _ = printed(b"10%\r20%\r30%\na\x1b[2Jb\t\xff  \n" + b"x" * 5000 + b"\n")
    assert logged == ["30%", "a [2Jb �", "x" * 4096, "x" * 904]


def test_what_is_printed_without_end_is_cut_in_the_log_and_not_in_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tail_module.LOGGED_BYTES == 4 * MIB
    monkeypatch.setattr(tail_module, "LOGGED_BYTES", MIB)
    line = b"y" * 4095 + b"\n"
    logged, tail = printed(line * 256 + b"one more\n" + line * 3 + b"the end\n")
    assert len(logged) == 257
    assert logged[-1] == "(more than 1 MiB printed: what follows is left out)"
    assert tail.text().endswith("\n  the end")


def test_the_environment_of_worker_processes() -> None:
    worker = Worker(
        WorkerOptions(threads=3, max_rss=700, evaluators=2), "cpu", ("x:y", "argument"), fakes.NAMES
    )
    inner: Any = worker
    heavy, light = inner._process._start, worker.crew._members[0]._start  # type: ignore[attr-defined]
    assert heavy.environment == {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "3",
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    assert light.environment == {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    for start in (heavy, light):
        assert (start.loader, start.max_rss, start.most_rss) == (("x:y", "argument"), 700, None)
        assert start.names is fakes.NAMES
    assert len(worker.crew._members) == 2  # type: ignore[attr-defined]
    gpu: Any = Worker(WorkerOptions(), "gpu", ("x:y", None), fakes.NAMES)
    assert "CUDA_VISIBLE_DEVICES" not in gpu._process._start.environment
    said: list[str] = []
    worker.log = said.append
    light.log("a line")
    assert said == ["a line"]
