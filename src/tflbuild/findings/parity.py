"""How far the float file is from the user's model as it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.findings.exhibit import Exhibit, Finding, Note, number


def lines(note: Note) -> list[str]:
    """Say of each output by how much it differs at most."""
    return [_line(entry) for entry in note if isinstance(entry, Mapping)]


def _line(entry: Mapping[str, Any]) -> str:
    difference, size, count = (number(entry, key) for key in ("difference", "size", "n"))
    if difference is None:
        return f"parity: '{plain(entry.get('output', '?'))}' was not compared with the model as loaded"
    of = f" of {size:.3g}" if size is not None else ""
    on = f", on {count:,.0f} samples" if count is not None else ""
    return f"parity: '{plain(entry.get('output', '?'))}' is within {difference:.2g}{of} of the model as loaded{on}"


def exhibit(note: Note) -> Exhibit | None:
    """Say the same on the page."""
    said = [f"{line[:1].upper()}{line[1:]}." for line in lines(note)]
    return Exhibit(title="the file against the model as loaded", text=tuple(said), parts=()) if said else None


FINDING = Finding(lines=lines, exhibit=exhibit)
