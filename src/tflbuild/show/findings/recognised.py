"""The properties recognised in the user's file, with the evidence for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tflbuild.core.exhibit import Exhibit, Note, Presentation
from tflbuild.core.plain_text import plain


def lines(note: Note) -> list[str]:
    """Say each property with its evidence."""
    return [_line(entry) for entry in note if isinstance(entry, Mapping)]


def _line(entry: Mapping[str, Any]) -> str:
    what, value, evidence = (plain(entry.get(key, "")) for key in ("what", "value", "evidence"))
    return f"{what}: {value}" + (f" ({evidence})" if evidence else "")


def untold(said: Iterable[str], told: Iterable[str]) -> list[str]:
    """Give the lines that were not told before, without assumptions of what was told otherwise.

    >>> untold(["a: 1 (seen)", "b: assumed (usual)", "c: assumed (usual)"], ["a: 1 (seen)", "b: 2 (said)"])
    ['c: assumed (usual)']
    """
    known = set(told)
    settled = {line.partition(":")[0] for line in known}
    return [
        line
        for line in said
        if line not in known and (line.partition(":")[0] not in settled or not _assumed(line))
    ]


def _assumed(line: str) -> bool:
    return line.partition(": ")[2].startswith("assumed")


def exhibit(note: Note) -> Exhibit | None:
    """Draw nothing beside the pass: the page has a section for it."""
    return None


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
