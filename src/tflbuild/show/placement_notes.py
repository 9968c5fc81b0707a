"""Notes on placements: the operators that devices leave for one reason, numbered for a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain

MOST_NAMES = 3
"""Kinds of operators that a line names."""
MOST_RUNS = 6
"""Stretches of operators that a note names."""


class Note(NamedTuple):
    """Operators that devices leave for one reason.

    Attributes:
        number: what the table calls it.
        devices: names of the targets.
        operators: which operators, in words.
        reason: to complete "it ".
        cure: what would help; "" where nothing is known.
    """

    number: int
    devices: tuple[str, ...]
    operators: str
    reason: str
    cure: str


def notes_of(devices: Sequence[Mapping[str, Any]]) -> dict[Note, list[int]]:
    """Number the reasons, each with the devices and the indices of the operators that stay for it."""
    left: dict[tuple[str, str, str], dict[int, str]] = {}
    for row in zip(*(one["operators"] for one in devices), strict=True):
        for device, one in zip(devices, row, strict=True):
            if not one["on"]:
                key = (str(device["device"]), str(one["reason"]), str(one["cure"]))
                left.setdefault(key, {})[one["index"]] = one["name"]
    shared: dict[tuple[str, str, tuple[int, ...]], list[str]] = {}
    for (name, reason, cure), those in left.items():
        shared.setdefault((reason, cure, tuple(those)), []).append(name)
    found = {}
    for number, ((reason, cure, indices), names) in enumerate(shared.items(), 1):
        which = _which(left[names[0], reason, cure])
        found[Note(number, tuple(names), which, reason, cure)] = [*indices]
    return found


def numbers_of(notes: Mapping[Note, Iterable[int]]) -> dict[tuple[str, int], int]:
    """Give the number of the note of each device and operator."""
    return {
        (device, index): note.number
        for note, indices in notes.items()
        for device in note.devices
        for index in indices
    }


def _which(operators: Mapping[int, str]) -> str:
    """Name operators, given by their indices."""
    runs: list[list[int]] = []
    for index in operators:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    places = first_of([range_of(first, last) for first, last in runs], MOST_RUNS)
    names = first_of(sorted({plain(name) for name in operators.values()}), MOST_NAMES)
    return f"{'operator' if len(operators) == 1 else 'operators'} {places} ({names})"


def range_of(first: int, last: int) -> str:
    """Write a stretch of indices.

    >>> range_of(3, 3), range_of(3, 5)
    ('3', '3-5')
    """
    return str(first) if first == last else f"{first}-{last}"


def first_of(texts: Sequence[object], most: int) -> str:
    """List the first of some texts, with dots where there are more."""
    return ", ".join([*map(str, texts[:most]), *(["..."] if len(texts) > most else [])])


def note_lines(notes: Iterable[Note]) -> Iterator[str]:
    """Say each note in a line, its cure in another, and end with an empty line where there is any."""
    some = False
    for note in notes:
        some = True
        yield f"[{note.number}] {', '.join(map(plain, note.devices))}, {note.operators}: it {plain(note.reason, 600)}"
        if note.cure:
            yield f"    cure: {plain(note.cure, 300)}"
    if some:
        yield ""
