"""A base that is not better than chance, and what would explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Row, Table, number

PRINTED = 8
"""Rows in the terminal."""

TITLES = {
    "reading": "other pixels than it was trained on",
    "order": "classes in another order",
    "one_class": "only one class is predicted",
}
"""Titles by the verdict."""

NAMED = 12
"""Classes that are named one by one."""


def _rows(note: Note, key: str) -> list[Mapping[str, Any]]:
    return [row for row in note.get(key, []) if isinstance(row, Mapping)]


def _value(row: Mapping[str, Any]) -> str:
    low, high = number(row, "low"), number(row, "high")
    interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    return f"{number(row, 'value') or 0.0:.3f}{interval}"


def _places(note: Note) -> list[str]:
    """Say for each output of the model which class it seems to be, as the best order has it."""
    best = next((row for row in _rows(note, "orders") if row.get("better")), None)
    if best is None or len(best.get("classes", [])) > NAMED:
        return []
    return [
        f"output {place} of the model seems to be your '{name}'" for place, name in enumerate(best["classes"])
    ]


def lines_of(note: Note) -> list[str]:
    """Give a line for each order and reading that was tried, with the override where it is better."""
    told = []
    for key, what, of in (("orders", "classes", _of(note)), ("readings", "", "")):
        for row in _rows(note, key)[:PRINTED]:
            would = f": {row.get('override', '')}" if row.get("better") else ""
            metric = of or row.get("metric", "")
            said = " ".join(
                part for part in (metric, _value(row), "with", what, str(row.get("how", "?"))) if part
            )
            told.append(f"  {said}{would}{_too(row)}")
    return ["tried:", *told, *(f"  {place}" for place in _places(note))] if told else []


def _too(row: Mapping[str, Any]) -> str:
    """Say what a reading gives with another order of the classes, too."""
    order = row.get("with_order")
    return (
        f"; {_value(order)} with classes {order.get('how', '?')}, too" if isinstance(order, Mapping) else ""
    )


def _of(note: Note) -> str:
    return "objects found right" if note.get("metric") == "map" else str(note.get("metric", ""))


def exhibit_of(note: Note) -> Exhibit:
    """Draw the result of each order and reading that was tried, and list the overrides."""
    parts: list[Bars | Table] = []
    orders, readings = _rows(note, "orders"), _rows(note, "readings")
    if orders:
        legend = f"{_of(note)} with the classes in another order; marked: clearly better than now"
        parts += _drawn(orders, legend, "order of the classes")
    if readings:
        now = note.get("now") or {}
        given = Bar(label="as now", values=(number(now, "value"),))
        metric = readings[0].get("metric", "")
        legend = f"{metric} on {readings[0].get('n', '?')} samples with other values of the pixels"
        parts += _drawn(
            readings, f"{legend}; marked: clearly better than now", "reading of the pixels", given
        )
    text = [_sentence(str(note.get("text", "")))]
    places = _places(note)
    text += [_sentence("; ".join(places))] if places else []
    return Exhibit(title=_title(note), text=tuple(text), parts=tuple(parts))


def _title(note: Note) -> str:
    return TITLES.get(str(note.get("verdict")), "not better than chance")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _drawn(rows: Sequence[Mapping[str, Any]], legend: str, heading: str, *first: Bar) -> tuple[Bars, Table]:
    bars = tuple(
        Bar(label=str(row.get("how", "?")), values=(number(row, "value"),), marked=bool(row.get("better")))
        for row in rows[:PRINTED]
    )
    table = Table(
        headings=(heading, "value", "samples", "override"),
        rows=tuple(
            Row(
                cells=(
                    str(row.get("how", "?")),
                    f"{_value(row)}{_too(row)}",
                    str(row.get("n", "")),
                    str(row.get("override", "")),
                ),
                marked=bool(row.get("better")),
            )
            for row in rows
        ),
        summary=f"{len(rows)} tried, and the override for each",
    )
    return Bars(bars=(*first, *bars), legend=legend), table
