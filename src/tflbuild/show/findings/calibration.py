"""Faults of calibration samples, as the pass that measured ranges on them saw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation
from tflbuild.core.plain_text import plain


def _named(note: Note) -> list[Mapping[str, Any]]:
    return [fault for fault in note.get("named", []) if isinstance(fault, Mapping)]


def lines(note: Note) -> list[str]:
    """Say the gravest fault with what cures it, and how many there are besides."""
    named = _named(note)
    more = f" (and {len(named) - 1} more, in the report)" if len(named) > 1 else ""
    return [f"warning: calibration: {plain(named[0].get('text', ''), 400)}{more}"] if named else []


def exhibit(note: Note) -> Exhibit | None:
    """Say where the samples came from, and what is wrong with them; None where nothing is."""
    if not _named(note):
        return None
    count = f"{note.get('samples', '?')} of {note.get('of', '?')} samples of {plain(note.get('source', '?'), 400)}."
    faults = tuple(f"{plain(fault.get('text', ''), 400)}." for fault in _named(note))
    return Exhibit(title="calibration", text=(count, *faults), parts=())


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
