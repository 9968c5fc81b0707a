"""Let SIGTERM and SIGHUP end a command as Ctrl-C does: with its workers gone and its report written."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP)

PATIENCE = 10.0
"""Seconds after one of them in which another is not heeded: who closes a terminal sends several at once, and the report
is being written."""

AGAIN = 0.05
"""Seconds after which a lost interrupt is sent again."""


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Raise KeyboardInterrupt, with the signal's name, where one of them comes.

    An interrupt that Python drops, because it came in the middle of a finalizer or a callback of the import system, is
    sent again; one of Ctrl-C, too. What ignores a signal already (`nohup`), or has a handler of its own, keeps it; a
    thread has no handlers to set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first, again = -PATIENCE, list[threading.Timer]()

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if now - first >= PATIENCE:
            first = now
            raise KeyboardInterrupt(signal.Signals(number).name)

    def dropped(what: Any) -> None:
        nonlocal first
        if not issubclass(what.exc_type, KeyboardInterrupt):
            told(what)
            return
        first = -PATIENCE
        number = next((number for number in SIGNALS if number.name == str(what.exc_value)), signal.SIGINT)
        again.append(threading.Timer(AGAIN, os.kill, (os.getpid(), number)))
        again[-1].start()

    ours = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, interrupt)
    told, sys.unraisablehook = sys.unraisablehook, dropped
    try:
        yield
    finally:
        sys.unraisablehook = told
        for timer in again:
            timer.cancel()
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
