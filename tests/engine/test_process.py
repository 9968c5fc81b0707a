"""One worker process as its parent sees it: replaced, asked, and what it prints."""

from __future__ import annotations

import io
import signal
from typing import Any

import psutil
import pytest

import fakes
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError, WorkerDied
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers import tail as tail_module
from tflbuild.engine.workers.channel import ChannelClosed, ChannelGarbled
from tflbuild.engine.workers.endings import death, named
from tflbuild.engine.workers.memory import rss_mib
from tflbuild.engine.workers.tail import Tail
from tflbuild.engine.workers.worker import Worker
from worker_bench import MIB, Bench, Channel, Clock, Lines, Popen, set_clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return set_clock(monkeypatch)


def test_memory_is_said_in_mib(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.bytes = 5 * MIB + MIB // 2
    assert rss_mib(17) == 5.5

    def gone(pid: int) -> Any:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", gone)
    assert rss_mib(17) == 0.0


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
        (ChannelGarbled("nonsense"), None, "sent an unexpected message (nonsense)"),
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


@pytest.mark.parametrize(
    ("code", "how", "why"),
    [
        (0, "ended with exit code 0", "ended its process (exit code 0)"),
        (1, "ended with exit code 1", "ended its process (exit code 1)"),
        (-signal.SIGSEGV, "was ended by signal 11 (SIGSEGV)", "crashed (signal 11)"),
        (-40, "was ended by signal 40 (no name)", "crashed (signal 40)"),
        (
            -signal.SIGKILL,
            "was ended by signal 9 (SIGKILL); the system does this when memory runs out",
            "was killed (signal 9), probably because memory ran out,",
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
    assert logged[-1] == "(more than 1 MiB printed; the rest is not shown)"
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
