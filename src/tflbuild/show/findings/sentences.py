"""Findings that are sentences: of what was settled on samples, and of outputs whose parts share a scale."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.core.exhibit import Exhibit, Note, Presentation
from tflbuild.core.plain_text import plain


def lines(note: Note) -> list[str]:
    """Give each sentence; a finding holds it in its `text`."""
    found = [one.get("text") if isinstance(one, Mapping) else one for one in note]
    return [plain(one, 600) for one in found if isinstance(one, str)]


def _titled(title: str) -> Presentation:
    def exhibit(note: Note) -> Exhibit | None:
        said = tuple(f"{line[:1].upper()}{line[1:]}." for line in lines(note))
        return Exhibit(title=title, text=said, parts=()) if said else None

    return Presentation(lines=lines, exhibit=exhibit)


SETTLED = _titled("settled on samples")
SHARED_SCALES = _titled("outputs that share a scale")
