"""Findings of analyses, which belong to the build and not to a pass: by the name of the analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.show.findings import chance
from tflbuild.show.findings.exhibit import Exhibit, Finding, Note

ANALYSES: Mapping[str, Finding] = {"chance": chance.FINDING}


def lines_of_analysis(analysis: Mapping[str, Any]) -> list[str]:
    """Give a terminal's lines for an entry of report.json's `analyses`."""
    return [plain(line, 2000) for finding, note in _told([analysis]) for line in finding.lines(note)]


def exhibits_of_analyses(analyses: list[Mapping[str, Any]]) -> list[Exhibit]:
    """Give a page's exhibits for report.json's `analyses`."""
    shown = (finding.exhibit(note) for finding, note in _told(analyses))
    return [exhibit for exhibit in shown if exhibit is not None]


def _told(analyses: list[Mapping[str, Any]]) -> Iterator[tuple[Finding, Note]]:
    for analysis in analyses:
        finding = ANALYSES.get(str(analysis.get("name")))
        if finding is not None:
            yield from ((finding, note) for note in analysis.get("findings", []))


def texts_of(analyses: list[Mapping[str, Any]]) -> list[str]:
    """Give the sentence of every finding."""
    return [str(note["text"]) for entry in analyses for note in entry.get("findings", []) if note.get("text")]
