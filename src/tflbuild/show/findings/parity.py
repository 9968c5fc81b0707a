"""The largest differences between a model's file and the model that it was made of, as that was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation, number
from tflbuild.core.plain_text import plain


def lines(note: Note) -> list[str]:
    """Say of each output by how much it differs at most, and where this proves little."""
    of = plain(note.get("of", "the model"))
    said = [_line(str(name), found, of) for name, found in note.get("outputs", {}).items()]
    weak = plain(note.get("weak", ""), 1000).removesuffix(".")
    return [*said, f"parity: {weak[:1].lower()}{weak[1:]}"] if weak else said


def _line(name: str, found: Mapping[str, Any], of: str) -> str:
    difference, size, images = (number(found, key) for key in ("difference", "size", "images"))
    if difference is None:
        return f"parity: '{plain(name)}' was not compared with {of} as loaded"
    largest = f", whose largest value is {size:.3g}" if size is not None else ""
    on = f" on {images:,.0f} samples" if images is not None else ""
    return f"parity: '{plain(name)}' is within {difference:.2g} of that of {of} as loaded{on}{largest}"


def exhibit(note: Note) -> Exhibit | None:
    """Say on the page by how much each output differs at most."""
    said = [f"{line[:1].upper()}{line[1:]}." for line in lines(note)]
    return Exhibit(title="the file against the model as loaded", text=tuple(said), parts=()) if said else None


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
