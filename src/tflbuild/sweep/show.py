"""Print the course of a sweep for people: how jobs end, and the summary."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from tflbuild.core.plain_text import plain
from tflbuild.engine.report_form import read_report
from tflbuild.show.audience import say
from tflbuild.show.durations import about
from tflbuild.show.timings import time_lines
from tflbuild.sweep.summary import accuracy_metric, table_of

__all__ = ["say", "show_row", "show_summary", "show_times"]

PIPE_WIDTH = 160
"""Columns of a table that no terminal limits."""

UNLIMITED = 10_000

DISPENSABLE = ("compressed", "drop", "seconds")
"""Headings that a narrow terminal does without, in this order; `summary.csv` has them."""


def show_row(row: Mapping[str, Any], count: str, left: float | None = None) -> None:
    """Say in one line how a job ended.

    Args:
        row: of the summary.
        count: e.g. "[3/12]".
        left: seconds that the sweep still takes; None for no telling.
    """
    metric = row["metrics"].get(accuracy_metric([row]), {})
    parts = [row["status"].replace("_", " ")]
    if metric.get("value") is not None:
        parts.append(f"{accuracy_metric([row])} {metric['value']:.3f}")
    if row.get("bytes") is not None:
        parts.append(f"{row['bytes']:,} bytes")
    if row.get("latency_ms") is not None:
        parts.append(f"{row['latency_ms']:.2f} ms")
    if row.get("seconds") is not None:
        parts.append(f"{row['seconds']:.1f} s")
    error = f": {row['error']}" if row["error"] else ""
    rest = "" if left is None else f"; {about(left)} left"
    say(f"{count} {row['name']}: {', '.join(parts)}{rest}{error}", fold=True)


def show_times(folder: Path) -> None:
    """Print what each pass of a job took, if it left a report."""
    path = folder / "report.json"
    if path.is_file():
        say("\n".join(time_lines(read_report(path))))


def show_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Print a summary: its table, the spread over seeds, the errors, and where it lies."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, emoji=False)
    console.print(_fitting(console, *table_of(summary)))
    if any(job["pareto"] for job in summary["jobs"]):
        say(
            f"pareto: no other built job is as good in {summary['metric']}, bytes and latency and better in one",
            fold=True,
        )
    if summary["groups"]:
        console.print(_spread(summary))
    for job in summary["jobs"]:
        if job["error"]:
            say(f"{job['name']}: {job['error']}", fold=True)
    say(f"summary: {os.path.relpath(folder)}/summary.html")


def _fitting(console: Console, headings: list[str], rows: list[list[str]]) -> Table:
    """Give the table with as many of its columns as the terminal is wide."""
    short = _short(headings)
    for count in range(len(DISPENSABLE) + 1):
        kept = [n for n, heading in enumerate(headings) if heading not in DISPENSABLE[:count]]
        table = _table([short[n] for n in kept], [[row[n] for n in kept] for row in rows])
        if Measurement.get(console, console.options.update(width=UNLIMITED), table).maximum <= console.width:
            break
    return table


def _short(headings: list[str]) -> list[str]:
    """Leave of each dotted key the last part, where that still says which it is."""
    last = [heading.rpartition(".")[2] for heading in headings]
    return [short if last.count(short) == 1 else full for short, full in zip(last, headings, strict=True)]


def _table(headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(*map(plain, headings), box=None, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(plain, row))
    return table


def _spread(summary: Mapping[str, Any]) -> Table:
    """Show mean, standard deviation and range of every group of seeds."""
    keys = list(dict.fromkeys(key for group in summary["groups"] for key in group["overrides"]))
    rows = []
    for group in summary["groups"]:
        settings = [group["overrides"].get(key, "") for key in keys]
        of = f"{group['built']} of {len(group['jobs'])}"
        for name, found in group["figures"].items():
            form = ",.0f" if name == "bytes" else ".4f"
            if found["n"]:
                sd = "" if found["sd"] is None else f"± {found['sd']:{form}}"
                span = f"{found['min']:{form}} .. {found['max']:{form}}"
                rows.append([*settings, of, name, f"{found['mean']:{form}}", sd, span])
    return _table([*_short(keys), "built", "figure", "mean", "sd", "range"], rows)
