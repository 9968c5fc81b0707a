"""Tables of numbers: a file and its values a line, as regression reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF
from tflbuild.data.layouts import tables
from tflbuild.data.layouts.table_columns import NAMES, split_of
from tflbuild.data.layouts.table_files import NO_TRUTH, candidates

MOST_COLUMNS = 1 << 10


class Line(NamedTuple):
    """One line of a table.

    Attributes:
        number: from 1, as editors count.
        source: the table, for messages.
        name: of the file, as it is written.
        values: the numbers.
        split: that a column says; "" for none.
    """

    number: int
    source: str
    name: str
    values: tuple[float, ...]
    split: str


class Tabled(NamedTuple):
    """The lines of every split, "" for those of which nothing says it, and the names of their values."""

    names: tuple[str, ...]
    lines: dict[str, list[Line]]


def read(root: Path, shown: str, file_column: str | None, columns: Sequence[str] | None) -> Tabled:
    """Read the tables of a folder, or one table.

    Args:
        root: the folder, or the table.
        shown: as the recipe has it.
        file_column: the name of the column of files; None to recognise it.
        columns: names of those of the values; None for all others that hold nothing but numbers.

    Raises:
        DataError: there is no table, a column is missing, or a value is no number; names the line.
    """
    paths = (
        [root] if root.is_file() else [path for path in candidates(root) if not NO_TRUTH.search(path.name)]
    )
    if not paths:
        raise DataError(f"data.root: '{plain(shown)}' has no table (.csv or .tsv) of files and their values.")
    names: tuple[str, ...] | None = tuple(columns) if columns is not None else None
    lines: dict[str, list[Line]] = {}
    for path in paths:
        source = path.name if path == root else path.relative_to(root).as_posix()
        table = _Table(path, source, file_column)
        names = names or table.numbers()
        said = "" if path == root else _split_in(source)
        for line in table.lines(names):
            lines.setdefault(line.split or said, []).append(line)
    assert names is not None
    if not any(lines.values()):
        raise DataError(f"data.root: '{plain(shown)}' has no line below the names of its columns.")
    return Tabled(names, lines)


def _split_in(name: str) -> str:
    """Tell the split by a table's name or that of its folder; "" where neither says."""
    said = {SPLIT_OF[word] for word in re.findall(r"[a-z]+", name.lower()) if word in SPLIT_OF}
    return said.pop() if len(said) == 1 else ""


class _Table:
    """One table, whose first line names its columns."""

    def __init__(self, path: Path, source: str, file_column: str | None) -> None:
        self._source = source
        try:
            (_, first), *self._rows = tables.read(path).rows
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"data.root: {plain(source)} cannot be read as a table: {reason}.") from error
        self._names = first
        self._file = self._found(file_column) if file_column else self._usual("file", "data.file_column")
        splits = [place for place, name in enumerate(first) if _word(name) in NAMES["split"]]
        self._split = splits[0] if splits else -1

    def _usual(self, meaning: str, option: str) -> int:
        found = [place for place, name in enumerate(self._names) if _word(name) in NAMES[meaning]]
        if len(found) == 1:
            return found[0]
        there = ", ".join(plain(name, 40) for name in self._names[:15])
        several = " and ".join(f"'{plain(self._names[place], 40)}'" for place in found[:2])
        why = f"both {several} may be" if found else "none is"
        raise DataError(
            f"data.root: {plain(self._source)}: of the columns {there} {why} that of files; say it with {option}."
        )

    def _found(self, name: str) -> int:
        if self._names.count(name) != 1:
            there = ", ".join(plain(one, 40) for one in self._names[:15])
            how = "no" if name not in self._names else "several"
            raise DataError(
                f"data.root: {plain(self._source)} has {how} column '{plain(name, 40)}'; there are {there}."
                f"{did_you_mean(name, self._names)}"
            )
        return self._names.index(name)

    def numbers(self) -> tuple[str, ...]:
        """Name the columns that hold nothing but numbers.

        Raises:
            DataError: there is none; says the first value that is no number.
        """
        others = [place for place in range(len(self._names)) if place not in (self._file, self._split)]
        fit = [
            place for place in others if all(_number(_at(row, place)) is not None for _, row in self._rows)
        ]
        if not fit:
            said = next(
                (
                    f"; line {line} has '{plain(_at(row, place), 40)}' in '{plain(self._names[place], 40)}'"
                    for place in others
                    for line, row in self._rows
                    if _number(_at(row, place)) is None
                ),
                "",
            )
            raise DataError(f"data.root: {plain(self._source)} has no column of numbers alone{said}.")
        return tuple(self._names[place] for place in fit[:MOST_COLUMNS])

    def lines(self, names: Sequence[str]) -> list[Line]:
        """Give every line.

        Raises:
            DataError: a value is no number, a file is not named, or a split is none.
        """
        places = [self._found(name) for name in names]
        return [self._line(number, row, names, places) for number, row in self._rows]

    def _line(self, number: int, row: Sequence[str], names: Sequence[str], places: Sequence[int]) -> Line:
        where = f"data.root: {plain(self._source)}, line {number}"
        values = []
        for name, place in zip(names, places, strict=True):
            value = _number(_at(row, place))
            if value is None:
                given = _at(row, place)
                said = f"'{plain(given, 40)}', which is no finite number" if given else "nothing"
                raise DataError(f"{where}: '{plain(name, 40)}' is {said}.")
            values.append(value)
        name = _at(row, self._file)
        if not name:
            raise DataError(f"{where}: it names no file.")
        split = split_of(_at(row, self._split)) if self._split >= 0 else ""
        if split is None:
            raise DataError(
                f"{where}: '{plain(_at(row, self._split), 40)}' is no split; expected train, val or test."
            )
        return Line(number, self._source, name, tuple(values), split)


def _word(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _at(row: Sequence[str], place: int) -> str:
    return row[place] if 0 <= place < len(row) else ""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def once(lines: list[Line], keys: Sequence[str], dropped: list[Dropped]) -> list[int]:
    """Give the places of lines that are used: of a file with two lines of other values, none.

    Args:
        lines: of one split.
        keys: of the file of each line.
        dropped: gains what is left out.
    """
    by_file: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        by_file.setdefault(key, []).append(place)
    kept = []
    for key, places in by_file.items():
        said = {lines[place].values for place in places}
        if len(said) > 1:
            both = " and ".join(str(lines[place].number) for place in places[:2])
            dropped.append(
                Dropped(lines[places[0]].source, f"{key} has other values in lines {both}: not used")
            )
            continue
        kept.append(places[0])
        dropped += [
            Dropped(lines[place].source, f"line {lines[place].number} ({key}) appears twice: used once")
            for place in places[1:]
        ]
    return sorted(kept)
