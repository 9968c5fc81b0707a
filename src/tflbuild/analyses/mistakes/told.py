"""The cost of mistakes in preparing samples, in words, lines and drawings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.change import unsigned
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Quantity, Row, Table, number

NAMES: Mapping[str, str] = {"base": "base", "model": "delivered file"}
"""Words for the model that was measured."""


def sentence(found: Mapping[str, Any]) -> str:
    """Say in one sentence what was found."""
    name, rows = NAMES[found["on"]], found["rows"]
    better = [row for row in rows if row["better"]]
    if found["every"]:
        lost = [row for row in rows if row["beyond"] and row["cost"]["value"] > 0]
        most = f"; {_costliest(lost[0], found)}" if lost else ""
        return f"{len(lost)} of {found['tried']} preprocessing mistakes cost the {name} more accuracy than noise{most}"
    said = f"{found['tried']} other ways to prepare {_noun(found)} were tried on the {name}"
    if not better:
        return f"{said}: none is clearly better"
    return f"{said}: {better[-1]['how']} is better"


def _noun(found: Mapping[str, Any]) -> str:
    """Name samples; a finding of an earlier tflbuild is about pictures."""
    return str(found.get("noun", "pictures"))


def _costliest(row: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return f"the costliest, {row['how']}, {found['metric']} {row['cost']['value']:.4f}"


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Give the lines of a finding for a terminal."""
    if "rows" not in found:
        return []
    if not found.get("every"):
        return [str(found.get("text", ""))]
    rows = found["rows"]
    width = max((len(str(row["how"])) for row in rows), default=0)
    metric = str(found["metric"])
    head = (
        f"{NAMES[found['on']]}: {metric} {found['value']:.4f} on {found['n']} samples of the {found['split']} split; "
        f"with {_noun(found)} prepared in another way:"
    )
    lines = [head, f"  {'':<{width}}  {metric:>8}  cost [95 % interval]"]
    for row in rows:
        value = "not finite" if row["value"] is None else f"{row['value']:.4f}"
        lines.append(f"  {row['how']:<{width}}  {value:>8}  {_cost(row)}{_mark(row)}".rstrip())
    return lines


def _cost(row: Mapping[str, Any]) -> str:
    cost = row.get("cost") or {}
    value, low, high = (number(cost, key) for key in ("value", "low", "high"))
    return "" if value is None or low is None or high is None else unsigned(value, low, high)


def _mark(row: Mapping[str, Any]) -> str:
    if row.get("better"):
        return "  <- better than as it is given"
    return "" if row.get("beyond") or "cost" not in row else "  within noise"


def exhibit_of(found: Mapping[str, Any], title: str) -> Exhibit | None:
    """Draw what each mistake cost, and list the figures."""
    rows = [row for row in found.get("rows") or [] if isinstance(row, Mapping)]
    if "rows" not in found:
        return None
    text = (f"{str(found['text'])[:1].upper()}{str(found['text'])[1:]}.",)
    if not rows:
        return Exhibit(title=title, text=text, parts=())
    bars = tuple(
        Bar(
            label=str(row["how"]),
            values=(max(0.0, number(row["cost"], "value") or 0.0),),
            marked=bool(row.get("beyond")),
            text=_cost(row),
        )
        for row in rows
        if row.get("cost")
    )
    legend = f"{found['metric']} that each would cost, on {found['n']} samples; marked: beyond noise"
    table = Table(
        headings=(f"{_noun(found)} prepared", str(found["metric"]), "cost [95 % interval]", "verdict"),
        rows=tuple(
            Row(
                cells=(
                    str(row["how"]),
                    Quantity(number(row, "value")),
                    _cost(row),
                    _mark(row).replace("<-", "").strip(),
                ),
                marked=bool(row.get("beyond")),
            )
            for row in rows
        ),
        summary=f"{len(rows)} ways to prepare {_noun(found)}, and what each would cost",
    )
    return Exhibit(
        title=f"{title}: {NAMES.get(str(found.get('on')), 'model')}",
        text=text,
        parts=(Bars(bars=bars, legend=legend), table),
    )
