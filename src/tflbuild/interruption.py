"""Let SIGTERM and SIGHUP end a command as Ctrl-C does: with its workers gone and its report written."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)

PATIENCE = 10.0
"""Seconds after one of them in which another is not heeded: who closes a terminal sends several at once, and the report
is being written."""


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Raise KeyboardInterrupt, with the signal's name, where one of them comes.

    What ignores one already (`nohup`), or has a handler of its own, keeps it; a thread has no handlers to set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first = -PATIENCE

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if now - first >= PATIENCE:
            first = now
            raise KeyboardInterrupt(signal.Signals(number).name)

    ours = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
