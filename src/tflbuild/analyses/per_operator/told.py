"""Operators by two kinds of kernels, in words, lines and drawings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Quantity, Row, Table, number

NAMES: Mapping[str, str] = {"model": "delivered file", "float": "float file"}
"""Words for the file that was looked at."""

TOLD = 10
"""Operators that a terminal names."""


def sentence(found: Mapping[str, Any]) -> str:
    """Say in one sentence what was found."""
    rows = found["rows"]
    guilty = [row for row in rows if row["guilty"]]
    start = (
        f"{found['compared']} of {found['operators']} operators of the {NAMES[found['on']]} were run alone by the "
        f"reference kernels and by this machine's, on {found['n']} samples"
    )
    if guilty:
        first = f"{guilty[0]['operator']} '{guilty[0]['layer']}': {_by(guilty[0])}"
        count = f"{len(guilty)} {'computes' if len(guilty) == 1 else 'compute'}"
        return f"{start}; {count} otherwise, the first {first}"
    nearest = max(rows, key=_nearness, default=None)
    most = (
        f": the largest difference is {_by(nearest)}, of {nearest['operator']} '{nearest['layer']}'"
        if nearest
        else ""
    )
    return f"{start}; no difference is larger than rounding explains{most}"


def _nearness(row: Mapping[str, Any]) -> float:
    return float(row["reset"] or 0.0) / max(float(row["bound"]), 1e-30)


def _by(row: Mapping[str, Any]) -> str:
    """Write a difference in steps of the grid, or as it is."""
    reset = number(row, "reset")
    if reset is None:
        return "one kernel alone gives a NaN or an infinity"
    if row["scale"]:
        return f"{reset:.0f} {'step' if reset == 1 else 'steps'}"
    return f"{reset:.3g}, where {row['bound']:.3g} could be rounding"


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Give the lines of a finding for a terminal."""
    lines = [str(found.get("summary", ""))]
    guilty = [row for row in found["rows"] if row["guilty"]]
    width = max((len(str(row["layer"])) for row in guilty[:TOLD]), default=0)
    for row in guilty[:TOLD]:
        share = f"{100 * float(row['beyond']):.3g} % of values differ by more than rounding"
        lines.append(f"  {row['layer']:<{width}}  {row['operator']:<17}  {_by(row)}; {share}")
    cut = found.get("cut")
    return [*lines, f"  cut out: {cut['file']}; {cut['text']}"] if cut else lines


def exhibit_of(found: Mapping[str, Any], title: str) -> Exhibit | None:
    """List every operator with its differences."""
    rows = found.get("rows") or []
    if not rows:
        return None
    table = Table(
        headings=("layer", "operator", "unit", "alone", "could be rounding", "carried on"),
        rows=tuple(
            Row(
                cells=(
                    str(row["layer"]),
                    str(row["operator"]),
                    "steps" if row["scale"] else "value",
                    Quantity(number(row, "reset"), "error"),
                    Quantity(number(row, "bound"), "error"),
                    Quantity(number(row, "carried"), "error"),
                ),
                marked=bool(row["guilty"]),
            )
            for row in rows
        ),
        summary=f"all {len(rows)} outputs of operators",
    )
    text = str(found.get("summary", ""))
    cut = found.get("cut") or {}
    said = [f"{text[:1].upper()}{text[1:]}."] + ([f"Cut out as {cut['file']}: {cut['text']}."] if cut else [])
    return Exhibit(title=f"{title}: {NAMES[found['on']]}", text=tuple(said), parts=(table,))
