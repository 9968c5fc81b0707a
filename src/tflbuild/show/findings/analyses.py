"""Findings of analyses, which belong to the build and not to a pass: each is described by the analysis itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.plain_text import plain

NO_FINDING = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Exceptions of reading what is not a finding: it may come from a store or a report of somebody else."""


def lines_of_analysis(analysis: Mapping[str, Any]) -> list[str]:
    """Give a terminal's lines for an entry of report.json's `analyses`."""
    try:
        found = _described(analysis)
        return [plain(line, 2000) for line in found[0].lines(found[1])] if found else []
    except NO_FINDING:
        return []


def exhibits_of_analyses(analyses: list[Mapping[str, Any]]) -> list[Exhibit]:
    """Give a page's exhibits for report.json's `analyses`."""
    exhibits: list[Exhibit] = []
    for entry in analyses:
        try:
            found = _described(entry)
            exhibits += found[0].exhibits(found[1]) if found else []
        except NO_FINDING:
            continue
    return exhibits


def _described(entry: Mapping[str, Any]) -> tuple[Any, Sequence[Mapping[str, Any]]] | None:
    """Give the analysis that describes an entry, with its findings; None where this tflbuild lacks it."""
    name = str(entry.get("name"))
    if name not in ANALYSES:
        return None
    return ANALYSES.get(name)(), entry.get("findings") or []


def texts_of(analyses: list[Mapping[str, Any]]) -> list[str]:
    """Give the sentence of every finding."""
    return [str(note["text"]) for entry in analyses for note in entry.get("findings", []) if note.get("text")]
