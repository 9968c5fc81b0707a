"""Times of operators in words and in drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Quantity, Row, Table
from tflbuild.core.plain_text import plain

LONGEST = 80
"""Letters of an operator's name."""

DRAWN = 10
"""Kinds that are drawn, the slowest first."""

LEAST = 0.005
"""Share of the time that a kind has to take, so that it is drawn by itself."""

SLOWEST = 12
"""Operators that are listed at once, the slowest first."""


def exhibit_of(found: Mapping[str, Any], title: str) -> Exhibit | None:
    """Draw kinds of operators by the time that they take together, and list the slowest operators."""
    operators = found["operators"]
    if not operators:
        why = plain(found.get("why", ""), 200)
        return Exhibit(title=title, text=(f"LiteRT's profiler cannot run this file: {why}.",), parts=())
    total = sum(one["ms"] for one in operators) or 1.0
    text = (
        f"One run takes {float(found['whole_ms']):.3f} ms on one thread of {plain(found['cpu'], 100)}; its operators "
        f"take {total:.3f} ms of that. Measured by LiteRT's profiler on the delivered file: the mean of the faster "
        f"half of {found['runs']} runs. The profiler counts whole microseconds, so the times of very short "
        f"operators are too low. "
        f"Names with brackets are XNNPACK's own."
    )
    return drawn(operators, title, text)


def drawn(
    operators: Sequence[Mapping[str, Any]], title: str, text: str, delegate: str = "XNNPACK"
) -> Exhibit:
    """Draw the times of operators, whatever measured them.

    Args:
        operators: `name`, `delegated` and `ms` of each, in order.
        title: of the exhibit.
        text: what was measured, and how.
        delegate: what runs those that are delegated.
    """
    total = sum(one["ms"] for one in operators) or 1.0
    parts = (_kinds(operators, total), _slowest(operators, total, delegate))
    return Exhibit(title=title, text=(text,), parts=parts)


def _kinds(operators: Sequence[Mapping[str, Any]], total: float) -> Bars:
    sums: dict[str, list[float]] = {}
    for one in operators:
        sums.setdefault(one["name"], []).append(one["ms"])
    ranked = sorted(sums.items(), key=lambda item: -sum(item[1]))
    shown = min(DRAWN, sum(sum(times) >= LEAST * total for _, times in ranked))
    bars = [
        Bar(
            label=f"{len(times)} × {plain(name, LONGEST)}",
            values=(sum(times),),
            text=f"{100 * sum(times) / total:.0f} %",
        )
        for name, times in ranked[:shown]
    ]
    rest = [time for _, times in ranked[shown:] for time in times]
    if rest:
        bars.append(
            Bar(label=f"{len(rest)} others", values=(sum(rest),), text=f"{100 * sum(rest) / total:.0f} %")
        )
    return Bars(bars=tuple(bars), unit="ms")


def _slowest(operators: Sequence[Mapping[str, Any]], total: float, delegate: str) -> Table:
    ranked = sorted(enumerate(operators, start=1), key=lambda item: -item[1]["ms"])[:SLOWEST]
    rows = tuple(
        Row(
            cells=(
                Quantity(place, "count"),
                plain(one["name"], LONGEST),
                delegate if one["delegated"] else "LiteRT",
                Quantity(one["ms"], "ms"),
                Quantity(one["ms"] / total, "%"),
            )
        )
        for place, one in ranked
    )
    return Table(
        headings=("place", "operator", "run by", "time", "share"),
        rows=rows,
        summary=f"the {len(rows)} slowest of {len(operators)} operators",
    )
