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

from tflbuild.core.change import moved, signed, told
from tflbuild.core.file_size import size
from tflbuild.core.metric import METRICS
from tflbuild.core.plain_text import plain
from tflbuild.engine.report_form import read_report
from tflbuild.show.audience import say
from tflbuild.show.durations import about
from tflbuild.show.timings import time_lines
from tflbuild.sweep.pareto import rule
from tflbuild.sweep.summary import accuracy_metric, shown_table

__all__ = ["say", "show_row", "show_summary", "show_times"]

PIPE_WIDTH = 160
"""Columns of a table that no terminal limits."""

UNLIMITED = 10_000

LOST = "more than half of its accuracy"

DISPENSABLE = ("since base", "seconds", "compressed")
"""Headings that a narrow terminal does without, in this order; `summary.csv` has them."""


def show_row(row: Mapping[str, Any], count: str, left: float | None = None) -> None:
    """Say in one line how a job ended.

    Args:
        row: of the summary.
        count: e.g. "[3/12]".
        left: seconds that the sweep still takes; None for no telling.
    """
    name = accuracy_metric([row])
    metric = row["metrics"].get(name, {})
    parts = [row["status"].replace("_", " ")]
    if metric.get("value") is not None:
        parts.append(f"{name} {metric['value']:.3f}{_since_base(row, name)}")
    if row.get("bytes") is not None:
        parts.append(size(row["bytes"]))
    if row.get("latency_ms") is not None:
        parts.append(f"{row['latency_ms']:.2f} ms")
    if row.get("seconds") is not None:
        parts.append(f"{row['seconds']:.1f} s")
    error = f": {row['error']}" if row["error"] else ""
    rest = "" if left is None else f"; {about(left)} left"
    say(f"{count} {row['name']}: {', '.join(parts)}{rest}{error}", fold=True)


def _since_base(row: Mapping[str, Any], metric: str) -> str:
    """Say how far a job's accuracy is from its base's, where it is known sample by sample."""
    found = row.get("differences", {}).get(metric)
    if not found:
        return ""
    ends = found["low"], found["high"]
    return (
        f" ({signed(found['value'], *ends)} since the base: {told(*ends, higher_is_better=_higher(metric))})"
    )


def change_since_base(row: Mapping[str, Any], metric: str) -> str:
    """Say in a clause how far a job is from its base, and where it lost most of what that could do.

    Returns:
        "" where it is not known sample by sample.
    """
    found = row.get("differences", {}).get(metric)
    if not found:
        return ""
    said = f"{moved(metric, found['value'], found['low'], found['high'])} since the base"
    return f"{said}, {LOST}" if lost_most(row, metric) else said


def lost_most(row: Mapping[str, Any], metric: str) -> bool:
    """Say whether a job lost more than half of what its base could do."""
    value = row.get("metrics", {}).get(metric, {}).get("value")
    base = (row.get("base") or {}).get("metrics", {}).get(metric, {}).get("value")
    return _higher(metric) and value is not None and base is not None and 0 <= value < base / 2


def _higher(metric: str) -> bool:
    return metric not in METRICS or METRICS.get(metric).higher_is_better


def show_times(folder: Path) -> None:
    """Print what each pass of a job took, if it left a report."""
    path = folder / "report.json"
    if path.is_file():
        say("\n".join(time_lines(read_report(path))))


def show_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Print a summary: its table, the spread over seeds, the errors, and where it lies."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, emoji=False)
    console.print(_fitting(console, *shown_table(summary)))
    if any(job["pareto"] for job in summary["jobs"]):
        say(rule(summary["metric"]), fold=True)
    for job in summary["jobs"]:
        if job["pareto"] and lost_most(job, summary["metric"]):
            said = change_since_base(job, summary["metric"]) or f"lost {LOST}"
            say(f"{job['name']} is Pareto-optimal, but {said}", fold=True)
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
            if found["n"]:
                sd = "" if found["sd"] is None else f"± {_figure(found['sd'], name)}"
                span = f"{_figure(found['min'], name)} .. {_figure(found['max'], name)}"
                called = "size" if name == "bytes" else name
                rows.append([*settings, of, called, _figure(found["mean"], name), sd, span])
    return _table([*_short(keys), "built", "figure", "mean", "sd", "range"], rows)


def _figure(value: float, name: str) -> str:
    return size(value) if name == "bytes" else f"{value:.4f}"
