"""The events of a build, as a stream."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.plain_text import harmless
from tflbuild.engine.storage.disk import append, writing


@dataclass(frozen=True)
class Event:
    """One event of a build.

    Attributes:
        kind: "progress", "log", or one of `tflbuild.engine.event_form.KINDS`.
        fields: JSON-able facts.
        time: seconds since the epoch.
    """

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


LOG = "log.txt"
"""Name of a run's file for what its processes print, and for how it ended."""

Listener = Callable[[Event], None]


class EventLog:
    """Write events to `events.jsonl` and log lines to `log.txt`, each at once.

    Args:
        folder: of the run.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problem: OSError | None = None
        self._closed = False
        self._logging = threading.Lock()
        with writing(folder):
            self._events = _appending(folder / "events.jsonl")
            self._log = _appending(folder / LOG)

    def __call__(self, event: Event) -> None:
        """Write one event; progress is too frequent to be kept.

        Raises:
            StoreError: the run folder cannot be written. Log lines come from a thread that reads them, which must
                go on reading: the next event raises for them.
        """
        if event.kind == "progress":
            return
        if event.kind == "log":
            self._keep(harmless(event.fields["text"].rstrip("\n")) + "\n")
            return
        line = json.dumps({"time": round(event.time, 3), "event": event.kind, **event.fields})
        with writing(self._folder):
            if self._problem is not None:
                raise self._problem
            append(self._events, f"{line}\n".encode())

    def _keep(self, line: str) -> None:
        with self._logging:
            if self._closed:
                return  # a warm worker may print after the run has ended: that belongs to no run
            try:
                append(self._log, line.encode())
            except OSError as error:
                self._problem = error

    def close(self) -> None:
        """Close both files."""
        with self._logging:
            self._closed = True
            os.close(self._events)
            os.close(self._log)


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
