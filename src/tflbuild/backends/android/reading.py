"""Read what benchmark_model prints: latency, memory, the delegate, and a table of operators.

It prints the same since TensorFlow 2.4, but for prefixes of lines, the column [start] (until 2.6) and quantiles (since
2.17).

References:
    LiteRT, tflite/tools/benchmark/ and tflite/profiling/profile_summary_formatter.cc, Apache-2.0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain

COUNTED = re.compile(r"\bcount=(\d+)((?: \w+=[-+.\de]+| \(all same\))*)")
"""Figures of the runs before measuring, and of those that are measured, in microseconds."""

MEMORY = {
    "init_mib": re.compile(r"emory footprint[^\n]*\(MB\): init=([.\d]+)"),
    "overall_mib": re.compile(r"emory footprint[^\n]*\(MB\): init=[.\d]+ overall=([.\d]+)"),
    "peak_mib": re.compile(r"peak memory footprint \(MB\) via periodic monitoring: ([.\d]+)"),
}

APPLIED = re.compile(
    r"Explicitly applied (\S+) delegate, and the model graph will be (completely|partially) executed by the delegate"
    r"(?: w/ (\d+) delegate kernels)?"
)

NOT_USED = re.compile(r"Though (\S+) delegate is explicitly applied, the model graph will not be executed")

UNKNOWN = re.compile(r"Unconsumed cmdline flags: (.*)")

PROFILE = re.compile(r"Profiling Info for Regular Benchmark Runs:")

ORDER = "Run Order"
"""Heading of the table that has every operator, in order."""

INSIDE = "Delegate internal:"
"""Beginning of what a delegate says of its own operators."""


class Timed(NamedTuple):
    """One row of the table of operators."""

    kind: str
    ms: float
    name: str


def latency(text: str) -> dict[str, Any] | None:
    """Read the latency of the measured runs, in ms; None where none was printed.

    Returns:
        `median`, `runs`, and where they were printed `min`, `max`, `mean`, `std` and `p95`. A benchmark_model that
        prints no quantiles gives its mean as `median`, and says so: `statistic` is "mean".
    """
    found = COUNTED.findall(text)
    if not found:
        return None
    count, figures = found[-1]
    values = dict(figure.split("=") for figure in figures.split() if "=" in figure)
    if not values:
        return None
    named = {"min": "min", "max": "max", "mean": "avg", "std": "std", "p95": "p95"}
    made: dict[str, Any] = {"runs": int(count)}
    made |= {name: _ms(values[key]) for name, key in named.items() if key in values}
    if "median" in values:
        made["median"] = _ms(values["median"])
    elif "avg" in values:
        made |= {"median": _ms(values["avg"]), "statistic": "mean"}
    else:
        made["median"] = _ms(values["curr"])  # all runs took the same time
    return made


def memory(text: str) -> dict[str, float]:
    """Read what the tool took: after loading, at the end, and at most; those that were printed."""
    found = {name: pattern.search(text) for name, pattern in MEMORY.items()}
    return {name: round(float(match[1]), 3) for name, match in found.items() if match}


def applied(text: str) -> int | None:
    """Give the number of the delegate's parts; None where no delegate was applied."""
    found = APPLIED.search(text)
    if found:
        return int(found[3] or 1)
    return 0 if NOT_USED.search(text) else None


def unknown_flags(text: str) -> str:
    """Give the flags that this benchmark_model does not know; "" for none."""
    found = UNKNOWN.search(text)
    return plain(found[1].strip(), 200) if found else ""


def operators(text: str, names: Collection[str]) -> list[dict[str, Any]]:
    """Read the time of each operator, in order; a delegate's own operators stand in its place.

    Args:
        text: what was printed.
        names: of the file's operators; a row of another name is a delegate's.

    Returns:
        `name`, `delegated` and `ms` of each; [] where no table was printed.
    """
    outer, inner = tables(text)
    made: list[dict[str, Any]] = []
    placed = False
    for row in outer:
        if row.kind in names:
            made.append({"name": row.kind, "delegated": False, "ms": row.ms})
        elif not inner:
            made.append({"name": row.kind, "delegated": True, "ms": row.ms})
        elif not placed:
            made += [{"name": each.kind, "delegated": True, "ms": each.ms} for each in inner]
            placed = True
    return made


def left(text: str, names: Collection[str]) -> list[str] | None:
    """Name the operators that no delegate runs; None where no table was printed."""
    outer, _ = tables(text)
    return [row.kind for row in outer if row.kind in names] if outer else None


def tables(text: str) -> tuple[list[Timed], list[Timed]]:
    """Give the rows of the graph, and those of the delegate's own operators."""
    found = PROFILE.search(text)
    if found is None:
        return [], []
    graph, _, inside = text[found.end() :].partition(INSIDE)
    return list(_rows(graph)), list(_rows(inside))


def _rows(text: str) -> Iterator[Timed]:
    """Give the rows of the first table in order of execution, by the headings of its columns."""
    _, found, rest = text.partition(ORDER)
    lines = iter(rest.splitlines()[1:] if found else ())
    heads = [head.strip().lower() for head in next(lines, "").split("\t")]
    if "[avg ms]" not in heads or "[node type]" not in heads:
        return
    places = [heads.index(head) for head in ("[node type]", "[avg ms]", "[name]")]
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) <= max(places):
            return
        kind, ms, name = (cells[place] for place in places)
        yield Timed(plain(kind, 100), float(ms), plain(name))


def _ms(microseconds: str) -> float:
    return round(float(microseconds) / 1e3, 5)
