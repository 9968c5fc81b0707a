"""The main process's handle on one worker process, and on one request to it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.core import interpreter
from tflbuild.core.errors import PassError, WorkerDied
from tflbuild.core.names import Names
from tflbuild.engine.workers.channel import Channel, ChannelClosed, ChannelGarbled, pair
from tflbuild.engine.workers.endings import death, named
from tflbuild.engine.workers.tail import Tail

Progress = Callable[[float, float, str], None]

GRACE = 2.0
"""Seconds in which a process that closed its channel may end by itself."""

LOOK_EVERY = 0.1
"""Seconds between two looks at a silent process: its memory, its time limit, whether it lives."""


@dataclass(frozen=True)
class Answer:
    """A worker's answer and its cost: `seconds`, `cpu_seconds` with children, `peak_rss_mib`."""

    value: Any
    cost: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Start:
    """Settings with which worker processes are started.

    Attributes:
        environment: variables that are set.
        loader: dotted name of what loads the declarations, and its argument.
        names: entry points of evaluation; None where nothing is evaluated.
        max_rss: MiB above which a process is replaced before it is asked again.
        log: is given every line a process prints.
        most_rss: MiB above which a process is killed; None for as many as there are.
    """

    environment: Mapping[str, str]
    loader: tuple[str, Any]
    names: Names | None
    max_rss: int
    log: Callable[[str], None]
    most_rss: float | None = None


