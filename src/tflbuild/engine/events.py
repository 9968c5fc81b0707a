"""What happens during a build, as a stream of events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: "plan", "pass_started", "progress", "pass_ended", "measuring", "measured", "gate", "warning",
            "log", "waiting", "finished".
        fields: JSON-able facts.
        time: seconds since the epoch.
    """

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


Listener = Callable[[Event], None]


class EventLog:
    """Write events to `events.jsonl` and log lines to `log.txt`, each flushed at once."""

    def __init__(self, folder: Path) -> None:
        self._events: TextIO = (folder / "events.jsonl").open("a", encoding="utf-8")
        self._log: TextIO = (folder / "log.txt").open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        """Write one event; progress is too frequent to be kept."""
        if event.kind == "progress":
            return
        if event.kind == "log":
            self._log.write(event.fields["text"].rstrip("\n") + "\n")
            self._log.flush()
            return
        line = json.dumps({"time": round(event.time, 3), "event": event.kind, **event.fields})
        self._events.write(line + "\n")
        self._events.flush()

    def close(self) -> None:
        """Close both files."""
        self._events.close()
        self._log.close()
