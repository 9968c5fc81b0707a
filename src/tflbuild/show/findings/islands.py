"""Operators of a quantized file that compute in another dtype, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation, Row, Table

EXPECTED = ("custom operator", "final scores")
"""Reasons that are worth no line: nearly every model ends so."""

END = "it joins or decodes outputs"
"""Reason that is worth one line for all operators; see `tflbuild.tflite.float_ends`."""


def lines(note: Note) -> list[str]:
    """Name what stayed out of int8 for a reason that is not to be expected."""
    ends = sum(island.get("reason") == END for island in note)
    counted = [f"in float32: {ends} operator{'s' if ends > 1 else ''} at the end, to join or decode outputs"]
    return (counted if ends else []) + [
        f"in {island.get('dtype', '?')}: {island.get('operator', '')} {_name(island)} "
        f"({island.get('reason', '?')})"
        for island in note
        if island.get("reason") not in (*EXPECTED, END)
    ]


def exhibit(note: Note) -> Exhibit | None:
    """List the operators outside int8, with their reasons."""
    if not note:
        return None
    headings = ("operator", "layer or tensor", "dtype", "reason")
    rows = tuple(
        Row(
            cells=(
                str(island.get("operator", "")),
                _name(island),
                str(island.get("dtype", "")),
                str(island.get("reason", "")),
            )
        )
        for island in note
    )
    return Exhibit(title="operators of another dtype", parts=(Table(headings=headings, rows=rows),))


def _name(island: Mapping[str, Any]) -> str:
    return str(island.get("layer") or island.get("tensor", ""))


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
