"""Show a build while it runs and when it has ended: what commands say of builds, they say through here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from tflbuild.core.file_size import size
from tflbuild.engine.events import Event, Listener
from tflbuild.show.audience import say, show_looking
from tflbuild.show.findings.analyses import lines_of_analysis
from tflbuild.show.live_table import LiveTable
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.step_lines import findings_of, mark_of, primary_metric, started

__all__ = ["PlainLines", "listener", "outcome_lines", "primary_metric", "show_looking", "started"]


def listener() -> Listener:
    """Give the listener that shows a build: a live table on a terminal, plain lines elsewhere."""
    return LiveTable() if sys.stdout is not None and sys.stdout.isatty() else PlainLines()


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

    def __call__(self, event: Event) -> None:
        """Print what matters of an event; a gate behind its own pass."""
        if event.kind == "gate":
            self._hold(event.fields)
            return
        line = self._line(event)
        if not line and event.kind != "finished":
            return
        ended = event.fields["label"] if event.kind == "pass_ended" else ""
        gates = self._released(ended)
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
        if event.kind == "plan":
            steps = ", ".join(f"{s['label']} {s['status']}" for s in fields["steps"])
            self._said = started(fields)
            return "\n".join([*self._said, f"plan: {steps}"])
        if event.kind == "pass_started" and fields["status"] != "HIT":
            return f"{fields['label']}: started ({fields['reason']})"
        if event.kind == "progress" and fields.get("label") and event.time - self._last > 10:
            self._last = event.time
            return f"{fields['label']}: {fields['done']:.0f}/{fields['total']:.0f} {fields['note']}"
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


def _ended(step: Mapping[str, Any]) -> str:
    parts = [mark_of(step)]
    if step["seconds"]:
        parts.append(f"{step['seconds']:.1f} s")
    if step["bytes"]:
        parts.append(size(step["bytes"]))
    parts.append(primary_metric(step["metrics"]))
    return f"{step['label']}: " + ", ".join(part for part in parts if part)
