"""The candidates that `quantize` tried, and which it chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Presentation, Quantity, Row, Table, number

SHOWN = 12
"""Candidates that have a bar; a table holds all of them."""

USUAL = "minmax"
"""The setting of other tools: the smallest and the largest value seen, and nothing else."""


def _candidates(note: Note) -> list[Mapping[str, Any]]:
    """Give those that have an error, the best first."""
    found = [candidate for candidate in note.get("candidates", []) if number(candidate, "error") is not None]
    return sorted(found, key=lambda candidate: float(candidate["error"]))


def _usual(note: Note) -> float | None:
    return next((number(c, "error") for c in _candidates(note) if c.get("setting") == USUAL), None)


def _seconds(note: Note) -> float | None:
    whole = number(note, "seconds")
    own = [number(candidate, "seconds") for candidate in note.get("candidates", [])]
    known = [seconds for seconds in own if seconds is not None]
    return whole if whole is not None or not known else sum(known)


def lines(note: Note) -> list[str]:
    """Say what was chosen, how much better it is than the usual way, and what the search took."""
    if "chosen" not in note:
        return []
    error, usual, seconds = number(note, "error"), _usual(note), _seconds(note)
    parts = [f"auto: {note['chosen']}"]
    if error is not None:
        against = f" ({USUAL} {usual:.3g})" if usual is not None and note["chosen"] != USUAL else ""
        parts.append(f"error {error:.3g}{against}")
    count = len(note.get("candidates", []))
    tried = f"{count} candidate{'s' if count != 1 else ''}"
    said = "; ".join([*parts, tried if seconds is None else f"{tried}, {seconds:.0f} s"])
    return [said, *_failures(note)]


def _failed(note: Note) -> list[Mapping[str, Any]]:
    """Give the settings that gave no file that could be used."""
    return [failed for failed in note.get("failed", []) if isinstance(failed, Mapping)]


def _failures(note: Note) -> list[str]:
    """Say how many settings failed, and why the first did."""
    failed = _failed(note)
    if not failed:
        return []
    count = f"{len(failed)} setting{'s' if len(failed) != 1 else ''}"
    first = f"{failed[0].get('setting', '?')}: {failed[0].get('reason', '?')}"
    return [f"auto: {count} could not be used and {'were' if len(failed) != 1 else 'was'} left out; {first}"]


def exhibit(note: Note) -> Exhibit | None:
    """Draw the best candidates, the usual way among them, and list all."""
    found = _candidates(note)
    if not found:
        return None
    shown = found[:SHOWN] + [c for c in found[SHOWN:] if c.get("setting") in (USUAL, note.get("chosen"))]
    bars = tuple(
        Bar(
            label=str(candidate.get("setting", "?")),
            values=(number(candidate, "error"),),
            marked=candidate.get("setting") == note.get("chosen"),
        )
        for candidate in shown
    )
    rows = tuple(
        Row(
            cells=(
                str(candidate.get("setting", "?")),
                Quantity(number(candidate, "error"), "error"),
                Quantity(number(candidate, "seconds"), "s"),
            ),
            marked=candidate.get("setting") == note.get("chosen"),
        )
        for candidate in found
    )
    table = Table(headings=("setting", "error", "time"), rows=rows, summary=f"all {len(rows)} candidates")
    return Exhibit(
        title="candidates",
        text=(_sentence(note, found), *_failures(note)),
        parts=(
            Bars(bars=bars, unit="error", legend="output error against the float model; shorter is better"),
            table,
            *_table_of_failures(note),
        ),
    )


def _table_of_failures(note: Note) -> list[Table]:
    rows = tuple(
        Row(cells=(str(failed.get("setting", "?")), str(failed.get("reason", "?"))))
        for failed in _failed(note)
    )
    summary = f"all {len(rows)} settings that could not be used"
    return [Table(headings=("setting", "reason"), rows=rows, summary=summary)] if rows else []


def _sentence(note: Note, found: list[Mapping[str, Any]]) -> str:
    on = f" on {note['held_out']} held-out calibration samples" if "held_out" in note else ""
    text = f"{len(found)} settings were measured{on}; chosen: {note.get('chosen', '?')}."
    error, usual = number(note, "error"), _usual(note)
    if error is None or not usual:
        return text
    simpler = " A simpler setting is taken where a better one is better by a hundredth at most."
    share = 1 - error / usual
    less = f" Its error is {100 * share:.0f} % below that of {USUAL}." if share >= 0.005 else ""
    return text + less + (simpler if float(found[0]["error"]) < error else "")


PRESENTATION = Presentation(lines=lines, exhibit=exhibit)
