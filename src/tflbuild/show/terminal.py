"""Show a build while it runs and when it has ended: what commands say of builds, they say through here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from tflbuild.core.file_size import size
from tflbuild.engine.events import Event, Listener
from tflbuild.show.audience import say, show_looking
from tflbuild.show.durations import about, whole_seconds
from tflbuild.show.findings.analyses import lines_of_analysis
from tflbuild.show.header import place_lines, plan_lines
from tflbuild.show.live_table import LiveTable
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.step_lines import findings_of, mark_of, primary_metric, started
from tflbuild.show.time_left import TimeLeft

__all__ = ["PlainLines", "listener", "outcome_lines", "primary_metric", "show_looking", "started"]


def listener() -> Listener:
    """Give the listener that shows a build: a live table on a terminal, plain lines elsewhere."""
    return LiveTable() if sys.stdout is not None and sys.stdout.isatty() else PlainLines()


PASSING = ("progress", "doing", "continued", "looking")
"""Events that tell how far something is: a gate that waits for the end of its pass waits on."""


class PlainLines:
    """One line an event, for logs and pipes.

    Args:
        file: where to; None for the standard output.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._last = 0.0
        self._said: list[str] = []
        self._gates: list[tuple[str, str]] = []
        self._time_left = TimeLeft()

    def __call__(self, event: Event) -> None:
        """Print what matters of an event; a gate behind its own pass."""
        self._time_left(event)
        if event.kind == "gate":
            self._hold(event.fields)
            return
        line = self._line(event)
        if not line and event.kind != "finished":
            return
        ended = event.fields["label"] if event.kind == "pass_ended" else ""
        gates = [] if event.kind in PASSING else self._released(ended)
        for text in [line, *gates] if ended else [*gates, line]:
            if text:
                say(text, self._file)

    def _hold(self, gate: Mapping[str, Any]) -> None:
        """Keep the line of a gate until its pass has ended; that of the total budget is told by the outcome."""
        if gate.get("label"):
            state = "open" if gate["ok"] else "CLOSED"
            self._gates.append((gate["label"], f"gate {state}: {gate['text']}"))

    def _released(self, own: str) -> list[str]:
        """Give the lines that were kept: under the pass that has just ended, or each with the label of its own."""
        lines = [f"  {text}" if label == own else f"{label}: {text}" for label, text in self._gates]
        self._gates = []
        return lines

    def _line(self, event: Event) -> str:
        fields = event.fields
        if event.kind == "started":
            return "\n".join(place_lines(fields))
        if event.kind == "plan":
            self._said = started(fields)
            return "\n".join([*self._said, *plan_lines(fields)])
        if event.kind == "pass_started" and fields["status"] != "HIT":
            return f"{fields['label']}: started ({fields['reason']})"
        if event.kind == "progress" and fields.get("label") and event.time - self._last > 10:
            self._last = event.time
            return self._progress(event)
        if event.kind == "doing" and fields["text"]:
            return f"{fields['label']}: {fields['text']}" if fields["label"] else fields["text"]
        if event.kind == "continued":
            return f"{fields['label']}: continued from step {fields['step']:,} of {fields['total']:,}"
        if event.kind == "looking" and event.time - self._last > 10:
            self._last = event.time
            return f"looking at {fields['total']:,} samples: {fields['done']:,}"
        if event.kind == "pass_ended":
            return "\n".join([_ended(fields), *(f"  {line}" for line in findings_of(fields, self._said))])
        if event.kind == "analysis":
            return "\n".join(f"  {line}" for line in lines_of_analysis(fields))
        if event.kind in ("warning", "waiting"):
            return f"{event.kind}: {fields['text']}"
        return ""

    def _progress(self, event: Event) -> str:
        fields = event.fields
        parts = [f"{fields['done']:.0f}/{fields['total']:.0f} {fields['note']}".rstrip()]
        step, whole = self._time_left.of_step(fields["label"], event.time), self._time_left.left(event.time)
        parts.append("" if step is None else f"{whole_seconds(step)} left")
        parts.append("" if whole is None else f"{about(whole)} for the build")
        return f"{fields['label']}: " + ", ".join(part for part in parts if part)


def _ended(step: Mapping[str, Any]) -> str:
    parts = [mark_of(step)]
    if step["seconds"]:
        parts.append(f"{step['seconds']:.1f} s")
    if step["bytes"]:
        parts.append(size(step["bytes"]))
    parts.append(primary_metric(step["metrics"]))
    return f"{step['label']}: " + ", ".join(part for part in parts if part)
