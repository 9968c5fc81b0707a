"""Where the operators of a file run, device by device: one table for the terminal, the page and Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
MOST_ROWS = 16
"""Rows of a table; where there are more, neighbours that stay for several reasons share one."""
MOST_RUNS = 6
"""Stretches of operators that a note names."""
MOST_NUMBERS = 3
"""Notes that a cell names."""
WIDTH = 80
"""Columns that a table fits, as long as there is a kind of operators to leave out."""


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


class Stretch(NamedTuple):
    """Neighbouring operators that share a row.

    Attributes:
        first: index of the first.
        last: index of the last.
        names: how many there are of each kind.
        left: by device the numbers of the notes that say why it leaves them; () where it runs them.
    """

    first: int
    last: int
    names: Mapping[str, int]
    left: tuple[tuple[int, ...], ...]

    @property
    def indices(self) -> str:
        """Write which operators they are."""
        return _range(self.first, self.last)

    @property
    def said(self) -> str:
        """Name the operators."""
        return self.naming(MOST_NAMES)

    def naming(self, most: int) -> str:
        """Name the operators, with so many kinds at most."""
        if self.first == self.last:
            return plain(next(iter(self.names)))
        kinds = sorted(self.names, key=lambda name: -self.names[name])
        named = [*map(plain, kinds[:most]), *(["..."] if most and len(kinds) > most else [])]
        return f"{self.last - self.first + 1} operators{': ' if named else ''}{', '.join(named)}"

    @property
    def marks(self) -> list[str]:
        """Write for each device whether it runs them."""
        return ["yes" if not numbers else f"no [{_first(numbers, MOST_NUMBERS)}]" for numbers in self.left]


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
        numbers = _numbers(_notes(self.devices))
        rows = list(zip(*(one["operators"] for one in self.devices), strict=True))
        kinds = [
            tuple(
                None if one["on"] else numbers[str(device["device"]), one["index"]] for device, one in pairs
            )
            for pairs in ([*zip(self.devices, row, strict=True)] for row in rows)
        ]
        names = [(row[0]["index"], row[0]["name"]) for row in rows]
        if whole:
            return _joined(names, kinds, list(range(len(rows))))
        alike = _joined(names, kinds, kinds)
        if len(alike) <= MOST_ROWS:
            return alike
        return _joined(names, kinds, [tuple(number is None for number in kind) for kind in kinds])

    def lines(self, *, whole: bool = False) -> list[str]:
        """Say it in lines for a terminal: the table, an empty line, and what is below.

        Args:
            whole: give every operator a line.
        """
        return [*self.table(whole=whole), "", *self.reasons()]

    def reasons(self) -> list[str]:
        """Say why operators are left, what would cure it, who says so, and what else is known."""
        return [*_note_lines(_notes(self.devices)), *self._remarks()]

    def table(self, *, whole: bool = False) -> list[str]:
        """Draw the table, a column for each device."""
        stretches = self.stretches(whole=whole)
        for most in range(MOST_NAMES, -1, -1):
            drawn = _aligned(self._cells(stretches, most))
            if max(map(len, drawn)) <= WIDTH:
                break
        return drawn

    def overview(self) -> list[str]:
        """Draw a table with a line for each device."""
        cells = [["device", "operators", "multiply-accumulates", "first that it leaves"]]
        for one in self.devices:
            left = next((each for each in one["operators"] if not each["on"]), None)
            cells.append(
                [
                    plain(one["device"]),
                    f"{one['delegated']} of {one['total']}",
                    _share(one["macs_coverage"]),
                    f"{left['index']} {plain(left['name'])}" if left else "",
                ]
            )
        return _aligned(cells)

    def sources(self) -> list[str]:
        """Say of each device who places, and from what."""
        return _together(self._told())

    def exhibit(self) -> Exhibit:
        """Draw it for a page."""
        rows = [Row(cells=(one.indices, *one.marks, one.said)) for one in self.stretches()]
        headings = ("operators", *(str(one["device"]) for one in self.devices), "kind")
        text = (*self._remarks(), *(line.strip() for line in _note_lines(_notes(self.devices)) if line))
        return Exhibit(
            title="Where operators run", parts=(Table(headings=headings, rows=tuple(rows)),), text=text
        )

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild check --json` prints."""
        return {"file": self.file, "bytes": self.size, "devices": [dict(one) for one in self.devices]}

    def cures(self) -> list[str]:
        """Give what would help, each once."""
        return [*dict.fromkeys(note.cure for note in _notes(self.devices) if note.cure)]

    def _cells(self, stretches: Sequence[Stretch], most: int) -> list[list[str]]:
        cells = [
            ["", *(plain(one["device"]) for one in self.devices)],
            *([f"{one.indices:>7}  {one.naming(most)}", *one.marks] for one in stretches),
            ["operators", *(f"{one['delegated']} of {one['total']}" for one in self.devices)],
        ]
        if any(one["macs_coverage"] is not None for one in self.devices):
            cells.append(["multiply-accumulates", *(_share(one["macs_coverage"]) for one in self.devices)])
        return cells

    def _remarks(self) -> list[str]:
        remarks = [
            (plain(one["device"]), plain(text, 500)) for one in self.devices for text in one["remarks"]
        ]
        told = self._told()
        order = [device for device, _ in told]
        return sorted(_together([*told, *remarks]), key=lambda line: order.index(_begins_with(line)))

    def _told(self) -> list[tuple[str, str]]:
        """Say of each device who places."""
        return [
            (
                plain(one["device"]),
                f"{SAID_BY[one['basis']]} ({plain(one['source'], 300)}{', ' if one['date'] else ''}{one['date']})",
            )
            for one in self.devices
        ]


