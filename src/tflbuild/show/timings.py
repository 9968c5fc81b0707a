"""The cost of each pass of a run: wall and processor time, memory, bytes; as `--time-passes` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core import file_size

HEADINGS = ("pass", "", "wall s", "cpu s", "peak MiB", "measuring s", "saved s", "size")


def time_lines(report: Mapping[str, Any]) -> list[str]:
    """Give a table of a report's passes, fallbacks included, and their sum.

    Wall and processor seconds and peak memory are of the pass itself and 0 for a hit, which says what it saved
    instead; measuring is what its gate took.
    """
    rows = [_row(step) for step in _every_step(report)]
    passes = sum(row[2] for row in rows)
    measuring = sum(row[5] for row in rows)
    sums = [passes, sum(row[3] for row in rows), max((row[4] for row in rows), default=0), measuring]
    saved = sum(row[6] for row in rows)
    other = max(report["seconds"] - passes - measuring, 0.0)
    table = [
        HEADINGS,
        *(_texts(row) for row in rows),
        _texts(("in sum", "", *sums, saved, None)),
        _texts(("planning, delivery, reports", "", other, 0.0, 0, 0.0, 0.0, None)),
        _texts(("all", report["status"].replace("_", " "), report["seconds"], 0.0, 0, 0.0, 0.0, None)),
    ]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    return [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def _every_step(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    steps = []
    for step in report["passes"]:
        steps.append(step)
        for attempt in step["tried"]:
            steps += [{**part, "label": f"  {part['label']}"} for part in attempt.get("passes", [])]
    return steps


def _row(step: Mapping[str, Any]) -> tuple[Any, ...]:
    hit = step["cached"]
    return (
        step["label"],
        "cached" if hit else step["outcome"],
        0.0 if hit else step["seconds"],
        0.0 if hit else step["cpu_seconds"],
        0 if hit else step["peak_rss_mib"],
        step["measuring_seconds"],
        step["cost_seconds"] if hit else 0.0,
        step["bytes"],
    )


def _texts(row: tuple[Any, ...]) -> tuple[str, ...]:
    label, state, wall, cpu, peak, measuring, saved, size = row
    numbers = [f"{value:.2f}" if value else "" for value in (wall, cpu)]
    numbers += [f"{peak:,}" if peak else "", f"{measuring:.2f}" if measuring else ""]
    numbers += [f"{saved:.2f}" if saved else "", file_size.size(size) if size else ""]
    return (label, state, *numbers)
