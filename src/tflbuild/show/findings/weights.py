"""The weights of a file that a training took, and those that it did not."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.core.exhibit import Exhibit, Note, Presentation, number
from tflbuild.core.plain_text import plain

FEW = 4
"""Layers that are named; of more the number is said, too."""


def lines(note: Note) -> list[str]:
    """Give one line: how many tensors matched, which layers are fresh, and what of the file is unused."""
    tensors, of = (int(number(note, key) or 0) for key in ("tensors", "of"))
    parts = [
        f"{tensors} of {of} tensors are those of '{plain(note.get('file', ''), 120)}', matched by "
        f"{plain(note.get('by', 'name'), 20)}",
        f"fresh: {_named(note.get('fresh', ()))}",
        f"unused in the file: {_named(note.get('unused', ()))}",
    ]
    folded = int(number(note, "folded") or 0)
    if folded:
        parts.append(f"batch norms that the file has folded, now the identity with its bias: {folded}")
    return [f"weights: {'; '.join(parts)}"]


def exhibit(note: Note) -> Exhibit:
    """Say the same on the page."""
    return Exhibit(
        title="weights that training started from", text=tuple(f"{one}." for one in lines(note)), parts=()
    )


def _named(layers: Sequence[str]) -> str:
    """Name layers, a few of many.

    >>> _named([]), _named(["a", "b"]), _named(list("abcdef"))
    ('nothing', 'a, b', 'a, b, c, d and 2 more')
    """
    named = ", ".join(plain(one, 80) for one in layers[:FEW])
    more = f" and {len(layers) - FEW} more" if len(layers) > FEW else ""
    return f"{named}{more}" or "nothing"


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
