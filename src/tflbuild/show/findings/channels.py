"""The channels that `prune_channels` took out of a model, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import (
    Bar,
    Bars,
    Curve,
    Exhibit,
    Note,
    Point,
    Presentation,
    Quantity,
    Row,
    Table,
    number,
)
from tflbuild.core.metric import headline

NAMED = 3
"""Reasons that the terminal names."""


def lines(note: Note) -> list[str]:
    """Say in one line what is left; name what had to stay whole."""
    latency = number(note.get("latency", {}), "share")
    shares = [
        f"{share:.2f} x the {what}"
        for what, share in (
            ("multiply-accumulates", _share(note, "macs")),
            ("parameters", _share(note, "parameters")),
            ("latency", latency),
        )
        if share is not None
    ]
    if not shares:
        return []
    told = [
        f"channels {_counts(note, 'channels')}: {', '.join(shares)}; multiply-accumulates {_counts(note, 'macs')}"
    ]
    rounds = note.get("rounds", [])
    if rounds and not rounds[-1].get("ok", True):
        told.append(f"  round {len(rounds)} was over budget: round {max(_kept(rounds), 0) + 1} is kept")
    whole = [
        f"'{one.get('name', '?')}' ({one.get('reason', '?')})"
        for one in note.get("whole", [])
        if _noteworthy(one)
    ]
    if whole:
        more = f" and {len(whole) - NAMED} more" if len(whole) > NAMED else ""
        told.append(f"  stays whole: {'; '.join(whole[:NAMED])}{more}")
    return told


def exhibit(note: Note) -> Exhibit | None:
    """Draw channels before and after, by group, and the metric by round."""
    if not note.get("groups"):
        return None
    bars = Bars(
        bars=tuple(
            Bar(
                label=str(group.get("name", "?")),
                values=(number(group, "before"), number(group, "after")),
                text=", ".join(map(str, group.get("layers", [])[1:])),
            )
            for group in note["groups"]
        ),
        unit="count",
        series=("before", "after"),
        legend="channels of each group; small letters name the other layers that make them",
    )
    whole = tuple(
        Row(
            cells=(
                str(one.get("name", "?")),
                Quantity(number(one, "channels"), "count"),
                str(one.get("reason", "?")),
            )
        )
        for one in note.get("whole", [])
    )
    table = Table(headings=("stays whole", "channels", "why"), rows=whole, summary="what stays whole")
    parts = (*_rounds(note.get("rounds", [])), _totals(note), bars, *((table,) if whole else ()))
    return Exhibit(title="channels", parts=parts)


def _totals(note: Note) -> Table:
    figures = [
        (what, _figure(note, key, "before"), _figure(note, key, "after"), "count")
        for what, key in (
            ("multiply-accumulates", "macs"),
            ("parameters", "parameters"),
            ("channels that may leave", "channels"),
        )
    ]
    if "latency" in note:
        before, after = (number(note["latency"], name) for name in ("before_ms", "after_ms"))
        figures.append(("latency of the float file", before, after, "ms"))
    return Table(
        headings=("figure", "before", "after", "share"),
        rows=tuple(
            Row(
                cells=(
                    what,
                    Quantity(before, unit),
                    Quantity(after, unit),
                    Quantity(after / before if before and after is not None else None, "%"),
                )
            )
            for what, before, after, unit in figures
        ),
    )


def _rounds(rounds: Note) -> tuple[Curve | Table, ...]:
    names = list(dict.fromkeys(name for one in rounds for name in one.get("metrics", {})))
    metric, kept = headline(names) or (names[0] if names else ""), max(_kept(rounds), 0)
    points = tuple(
        Point(x=x, y=y, ok=bool(one.get("ok", True)), kept=place == kept)
        for place, one in enumerate(rounds)
        if (x := number(one, "macs")) is not None
        and (y := number(one.get("metrics", {}), metric)) is not None
    )
    rows = tuple(
        Row(
            cells=(
                Quantity(number(one, "macs"), "%"),
                Quantity(number(one, "channels"), "%"),
                *(Quantity(number(one.get("metrics", {}), name)) for name in names),
                {True: "yes", False: "no"}.get(one.get("ok"), "not asked"),
            ),
            marked=place == kept,
        )
        for place, one in enumerate(rounds)
    )
    headings = ("multiply-accumulates", "channels", *names, "within budget")
    curve = (Curve(points=points, x_name="multiply-accumulates", y_name=metric),) if len(points) > 1 else ()
    return (*curve, *((Table(headings=headings, rows=rows),) if rows else ()))


def _kept(rounds: Note) -> int:
    """Give the place of the last round within the budget; -1 where none is."""
    return max((place for place, one in enumerate(rounds) if one.get("ok", True)), default=-1)


def _figure(note: Note, key: str, when: str) -> float | None:
    found = note.get(key)
    return number(found, when) if isinstance(found, Mapping) else None


def _share(note: Note, key: str) -> float | None:
    before, after = _figure(note, key, "before"), _figure(note, key, "after")
    return after / before if before and after is not None else None


def _counts(note: Note, key: str) -> str:
    before, after = (_figure(note, key, when) for when in ("before", "after"))
    return " -> ".join("?" if one is None else f"{one:,.0f}" for one in (before, after))


def _noteworthy(one: Mapping[str, Any]) -> bool:
    """Say whether it is worth a line: every model's outputs stay."""
    return one.get("reason") != "it reaches an output of the model"


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
