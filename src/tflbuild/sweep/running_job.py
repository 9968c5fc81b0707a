"""A job of a sweep that another process builds, seen through the events that it writes into its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.engine.events import Event
from tflbuild.show.time_left import TimeLeft

LONGEST_READ = 1 << 22
"""Bytes of a job's events that are read at a time."""


class RunningJob:
    """Where a job is.

    Args:
        name: of the job.
        folder: of its run; what it writes there is read, and may be cut off anywhere.

    Attributes:
        began: when it began, in seconds since the epoch; None before.
        ended: whether it has ended.
        label: of the step that runs; "" between two.
        done: how many steps have ended.
        steps: how many there are; 0 before that is known.
        progress: how far the training is: its step, of how many; None where none goes on.
        note: what is being waited for.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._path = folder / "events.jsonl"
        self._begin()

    def _begin(self) -> None:
        """Know nothing of the job yet."""
        self.began: float | None = None
        self.ended = False
        self.label, self.note = "", ""
        self.done, self.steps = 0, 0
        self.progress: tuple[int, int] | None = None
        self._read = 0
        self._time_left = TimeLeft()

    def look(self) -> None:
        """Read what the job has written since it was looked at last."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._read:
                    self._begin()  # the job is built anew
                file.seek(self._read)
                whole, newline, _ = file.read(LONGEST_READ).rpartition(b"\n")
        except OSError:
            return
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                fields = json.loads(line)
                self._take(Event(fields.pop("event"), fields, float(fields.pop("time"))))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # no event of ours; a row is worth no error

    def left(self, now: float) -> float | None:
        """Estimate the seconds left; None as long as there is no telling."""
        return self._time_left.left(now)

    def _take(self, event: Event) -> None:
        fields = event.fields
        self.began = event.time if self.began is None else self.began
        self._time_left(event)
        match event.kind:
            case "plan":
                self.steps = len(fields["steps"])
            case "pass_started":
                self.label, self.note, self.progress = plain(fields["label"]), "", None
            case "training":
                self._train(event)
            case "doing":
                self.note = plain(fields["text"])
            case "measuring":
                self.note, self.progress = f"measuring {plain(fields['what'])}", None
            case "waiting":
                self.note = "waiting for a job"
            case "pass_ended":
                self.done, self.label, self.note, self.progress = self.done + 1, "", "", None
            case "finished":
                self.ended = True

    def _train(self, event: Event) -> None:
        """Take a point of a training for the progress that is too frequent to be written down."""
        fields: dict[str, Any] = event.fields
        self.progress, self.note = (int(fields["step"]), int(fields["total"])), ""
        told = {"label": fields["label"], "done": fields["step"], "total": fields["total"], "note": ""}
        self._time_left(Event("progress", told, event.time))
