"""A table of a build's steps that changes while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tflbuild.core.plain_text import harmless
from tflbuild.engine.events import Event
from tflbuild.show.audience import Sheltered, show_looking
from tflbuild.show.durations import about, whole_seconds
from tflbuild.show.findings.analyses import lines_of_analysis
from tflbuild.show.header import place_lines, plan_lines
from tflbuild.show.row import BUSY, Row, table_of
from tflbuild.show.step_lines import findings_of, mark_of, primary_metric, started
from tflbuild.show.time_left import TimeLeft

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import RenderableType
    from rich.live import Live

ENDED_AS = {"interrupted": "interrupted", "failed": "failed"}
"""States of a row whose pass was going on when the build ended, by the build's status."""

CLOSED = "CLOSED"


class LiveTable:
    """A header, a table of the steps, what is being waited for, and the time left.

    Rich is imported here only: what nobody watches starts sooner without it.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(file=cast("TextIO", Sheltered(sys.stdout)), markup=False, emoji=False)
        self._rows: dict[str, Row] = {}
        self._said: list[str] = []
        self._current = ""
        self._note = ""
        self._doing = ""
        self._began: float | None = None
        self._time_left = TimeLeft()
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self._time_left(event)
        self._began = event.time if self._began is None else self._began
        handler = getattr(self, f"_on_{event.kind}", None)
        if handler is not None:
            handler(_harmless(event.fields))
        if self._live is not None:
            self._live.update(self.render())
        if event.kind == "finished":
            self.close()

    def close(self) -> None:
        """Leave the last table standing and give the terminal back."""
        self._note, self._doing, self._began = "", "", None
        if self._live is not None:
            self._live.update(self.render())
            self._live.stop()
            self._live = None

    def _on_started(self, fields: Mapping[str, Any]) -> None:
        for line in place_lines(fields):
            self.console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def _on_plan(self, fields: Mapping[str, Any]) -> None:
        self._said = started(fields)
        for line in (*self._said, *plan_lines(fields)):
            self._print(line)
        self._rows = {s["label"]: Row(s["label"]) for s in fields["steps"]}
        from rich.live import Live

        self._live = Live(
            self.render(), console=self.console, refresh_per_second=8, get_renderable=self.render
        )
        self._live.start()

    def _on_pass_started(self, fields: Mapping[str, Any]) -> None:
        for row in self._rows.values():
            if row.state in BUSY and row.gate == CLOSED:
                row.state = "over budget"  # its fallback begins, inside its step
        self._current = fields["label"]
        self._row().begin("running")
        self._note, self._doing = "", ""

    def _on_progress(self, fields: Mapping[str, Any]) -> None:
        if self._current:
            self._row().rate.went_on(time.time(), fields["done"], fields["total"])
            self._note = fields["note"] or self._note
            self._doing = ""

    def _on_doing(self, fields: Mapping[str, Any]) -> None:
        self._doing = fields["text"]

    def _on_continued(self, fields: Mapping[str, Any]) -> None:
        self._print(f"{fields['label']}: continued from step {fields['step']:,} of {fields['total']:,}")

    def _on_looking(self, fields: Mapping[str, Any]) -> None:
        show_looking(fields["done"], fields["total"])

    def _on_measuring(self, fields: Mapping[str, Any]) -> None:
        on = f" on {fields['split']}" if fields["split"] else ""
        self._note, self._doing = f"measuring {fields['what']}{on}", ""
        if self._current:
            self._row().begin("measuring")

    def _on_gate(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.get(self._current)
        if row is not None and not fields["text"].startswith("in total"):
            row.gate = "open" if fields["ok"] else CLOSED

    def _on_pass_ended(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.setdefault(fields["label"], Row(fields["label"]))
        row.state, self._current, self._note, self._doing = mark_of(fields), "", "", ""
        row.seconds, row.bytes = fields["seconds"], fields["bytes"]
        row.accuracy = primary_metric(fields["metrics"])
        for line in findings_of(fields, self._said):
            self._print(line)

    def _on_analysis(self, fields: Mapping[str, Any]) -> None:
        for line in lines_of_analysis(fields):
            self._print(line, "yellow")

    def _on_warning(self, fields: Mapping[str, Any]) -> None:
        self._print(f"warning: {fields['text']}", "yellow")

    def _on_waiting(self, fields: Mapping[str, Any]) -> None:
        self._print(fields["text"], "yellow")

    def _on_finished(self, fields: Mapping[str, Any]) -> None:
        for row in self._rows.values():
            if row.state in BUSY:
                row.state = ENDED_AS.get(fields.get("status", ""), row.state)
            elif row.state == "waiting":
                row.state = "not run"

    def _row(self) -> Row:
        return self._rows.setdefault(self._current, Row(self._current))

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, emoji=False, highlight=False)

    def render(self) -> RenderableType:
        """Draw the table and, below it, what is going on now and how long all of it still takes."""
        from rich.console import Group
        from rich.text import Text

        table = table_of(list(self._rows.values()), self.console.width)
        if self._began is None:
            return table
        lines = (self._activity(), self._clock())
        return Group(table, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines))

    def _activity(self) -> str:
        """Say what is being waited for, or how far the pass is."""
        label = f"{self._current}: " if self._current else ""
        row = self._rows.get(self._current)
        if self._doing:
            return f"{label}{self._doing}"
        if row is None or row.state != "running" or not row.rate.total:
            return f"{label}{self._note}" if self._note else ""
        parts = [f"{row.rate.done:,.0f} of {row.rate.total:,.0f}", self._note]
        left = row.rate.left(time.time())
        parts.append("" if left is None else f"{whole_seconds(left)} left")
        return label + ", ".join(part for part in parts if part)

    def _clock(self) -> str:
        now = time.time()
        spent = 0.0 if self._began is None else now - self._began
        left = self._time_left.left(now)
        parts = [f"{whole_seconds(spent)} so far" if spent >= 1 else ""]
        parts.append("" if left is None else f"{about(left)} left")
        return ", ".join(part for part in parts if part)


def _harmless(value: Any) -> Any:
    """Give an event's fields with nothing in their text that a terminal would obey."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {key: _harmless(item) for key, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, list | tuple) else value
