"""Notes of passes, whole: what a terminal tells of them, what a page draws, and what it shows as it is."""

from __future__ import annotations

from typing import Any

import pytest

import altered
import noted
from tflbuild.show.findings.notes import FINDINGS, exhibits_of, lines_of, plain_notes


@pytest.mark.parametrize("name", FINDINGS)
def test_notes_that_lack_keys_are_told_as_far_as_they_go(name: str) -> None:
    whole = noted.NOTES[name]
    entries: Any = ({}, {"layers": [{}]}, {"candidates": [{}, {"error": 0.1}], "chosen": "a"}, {"kept": [{}]})
    broken = [[], [{}], [{"ok": True}]] if isinstance(whole, list) else entries
    for note in (*broken, whole):
        FINDINGS[name].lines(note)
        FINDINGS[name].exhibit(note)


def test_other_notes_are_shown_as_they_are() -> None:
    assert plain_notes(noted.NOTES) == {"loss": 1.5}
    # the page has a section for what was recognised
    assert len(exhibits_of(noted.NOTES)) == len(FINDINGS) - 1
    assert lines_of({"loss": 1.5, "auto": {}, "islands": []}) == []


def test_a_note_that_is_no_finding_is_shown_as_it_is() -> None:
    for changed in altered.every(noted.NOTES, 150):
        lines_of(changed)
        exhibits_of(changed)
        plain_notes(changed)
    assert plain_notes({"auto": "text", "sparsity": 0.5}) == {"auto": "text", "sparsity": 0.5}


def test_names_from_a_file_reach_a_terminal_without_what_it_would_obey() -> None:
    entry = {"what": "outputs\x1b[2J", "value": "softmax\n", "evidence": "layer '\u202eevil'"}
    island = {"operator": "ELU", "tensor": "x\x1b]0;", "dtype": "float32", "reason": "none"}
    (recognised, kept) = lines_of({"recognised": [entry], "islands": [island]})
    assert (recognised + kept).isprintable()