class Process:
    """One warm process, started when first asked and replaced when it grew, died or was killed.

    Attributes:
        loaded: whether it has loaded the declarations.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._popen: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._tail: Tail | None = None
        self._asked = 0
        self.loaded = False

    def begin(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
        timeout: float | None = None,
    ) -> Task:
        """Send a request, and do not wait for the answer.

        Args:
            name: a method of `tflbuild.engine.workers.worker_process.Server`.
            arguments: its arguments; pickled.
            who: what asks, as the error message names it, e.g. "pass 'prune'".
            progress: is told how far it is.
            timeout: seconds after which the process is killed.

        Raises:
            PassError: the arguments cannot be pickled.
        """
        self._replace_if_needed()
        channel = self._channel or self._spawn()
        assert self._popen is not None
        assert self._tail is not None
        self._asked += 1
        self._tail.begin()
        try:
            channel.send((self._asked, name, arguments))
        except ChannelClosed:
            pass  # the task will say how the process ended
        except Exception as error:  # pickling calls what foreign code made, which may raise anything
            raise PassError(
                f"{who}: its options or its data cannot be sent to a worker: {type(error).__name__}: {error}"
            ) from error
        return Task(self, self._asked, channel, self._popen, who, progress, timeout, self._start.most_rss)

    def stop(self) -> None:
        """Kill the process, if there is one, and what it started."""
        if self._popen is not None:
            self._popen.kill()
            self.bury()

    def bury(self) -> tuple[int, str]:
        """Clean up after a process that ended: kill what it started; gives its exit code and last lines.

        One whose start was interrupted has no channel yet, and nobody who reads what it prints.
        """
        popen, tail, channel = self._popen, self._tail, self._channel
        assert popen is not None
        code = popen.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)  # it leads a session of its own
        if tail is not None:
            tail.end()
        if channel is not None:
            channel.close()
        for stream in (popen.stdin, popen.stderr if tail is None else None):
            if stream is not None:
                stream.close()
        self._popen, self._channel, self._tail = None, None, None
        return code, "" if tail is None else tail.text()

    def _spawn(self) -> Channel:
        channel, theirs = pair()
        start = self._start
        try:
            self._popen = subprocess.Popen(
                interpreter.command("tflbuild.engine.workers.worker_process", str(theirs.fileno())),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=interpreter.environment({**os.environ, **start.environment}),
                start_new_session=True,
            )
            self.loaded = False
            assert self._popen.stderr is not None
            self._channel, self._tail = channel, Tail(self._popen.stderr, start.log)
        except BaseException:
            channel.close()
            raise
        finally:
            theirs.close()
        with contextlib.suppress(ChannelClosed):
            channel.send((0, "load", (*start.loader, start.names)))
        return channel

    def _replace_if_needed(self) -> None:
        """Stop a process that grew too large, or that something the last request left behind has spoilt."""
        if self._popen is None or self._channel is None:
            return
        why = ""
        if rss_mib(self._popen.pid) > self._start.max_rss:
            why = f"above worker.max_rss ({self._start.max_rss} MiB)"
        try:
            self._channel.take()
        except ChannelClosed:
            why = "ended between two requests"
        except ChannelGarbled as error:
            why = f"sent what nobody asked for ({error})"
        if self._popen.poll() is not None:
            why = "ended between two requests"
        if why:
            self.stop()
            self._start.log(f"worker {why}: replaced")


class Task:
    """One request to a worker process."""

    def __init__(
        self,
        process: Process,
        number: int,
        channel: Channel,
        popen: subprocess.Popen[bytes],
        who: str,
        progress: Progress,
        timeout: float | None,
        most_rss: float | None = None,
    ) -> None:
        self.process = process
        self.channel = channel
        self.ended = False
        self._number, self._popen, self._who = number, popen, who
        self._progress, self._timeout = progress, timeout
        self._deadline = _after(timeout)
        self._most_rss = most_rss
        self._peak, self._looked = 0.0, 0.0

    def poll(self) -> Answer | None:
        """Take what the process has sent; gives the answer when it is there. Never waits.

        Raises:
            WorkerDied: the process aborted, was killed, exceeded its time limit or wrote garbage to the channel; the
                message names the signal and the last lines.
            PassError: what was asked raised; chained to the worker's traceback.
        """
        self._look()
        gone = self._popen.poll() is not None
        try:
            messages = self.channel.take()
        except ChannelClosed:
            raise self._died() from None
        except ChannelGarbled as error:
            raise self._stopped(f"wrote to the channel that carries its answers ({error})") from None
        for number, kind, value in messages:
            answer = self._take(number, kind, value)
            if answer is not None:
                return answer
        if gone and not messages:  # a process that it started may keep the channel open
            raise self._died()
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise self._stopped(
                f"exceeded its time limit of {self._timeout:g} s", f"did not end within {self._timeout:g} s"
            )
        if self._most_rss is not None and self._peak > self._most_rss:
            limit = f"{self._most_rss:,.0f} MiB of memory"
            raise self._stopped(f"exceeded its limit of {limit}", f"asked for more than {limit}")
        return None

    def _take(self, number: int, kind: str, value: Any) -> Answer | None:
        if number == 0 and kind == "done":
            self.process.loaded, self._deadline = True, _after(self._timeout)
        if kind == "error" and number in (0, self._number):
            self.ended = True
            if number == 0:
                self.process.stop()
            raise named(value, self._who)
        if number != self._number:
            return None
        if kind == "progress":
            self._progress(*value)
            return None
        self.ended = True
        given, cost = value
        self._look(at_once=True)
        return Answer(given, {**cost, "peak_rss_mib": self._peak})

    def _look(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._looked > LOOK_EVERY / 2:
            self._peak = max(self._peak, rss_mib(self._popen.pid))
            self._looked = now

    def _stopped(self, how: str, why: str = "") -> WorkerDied:
        self.ended = True
        self._popen.kill()
        _, lines = self.process.bury()
        return WorkerDied(f"{self._who} {how}; its worker process was stopped.{lines}", self._blame(why))

    def _died(self) -> WorkerDied:
        self.ended = True
        try:
            self._popen.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            return self._stopped("closed the channel that carries its answers")
        code, lines = self.process.bury()
        how, why = death(code)
        if not self.process.loaded:
            how += " while it started"
        return WorkerDied(f"{self._who}: its worker process {how}.{lines}", self._blame(why))

    def _blame(self, why: str) -> str:
        """Leave what happened before anything was run out of what it can be blamed for."""
        return why if self.process.loaded else ""


def next_answer(tasks: Sequence[Task]) -> tuple[Task, Answer]:
    """Wait for the first answer to one of several requests."""
    with selectors.DefaultSelector() as selector:
        for task in tasks:
            selector.register(task.channel, selectors.EVENT_READ)
        while True:
            for task in tasks:
                answer = task.poll()
                if answer is not None:
                    return task, answer
            selector.select(LOOK_EVERY)


def finished(task: Task) -> Answer:
    """Wait for the answer to one request."""
    with none_left_running([task]):
        return next_answer([task])[1]


@contextlib.contextmanager
def none_left_running(tasks: Collection[Task]) -> Iterator[None]:
    """Stop the processes of whatever is not answered when it ends early: by an error of another, or by Ctrl-C."""
    try:
        yield
    except BaseException:
        for task in tasks:
            if not task.ended:
                task.process.stop()
        raise


def _after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def rss_mib(pid: int) -> float:
    """Give the memory a process holds; 0 where it is gone."""
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
