"""The notes of a pass that are shown as findings; all others are shown as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.analyses.sensitivity import exhibit_of as exhibit_of_sensitivity
from tflbuild.analyses.sensitivity import lines_of as lines_of_sensitivity
from tflbuild.core.exhibit import Exhibit, Presentation
from tflbuild.core.plain_text import plain
from tflbuild.core.result_form import GRAPH
from tflbuild.show.findings import (
    auto,
    calibration,
    channels,
    dequantize,
    graph,
    islands,
    iterations,
    mixed,
    parity,
    recognised,
    rounding,
    sentences,
    sparse_encoding,
    weights,
)

FINDINGS: Mapping[str, Presentation] = {
    "recognised": recognised.PRESENTATION,
    "weights": weights.PRESENTATION,
    "settled": sentences.SETTLED,
    "parity": parity.PRESENTATION,
    "dequantize": dequantize.PRESENTATION,
    "calibration": calibration.PRESENTATION,
    "shared_scales": sentences.SHARED_SCALES,
    "auto": auto.PRESENTATION,
    "round": rounding.PRESENTATION,
    "sensitivity": Presentation(lines=lines_of_sensitivity, exhibit=exhibit_of_sensitivity),
    "mixed": mixed.PRESENTATION,
    "islands": islands.PRESENTATION,
    "iterations": iterations.PRESENTATION,
    "channels": channels.PRESENTATION,
    "sparse_encoding": sparse_encoding.PRESENTATION,
    GRAPH: graph.PRESENTATION,
}
"""Findings by the name of the note, in the order in which they are told."""


NO_FINDING = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Exceptions of reading a note that is not a finding: it may come from a store of somebody else."""


def _is_finding(name: str, note: Any) -> bool:
    """Say whether a note can be told as a finding; one that cannot is shown as it is."""
    if name not in FINDINGS or not note:
        return False
    try:
        told, drawn = FINDINGS[name].lines(note), FINDINGS[name].exhibit(note)
    except NO_FINDING:
        return False
    return bool(told) or drawn is not None


def lines_of(notes: Mapping[str, Any]) -> list[str]:
    """Give a terminal's lines for a pass's notes."""
    return [
        plain(line, 2000)
        for name, finding in FINDINGS.items()
        if _is_finding(name, notes.get(name))
        for line in finding.lines(notes[name])
    ]


def exhibits_of(notes: Mapping[str, Any]) -> list[Exhibit]:
    """Give a page's exhibits for a pass's notes."""
    found = (
        finding.exhibit(notes[name])
        for name, finding in FINDINGS.items()
        if _is_finding(name, notes.get(name))
    )
    return [exhibit for exhibit in found if exhibit is not None]


def plain_notes(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Give the notes that are no findings."""
    return {
        name: note
        for name, note in notes.items()
        if name not in FINDINGS or (note and not _is_finding(name, note))
    }
