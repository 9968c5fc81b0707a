"""The main process's handle on one request to a worker process: what it replies, or how it ended."""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tflbuild.core.errors import WorkerDied
from tflbuild.engine.workers.channel import Channel, ChannelClosed, ChannelGarbled
from tflbuild.engine.workers.endings import death, named
from tflbuild.engine.workers.memory import rss_mib

if TYPE_CHECKING:
    from tflbuild.engine.workers.process import Process

Progress = Callable[[float, float, str], None]

GRACE = 2.0
"""Seconds in which a process that closed its channel may end by itself."""

LOOK_EVERY = 0.1
"""Seconds between two looks at a silent process: its memory, its time limit, whether it lives."""


@dataclass(frozen=True)
class Reply:
    """A worker's reply and its cost: `seconds`, `cpu_seconds` with children, `peak_rss_mib`."""

    value: Any
    cost: dict[str, float]


class Request:
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
        told: Callable[[str, dict[str, Any]], None] = lambda kind, fields: None,
    ) -> None:
        self.process = process
        self.channel = channel
        self.ended = False
        self._number, self._popen, self._who = number, popen, who
        self._progress, self._timeout = progress, timeout
        self._deadline = _after(timeout)
        self._most_rss, self._told = most_rss, told
        self._peak, self._looked = 0.0, 0.0

    def poll(self) -> Reply | None:
        """Take what the process has sent; gives the reply when it is there. Never waits.

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
            raise self._stopped(f"wrote to its answer channel ({error})") from None
        for number, kind, value in messages:
            reply = self._take(number, kind, value)
            if reply is not None:
                return reply
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

    def _take(self, number: int, kind: str, value: Any) -> Reply | None:
        if number == 0 and kind == "done":
            self.process.loaded, self._deadline = True, _after(self._timeout)
        if kind == "error" and number in (0, self._number):
            self.ended = True
            self.process.log(f"{self._who}: {value[1].rstrip()}")
            if number == 0:
                self.process.stop()
            raise named(value, self._who)
        if number != self._number:
            return None
        if kind == "progress":
            self._progress(*value)
            return None
        if kind == "told":
            self._told(*value)
            return None
        self.ended = True
        given, cost = value
        self._look(at_once=True)
        return Reply(given, {**cost, "peak_rss_mib": self._peak})

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
            return self._stopped("closed its answer channel")
        code, lines = self.process.bury()
        how, why = death(code)
        if not self.process.loaded:
            how += " while it started"
        return WorkerDied(f"{self._who}: its worker process {how}.{lines}", self._blame(why))

    def _blame(self, why: str) -> str:
        """Leave what happened before anything was run out of what it can be blamed for."""
        return why if self.process.loaded else ""


def next_reply(requests: Sequence[Request]) -> tuple[Request, Reply]:
    """Wait for the first reply to one of several requests."""
    with selectors.DefaultSelector() as selector:
        for request in requests:
            selector.register(request.channel, selectors.EVENT_READ)
        while True:
            for request in requests:
                reply = request.poll()
                if reply is not None:
                    return request, reply
            selector.select(LOOK_EVERY)


def finished(request: Request) -> Reply:
    """Wait for the reply to one request."""
    with none_left_running([request]):
        return next_reply([request])[1]


@contextlib.contextmanager
def none_left_running(requests: Collection[Request]) -> Iterator[None]:
    """Stop the processes of whatever is not answered when it ends early: by an error of another, or by Ctrl-C."""
    try:
        yield
    except BaseException:
        for request in requests:
            if not request.ended:
                request.process.stop()
        raise


def _after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
