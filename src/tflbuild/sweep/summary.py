"""The summary: every job of a sweep, the Pareto-optimal ones marked, and the spread over seeds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core.change import signed
from tflbuild.core.file_size import size
from tflbuild.core.metric import headline
from tflbuild.engine.storage.disk import replace_file, writing
from tflbuild.show.device_figures import device_figures
from tflbuild.sweep.pareto import optimal, rule
from tflbuild.sweep.spread import groups_of

SCHEMA = "tflbuild.summary/1"

FIGURES = ("metric", "drop", "bytes", "compressed", "latency ms", "seconds", "pareto", "status")
"""Columns of `summary.csv` behind those of what differs; the first has the metric's name."""

LATENCY = FIGURES.index("latency ms") + 1
"""Place in these behind which figures of devices stand."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a cell that may make a spreadsheet read a formula; the last four are full-width."""


def summarise(
    rows: Sequence[Mapping[str, Any]], command: Sequence[str], recipe: str = "", started: str = ""
) -> dict[str, Any]:
    """Give the content of `summary.json`.

    Args:
        rows: one a job, in the order of the grid.
        command: what was typed.
        recipe: its name, or the names of several.
        started: when, in ISO 8601; "" where nobody knows.
    """
    metric = accuracy_metric(rows)
    marks = optimal(rows, metric)
    return {
        "schema": SCHEMA,
        "command": list(command),
        "recipe": recipe,
        "started": started,
        "metric": metric,
        "pareto_rule": rule(metric),
        "jobs": [{**row, "pareto": mark} for row, mark in zip(rows, marks, strict=True)],
        "groups": groups_of(rows, metric),
    }


def accuracy_metric(rows: Sequence[Mapping[str, Any]]) -> str:
    """Name the metric that stands for accuracy: of those that jobs measured, a primary one where there is one."""
    measured = {
        name for row in rows for name in (*row["metrics"], *(row.get("base") or {"metrics": ()})["metrics"])
    }
    return headline(measured) or "accuracy"


def table_of(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give a summary as headings and rows of exact text, as `summary.csv` has it: a drop is positive there."""
    keys, metric, devices = (
        _keys(summary),
        summary["metric"],
        device_figures(summary["jobs"], summary["metric"]),
    )
    rows = []
    for job in summary["jobs"]:
        value, change = job["metrics"].get(metric, {}).get("value"), change_of(job, metric)
        drop = None if change is None else 0.0 - change
        figures = [
            _text(value, "{:.4f}"),
            _text(drop, "{:+.4f}"),
            _text(job.get("bytes"), "{}"),
            _text(job.get("compressed_bytes"), "{}"),
            _text(job.get("latency_ms"), "{:.3f}"),
            *(_text(job.get("figures", {}).get(name), "{:.6g}") for name in devices),
            _text(job.get("seconds"), "{:.1f}"),
            "yes" if job["pareto"] else "",
        ]
        rows.append([*(job["overrides"].get(key, "") for key in keys), *figures, job["status"]])
    return [*keys, metric, *FIGURES[1:LATENCY], *devices, *FIGURES[LATENCY:]], rows


def _keys(summary: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(key for job in summary["jobs"] for key in job["overrides"]))


def shown_table(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give a summary as people read it: the change since the base with its sign, and sizes in KiB."""
    headings, rows = table_of(summary)
    place = len(_keys(summary))
    shown = []
    for row, job in zip(rows, summary["jobs"], strict=True):
        change = change_of(job, summary["metric"])
        sizes = [size(job[key]) if job.get(key) is not None else "" for key in ("bytes", "compressed_bytes")]
        shown.append([*row[: place + 1], "" if change is None else signed(change), *sizes, *row[place + 4 :]])
    return [*headings[: place + 1], "since base", "size", *headings[place + 3 :]], shown


def change_of(job: Mapping[str, Any], metric: str) -> float | None:
    """Give what a metric is less that of the base; None where either was not measured."""
    value = job.get("metrics", {}).get(metric, {}).get("value")
    base = (job.get("base") or {}).get("metrics", {}).get(metric, {}).get("value")
    return round(value - base, 4) + 0.0 if value is not None and base is not None else None  # no -0.0000


def write_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Write `summary.json`, `summary.csv` and `summary.html`."""
    from tflbuild.show.pages.sweep import render_summary

    text = io.StringIO()
    headings, rows = table_of(summary)
    csv.writer(text).writerows([without_formula(cell) for cell in row] for row in [headings, *rows])
    write_json(summary, folder)
    _write(folder / "summary.csv", text.getvalue())
    _write(folder / "summary.html", render_summary(summary))


def write_json(summary: Mapping[str, Any], folder: Path) -> None:
    """Write `summary.json`, whole or not at all."""
    _write(folder / "summary.json", json.dumps(summary, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with writing(path.parent):
        replace_file(path, text)


def without_formula(cell: str) -> str:
    """Give a cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe before it.

    >>> without_formula("-0.0021"), without_formula("=1+1"), without_formula("int8")
    ('-0.0021', "'=1+1", 'int8')
    """
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell if cell.isprintable() else f"'{cell}"


def _text(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
