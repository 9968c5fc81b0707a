"""The changes that a pass made to the graph of its input: operators, dtypes, shapes, grids and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation, Row, Table
from tflbuild.core.plain_text import plain

LONGEST = 80
"""Letters of a tensor's name."""


def lines(note: Note) -> list[str]:
    """Say nothing in a terminal: it is a table."""
    return []


def exhibit(note: Note) -> Exhibit | None:
    """List the operators whose number changed, and the tensors."""
    if note.get("unread"):
        text = f"The graphs could not be compared: {plain(note['unread'], 400)}"
        return Exhibit(title=TITLE, text=(text,), parts=())
    parts = [part for part in (_kinds(note), _tensors(note)) if part is not None]
    return (
        Exhibit(title=TITLE, text=(_sentence(note),), parts=tuple(parts))
        if parts or "tensors" in note
        else None
    )


TITLE = "changes of the graph"


def _sentence(note: Note) -> str:
    """Put the numbers into one sentence."""
    if "tensors" not in note:
        return "Layers became operators." if "operators" in note else "There are other layers."
    counts = [
        (_sum(note, "changed"), "with another dtype or shape"),
        (_sum(note, "added"), "added"),
        (_sum(note, "removed"), "removed"),
        (note.get("regridded", 0), "with other scales alone"),
        (note.get("revalued", 0), "constants with other values"),
    ]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    before, after = note["tensors"]
    tensors = f"Of {before} tensors" if before == after else f"Of {before} tensors, now {after}"
    return f"{tensors}: {told}." if told else "The graph and all that is in it stayed as it was."


def _sum(note: Note, key: str) -> int:
    return sum(int(group["count"]) for group in note.get(key, []))


def _kinds(note: Note) -> Table | None:
    """List operators, or layers, whose number changed."""
    rows = [
        Row(cells=(what, plain(kind, LONGEST), f"{before:,}", f"{after:,}"))
        for what, key in (("layer", "layers"), ("operator", "operators"))
        for kind, (before, after) in _counts(note, key).items()
        if before != after
    ]
    headings = ("of", "kind", "before", "after")
    return Table(headings=headings, rows=tuple(rows)) if rows else None


def _counts(note: Note, key: str) -> Mapping[str, Any]:
    found = note.get(key)
    return found if isinstance(found, Mapping) else {}


def _tensors(note: Note) -> Table | None:
    """List groups of tensors."""
    rows = tuple(
        Row(cells=(what, plain(group["operator"], LONGEST), *_cells(group), _names(group)))
        for what, key in (("changed", "changed"), ("added", "added"), ("removed", "removed"))
        for group in note.get(key, [])
    )
    headings = ("change", "made by", "dtype", "shape", "tensors", "e.g.")
    summary = "tensors with another dtype or shape, added or removed"
    return Table(headings=headings, rows=rows, summary=summary) if rows else None


def _cells(group: Mapping[str, Any]) -> Iterator[str]:
    dtype, shape = group["dtype"], group.get("shape")
    yield plain(dtype if isinstance(dtype, str) else " → ".join(dtype), LONGEST)
    yield " → ".join(" × ".join(map(str, sides)) for sides in shape) if shape else ""
    yield f"{group['count']:,}"


def _names(group: Mapping[str, Any]) -> str:
    """Name some tensors by the first of the names that a converter joined."""
    return ", ".join(plain(name.split(";")[0], LONGEST) for name in group["tensors"])


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
