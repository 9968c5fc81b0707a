"""Where the operators of a file run, device by device: one table for the terminal, the page and Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.core.exhibit import Exhibit, Row, Table
from tflbuild.core.plain_text import plain
from tflbuild.show.placement_notes import MOST_NAMES, note_lines, notes_of, numbers_of
from tflbuild.show.stretches import Stretch, joined

SAID_BY: Mapping[str, str] = {
    "rules": "a prediction by rules",
    "compiler": "as the compiler placed them",
    "measured": "as measured",
}
MOST_ROWS = 16
"""Rows of a table; where there are more, neighbours that stay for several reasons share one."""
WIDTH = 80
"""Columns that a table fits, as long as there is a kind of operators to leave out."""


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
        numbers = numbers_of(notes_of(self.devices))
        rows = list(zip(*(one["operators"] for one in self.devices), strict=True))
        kinds = [
            tuple(
                None if one["on"] else numbers[str(device["device"]), one["index"]] for device, one in pairs
            )
            for pairs in ([*zip(self.devices, row, strict=True)] for row in rows)
        ]
        names = [(row[0]["index"], row[0]["name"]) for row in rows]
        if whole:
            return joined(names, kinds, list(range(len(rows))))
        alike = joined(names, kinds, kinds)
        if len(alike) <= MOST_ROWS:
            return alike
        return joined(names, kinds, [tuple(number is None for number in kind) for kind in kinds])

    def lines(self, *, whole: bool = False) -> list[str]:
        """Say it in lines for a terminal: the table, an empty line, and what is below.

        Args:
            whole: give every operator a line.
        """
        return [*self.table(whole=whole), "", *self.reasons()]

    def reasons(self) -> list[str]:
        """Say why operators are left, what would cure it, who says so, and what else is known."""
        return [*note_lines(notes_of(self.devices)), *self._remarks()]

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
        text = (*self._remarks(), *(line.strip() for line in note_lines(notes_of(self.devices)) if line))
        return Exhibit(
            title="Where operators run", parts=(Table(headings=headings, rows=tuple(rows)),), text=text
        )

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild check --json` prints."""
        return {"file": self.file, "bytes": self.size, "devices": [dict(one) for one in self.devices]}

    def cures(self) -> list[str]:
        """Give what would help, each once."""
        return [*dict.fromkeys(note.cure for note in notes_of(self.devices) if note.cure)]

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
