"""A table of a build's steps that changes while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tflbuild.core.file_size import size
from tflbuild.core.plain_text import harmless
from tflbuild.engine.events import Event
from tflbuild.show.audience import Sheltered, show_looking
from tflbuild.show.findings.analyses import lines_of_analysis
from tflbuild.show.step_lines import LOADED, findings_of, mark_of, primary_metric, started

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import RenderableType
    from rich.live import Live

STYLES = {
    "cached": "cyan",
    LOADED: "green",
    "done": "green",
    "skipped": "yellow",
    "replaced": "yellow",
    "failed": "bold red",
}

SETTLING_SECONDS, SETTLING_SHARE = 5.0, 0.02
"""Time, and share of the work, after the first progress before the time left is worth saying: until then
graphs are traced, kernels compiled and caches filled."""


@dataclass
class Row:
    """The row of one step in the table.

    Attributes:
        since: when the first progress came, and how much was done by then: the rate is taken from there on.
    """

    label: str
    state: str = "waiting"
    started: float = 0.0
    since: tuple[float, float] | None = None
    done: float = 0.0
    total: float = 0.0
    seconds: float = 0.0
    size: int | None = None
    accuracy: str = ""
    gate: str = ""

    def show_time(self) -> str:
        """Say how long it took, or how long it has taken and how long it will."""
        if self.state not in ("running", "measuring"):
            return f"{self.seconds:.1f} s" if self.seconds else ""
        spent = time.time() - self.started
        left = None if self.state == "measuring" else self._left()
        return f"{spent:.0f} s" if left is None else f"{spent:.0f} s, {left:.0f} s left"

    def went_on(self, done: float, total: float) -> None:
        """Note how far it is; one that starts over, as another training in a row does, is timed anew."""
        if self.since is None or done < self.done or total != self.total:
            self.since = (time.time(), done)
        self.done, self.total = done, total

    def _left(self) -> float | None:
        """Estimate the seconds left; None as long as there is no telling."""
        if self.since is None or self.total <= 0:
            return None
        seconds, gained = time.time() - self.since[0], self.done - self.since[1]
        if seconds < SETTLING_SECONDS or gained < SETTLING_SHARE * self.total:
            return None
        return seconds * max(0.0, self.total - self.done) / gained


class LiveTable:
    """A table of the steps with a progress bar, the time left, and the metric after each gate.

    Rich is imported here only: what nobody watches starts sooner without it.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(file=cast("TextIO", Sheltered(sys.stdout)), markup=False, emoji=False)
        self._rows: dict[str, Row] = {}
        self._said: list[str] = []
        self._current = ""
        self._note = ""
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        handler = getattr(self, f"_on_{event.kind}", None)
        if handler is not None:
            handler(_harmless(event.fields))
        if self._live is not None:
            self._live.update(self.render())
        if event.kind == "finished":
            self.close()

    def close(self) -> None:
        """Leave the last table standing and give the terminal back."""
        self._note = ""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _on_plan(self, fields: Mapping[str, Any]) -> None:
        self._said = started(fields)
        for line in self._said:
            self.console.print(line, markup=False, highlight=False)
        self._rows = {s["label"]: Row(s["label"]) for s in fields["steps"]}
        from rich.live import Live

        self._live = Live(
            self.render(), console=self.console, refresh_per_second=8, get_renderable=self.render
        )
        self._live.start()

    def _on_pass_started(self, fields: Mapping[str, Any]) -> None:
        self._current = fields["label"]
        row = self._rows.setdefault(self._current, Row(self._current))
        row.state, row.started, row.since, row.done, self._note = "running", time.time(), None, 0.0, ""

    def _on_progress(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.get(self._current)
        if row is not None:
            row.went_on(fields["done"], fields["total"])
            self._note = fields["note"] or self._note

    def _on_looking(self, fields: Mapping[str, Any]) -> None:
        show_looking(fields["done"], fields["total"])

    def _on_measuring(self, fields: Mapping[str, Any]) -> None:
        on = f" on {fields['split']}" if fields["split"] else ""
        self._note = f"measuring {fields['what']}{on}"
        row = self._rows.get(self._current)
        if row is not None:
            row.state, row.started, row.since, row.done, row.total = "measuring", time.time(), None, 0.0, 0.0

    def _on_gate(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.get(self._current)
        if row is not None and not fields["text"].startswith("in total"):
            row.gate = "open" if fields["ok"] else "CLOSED"

    def _on_pass_ended(self, fields: Mapping[str, Any]) -> None:
        row = self._rows.setdefault(fields["label"], Row(fields["label"]))
        row.state, self._current, self._note = mark_of(fields), "", ""
        row.seconds, row.size = fields["seconds"], fields["bytes"]
        row.accuracy = primary_metric(fields["metrics"])
        for line in findings_of(fields, self._said):
            self.console.print(line, markup=False, emoji=False, highlight=False)

    def _on_analysis(self, fields: Mapping[str, Any]) -> None:
        for line in lines_of_analysis(fields):
            self._note_down(line)

    def _on_warning(self, fields: Mapping[str, Any]) -> None:
        self._note_down(f"warning: {fields['text']}")

    def _on_waiting(self, fields: Mapping[str, Any]) -> None:
        self._note_down(fields["text"])

    def _note_down(self, text: str) -> None:
        self.console.print(text, style="yellow", markup=False, emoji=False, highlight=False)

    def render(self) -> RenderableType:
        """Draw the table and, below it, what is going on now."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading, justify in (("pass", "left"), ("", "left"), ("time", "right"), ("size", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("accuracy on val")
        table.add_column("gate")
        for row in self._rows.values():
            state: RenderableType = Text(row.state, style=STYLES.get(row.state, "dim"))
            if row.state == "running" and row.total:
                state = ProgressBar(total=row.total, completed=row.done, width=24)
            bytes_text = size(row.size) if row.size else ""
            gate = Text(row.gate, style="bold red" if row.gate == "CLOSED" else "green")
            table.add_row(Text(row.label), state, row.show_time(), bytes_text, Text(row.accuracy), gate)
        return Group(table, Text(self._note, style="dim"))


def _harmless(value: Any) -> Any:
    """Give an event's fields with nothing in their text that a terminal would obey."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {key: _harmless(item) for key, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, list | tuple) else value
