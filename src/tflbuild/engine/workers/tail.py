"""The output of a process: every line goes to the log, the last ones into an error message."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO

KEPT_LINES = 15
LINE_BYTES = 4096
"""A longer line is cut: a pass may print megabytes without an end of line."""

LOGGED_BYTES = 4 << 20
"""Bytes that one request may print into the log; more of it only moves the last lines on."""


class Tail:
    """Reads a pipe in a thread until it is closed.

    Args:
        pipe: what the process prints into.
        log: is given every line.
    """

    def __init__(self, pipe: IO[bytes], log: Callable[[str], None]) -> None:
        self._log = log
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._logged = 0
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Forget what was printed until now: a new request begins."""
        self._lines.clear()
        self._logged = 0

    def text(self) -> str:
        """Give the last lines, as the end of an error message."""
        lines = list(self._lines)
        return " Its last lines:\n  " + "\n  ".join(lines) if lines else ""

    def end(self, seconds: float = 1.0) -> None:
        """Read what is left; a process that outlives its parent may keep the pipe open, and is no longer heard."""
        self._thread.join(timeout=seconds)
        self._ended = True

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for piece in iter(lambda: pipe.readline(LINE_BYTES), b""):
                text = _readable(piece)
                if self._ended:
                    continue
                self._lines.append(text)
                self._logged += len(piece)
                if self._logged <= LOGGED_BYTES:
                    self._log(text)
                elif self._logged - len(piece) <= LOGGED_BYTES:
                    self._log(f"(more than {LOGGED_BYTES >> 20} MiB printed; the rest is not shown)")


def _readable(line: bytes) -> str:
    """Decode a line as a terminal would show it: after the last carriage return, without control characters."""
    text = line.decode(errors="replace").rstrip().rpartition("\r")[2]
    return "".join(letter if letter.isprintable() else " " for letter in text)
