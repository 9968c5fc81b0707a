"""A worker process as its parent sees it, with a process, a channel, a clock and a memory that tests make up."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tflbuild.engine.workers import request
from tflbuild.engine.workers.process import Process, Start

MIB = 1024 * 1024


class Clock:
    """Seconds, and bytes that a process holds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.bytes = 3 * MIB


def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time, and the memory of process 17, be what the test says."""
    made = Clock()

    def process(pid: int) -> Any:
        assert pid == 17
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=made.bytes, vms=9 * MIB))

    monkeypatch.setattr(psutil, "Process", process)
    monkeypatch.setattr(request.time, "monotonic", lambda: made.now)
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
        self.meanwhile: list[Any] = []
        start = Start(
            environment={},
            loader=("nothing", None),
            names=None,
            max_rss=max_rss,
            log=self.logged.append,
            told=lambda *event: self.meanwhile.append(event),
            most_rss=most_rss,
        )
        self.process = Process(start)
        self.popen, self.channel = Popen(), Channel()
        inner: Any = self.process
        inner._popen, inner._channel, inner._tail = self.popen, self.channel, Lines()
        self.process.loaded = True
        self.told: list[Any] = []

    def begin(self, *arguments: Any, timeout: float | None = None) -> request.Request:
        return self.process.begin(
            "run",
            *arguments,
            who="pass 'thin'",
            progress=lambda *said: self.told.append(said),
            timeout=timeout,
        )
