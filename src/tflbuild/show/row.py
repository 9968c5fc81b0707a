"""The row of one step in the table of a build."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tflbuild.core.file_size import size
from tflbuild.show.durations import duration, whole_seconds
from tflbuild.show.rate import Rate
from tflbuild.show.step_lines import LOADED

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

STYLES = {
    "cached": "cyan",
    LOADED: "green",
    "done": "green",
    "skipped": "yellow",
    "replaced": "yellow",
    "interrupted": "yellow",
    "over budget": "yellow",
    "failed": "bold red",
}

BUSY = ("running", "measuring")

STATE, TIME, SIZE, GATE, GAP = 12, 10, 9, 6, 2
"""Columns that the longest state, duration, size and verdict need, and between two of them."""

SHORTEST_LABEL, LONGEST_LABEL = 4, 24

ACCURACY, INTERVAL = 15, 25
"""Columns of a metric, without and with its interval."""


@dataclass
class Row:
    """One step as the table shows it."""

    label: str
    state: str = "waiting"
    started: float = 0.0
    rate: Rate = field(default_factory=Rate)
    seconds: float = 0.0
    bytes: int | None = None
    accuracy: str = ""
    gate: str = ""

    def begin(self, state: str) -> None:
        """Start to run, or to be measured."""
        self.state, self.started, self.rate = state, time.time(), Rate()

    def show_time(self) -> str:
        """Say how long it took, or how long it has taken."""
        if self.state in BUSY:
            return whole_seconds(time.time() - self.started) if time.time() - self.started >= 1 else ""
        return duration(self.seconds) if self.seconds else ""


def table_of(rows: list[Row], width: int) -> Table:
    """Draw the rows; every column keeps its width, whatever comes.

    Args:
        rows: one a step.
        width: columns of the terminal.
    """
    from rich.table import Table
    from rich.text import Text

    label = min(max([SHORTEST_LABEL, *(len(row.label) for row in rows)]), LONGEST_LABEL)
    rest = width - (label + STATE + TIME + SIZE + GATE + 5 * GAP)
    whole = rest >= INTERVAL
    table = Table(
        box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim", collapse_padding=False
    )
    for heading, columns in (("pass", label), ("", STATE)):
        table.add_column(heading, width=columns, no_wrap=True, overflow="ellipsis")
    for heading, columns in (("time", TIME), ("size", SIZE)):
        table.add_column(heading, width=columns, no_wrap=True, justify="right")
    if rest >= ACCURACY:
        table.add_column(
            "accuracy on val", width=INTERVAL if whole else ACCURACY, no_wrap=True, overflow="ellipsis"
        )
    table.add_column("gate", width=GATE, no_wrap=True)
    for row in rows:
        accuracy = row.accuracy if whole else row.accuracy.partition(" [")[0]
        cells: list[RenderableType] = [
            Text(row.label),
            _state(row),
            row.show_time(),
            size(row.bytes) if row.bytes else "",
            *([Text(accuracy)] if rest >= ACCURACY else []),
            Text(row.gate, style="bold red" if row.gate == "CLOSED" else "green"),
        ]
        table.add_row(*cells)
    return table


def _state(row: Row) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    if row.state == "running" and row.rate.total:
        return ProgressBar(total=row.rate.total, completed=row.rate.done, width=STATE)
    return Text(row.state, style=STYLES.get(row.state, "dim"))
