"""Where the operators of a file run, device by device: one table for the terminal, the page and Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from tflbuild.core.amount import amount
from tflbuild.core.exhibit import Exhibit, Row, Table
from tflbuild.core.plain_text import plain

SAID_BY: Mapping[str, str] = {
    "rules": "a prediction by rules",
    "compiler": "as the compiler placed them",
    "measured": "as measured",
}
MOST_NAMES = 3
"""Kinds of operators that a line names."""


class Left(NamedTuple):
    """Operators that a device leaves for one reason.

    Attributes:
        device: name of the target.
        reason: to complete "it ".
        cure: what would help; "" where nothing is known.
    """

    device: str
    reason: str
    cure: str


class Stretch(NamedTuple):
    """Neighbouring operators that every device treats alike.

    Attributes:
        first: index of the first.
        last: index of the last.
        names: how many there are of each kind.
        left: by device why it leaves them; None where it runs them.
    """

    first: int
    last: int
    names: Mapping[str, int]
    left: tuple[Left | None, ...]

    @property
    def indices(self) -> str:
        """Write which operators they are."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def said(self) -> str:
        """Name the operators."""
        if self.first == self.last:
            return plain(next(iter(self.names)))
        kinds = sorted(self.names, key=lambda name: -self.names[name])
        more = ", ..." if len(kinds) > MOST_NAMES else ""
        return f"{self.last - self.first + 1} operators: {', '.join(map(plain, kinds[:MOST_NAMES]))}{more}"


@dataclass(frozen=True)
class Placements:
    """Placements of one file.

    Attributes:
        file: as the user named it.
        size: of the file. [bytes]
        devices: placements as JSON, in the order in which the devices were named.
    """

    file: str
    size: int
    devices: Sequence[Mapping[str, Any]]

    def stretches(self, *, whole: bool = False) -> list[Stretch]:
        """Join neighbours that every device treats alike, unless each operator is wanted."""
        rows = list(zip(*(one["operators"] for one in self.devices), strict=True))
        kinds = [tuple(map(self._left, self.devices, row)) for row in rows]
        found = []
        for _, group in groupby(range(len(rows)), key=lambda place: (kinds[place], place if whole else 0)):
            places = list(group)
            names = Counter(rows[place][0]["name"] for place in places)
            ends = (rows[places[0]][0]["index"], rows[places[-1]][0]["index"])
            found.append(Stretch(*ends, names, kinds[places[0]]))
        return found

    def lines(self, *, whole: bool = False) -> list[str]:
        """Say it in lines for a terminal.

        Args:
            whole: give every operator a line.
        """
        stretches = self.stretches(whole=whole)
        notes = _notes(stretches)
        cells = [
            ["", *(plain(one["device"]) for one in self.devices)],
            *([f"{one.indices:>7}  {one.said}", *_marks(one, notes)] for one in stretches),
            ["operators", *(f"{one['delegated']} of {one['total']}" for one in self.devices)],
        ]
        if any(one["macs_coverage"] is not None for one in self.devices):
            cells.append(["multiply-accumulates", *(_share(one["macs_coverage"]) for one in self.devices)])
        return [*_aligned(cells), "", *_note_lines(notes), *self._sources()]

    def exhibit(self) -> Exhibit:
        """Draw it for a page."""
        stretches = self.stretches()
        notes = _notes(stretches)
        rows = [Row(cells=(one.indices, *_marks(one, notes), one.said)) for one in stretches]
        headings = ("operators", *(str(one["device"]) for one in self.devices), "kind")
        text = (*self._sources(), *(line.strip() for line in _note_lines(notes) if line))
        return Exhibit(
            title="Where operators run", parts=(Table(headings=headings, rows=tuple(rows)),), text=text
        )

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild check --json` prints."""
        return {"file": self.file, "bytes": self.size, "devices": [dict(one) for one in self.devices]}

    @staticmethod
    def _left(device: Mapping[str, Any], operator: Mapping[str, Any]) -> Left | None:
        if operator["on"]:
            return None
        return Left(str(device["device"]), str(operator["reason"]), str(operator["cure"]))

    def _sources(self) -> Iterator[str]:
        for one in self.devices:
            date = f", {one['date']}" if one["date"] else ""
            yield f"{plain(one['device'])}: {SAID_BY[one['basis']]} ({plain(one['source'], 300)}{date})"
            yield from (f"{plain(one['device'])}: {plain(text, 500)}" for text in one["remarks"])


def _notes(stretches: Sequence[Stretch]) -> dict[Left, tuple[int, str]]:
    """Number the reasons, each with the operators that stay for it."""
    found: dict[Left, list[Stretch]] = {}
    for stretch in stretches:
        for left in filter(None, stretch.left):
            found.setdefault(left, []).append(stretch)
    return {left: (number, _which(those)) for number, (left, those) in enumerate(found.items(), 1)}


def _which(stretches: Sequence[Stretch]) -> str:
    total = sum(sum(one.names.values()) for one in stretches)
    names = sorted({name for one in stretches for name in one.names})
    said = ", ".join(map(plain, names[:MOST_NAMES])) + (", ..." if len(names) > MOST_NAMES else "")
    places = ", ".join(one.indices for one in stretches[:6]) + (", ..." if len(stretches) > 6 else "")
    return f"{'operator' if total == 1 else 'operators'} {places} ({said})"


def _marks(stretch: Stretch, notes: Mapping[Left, tuple[int, str]]) -> list[str]:
    return ["yes" if left is None else f"no [{notes[left][0]}]" for left in stretch.left]


def _note_lines(notes: Mapping[Left, tuple[int, str]]) -> Iterator[str]:
    for left, (number, which) in notes.items():
        yield f"[{number}] {plain(left.device)}, {which}: it {plain(left.reason, 600)}"
        if left.cure:
            yield f"    cure: {plain(left.cure, 300)}"
    if notes:
        yield ""


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    first = max(len(row[0]) for row in cells)
    widths = [max(len(row[place]) for row in cells) for place in range(1, len(cells[0]))]
    return [
        "  ".join(
            [f"{row[0]:<{first}}", *(f"{cell:<{width}}" for cell, width in zip(row[1:], widths, strict=True))]
        ).rstrip()
        for row in cells
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def headline(made: Placements, macs: int) -> str:
    """Say in a line what the file is.

    Args:
        made: the placements.
        macs: multiply-accumulates of one run.
    """
    from tflbuild.core.file_size import size

    count = made.devices[0]["total"] if made.devices else 0
    work = f", {amount(macs, 'multiply-accumulate')} a sample" if macs else ""
    return f"{plain(made.file)}: {amount(count, 'operator')}{work}, {size(made.size)}"