def _begins_with(line: str) -> str:
    """Give the first device that a line is about."""
    return line.partition(": ")[0].partition(", ")[0]


def _together(said: Iterable[tuple[str, str]]) -> list[str]:
    """Say once what is said of several devices."""
    found: dict[str, dict[str, None]] = {}
    for name, text in said:
        found.setdefault(text, {})[name] = None
    return [f"{', '.join(devices)}: {text}" for text, devices in found.items()]


def _notes(devices: Sequence[Mapping[str, Any]]) -> dict[Note, list[int]]:
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


def _numbers(notes: Mapping[Note, Iterable[int]]) -> dict[tuple[str, int], int]:
    """Give the number of the note of each device and operator."""
    return {
        (device, index): note.number
        for note, indices in notes.items()
        for device in note.devices
        for index in indices
    }


def _joined(
    operators: Sequence[tuple[int, str]], left: Sequence[tuple[int | None, ...]], kinds: Sequence[Any]
) -> list[Stretch]:
    """Join neighbours of the same kind."""
    found = []
    for _, group in groupby(range(len(operators)), key=lambda place: kinds[place]):
        places = list(group)
        numbers = zip(*(left[place] for place in places), strict=True)
        found.append(
            Stretch(
                operators[places[0]][0],
                operators[places[-1]][0],
                Counter(operators[place][1] for place in places),
                tuple(tuple(dict.fromkeys(one for one in column if one is not None)) for column in numbers),
            )
        )
    return found


def _which(operators: Mapping[int, str]) -> str:
    """Name operators, given by their indices."""
    runs: list[list[int]] = []
    for index in operators:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    places = _first([_range(first, last) for first, last in runs], MOST_RUNS)
    names = _first(sorted({plain(name) for name in operators.values()}), MOST_NAMES)
    return f"{'operator' if len(operators) == 1 else 'operators'} {places} ({names})"


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _first(texts: Sequence[object], most: int) -> str:
    return ", ".join([*map(str, texts[:most]), *(["..."] if len(texts) > most else [])])


def _note_lines(notes: Iterable[Note]) -> Iterator[str]:
    some = False
    for note in notes:
        some = True
        yield f"[{note.number}] {', '.join(map(plain, note.devices))}, {note.operators}: it {plain(note.reason, 600)}"
        if note.cure:
            yield f"    cure: {plain(note.cure, 300)}"
    if some:
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
