"""Tables of others: CSV by any of the usual delimiters, with a first line of names or without."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular, read_regular
from tflbuild.core.text_file import decoded

DELIMITERS = ",;\t|"
MOST_BYTES = 1 << 28
LOOKED_AT = 50
"""Lines by which a delimiter is chosen."""

BEGINNING = 1 << 16
"""Bytes that are read where the first rows are asked for."""

LONGEST = 1 << 20
"""Characters of a field above which a table is refused."""


class Table(NamedTuple):
    """The rows of a table, the first included.

    Attributes:
        rows: line number and fields of each row that is not empty.
        delimiter: what stands between fields.
    """

    rows: list[tuple[int, list[str]]]
    delimiter: str


def read(path: Path, most: int = 0) -> Table:
    """Read a table.

    Args:
        path: the file.
        most: rows that are read; 0 for all.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no table; the message completes "FILE cannot be read as a table: ".
    """
    text = _beginning(path) if most else decoded(read_regular(path, MOST_BYTES))
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter, most)
    if not rows:
        raise ValueError("it has no line")
    return Table(rows, delimiter)


def _beginning(path: Path) -> str:
    """Give the first lines of a text, whole."""
    check_regular(path)
    with path.open("rb") as file:
        content = file.read(BEGINNING)
    return decoded(content if len(content) < BEGINNING else content[: content.rfind(b"\n") + 1])


def _rows(text: str, delimiter: str, most: int) -> list[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                rows.append((reader.line_num, [field.strip() for field in fields]))
            if len(rows) == most:
                break
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {plain(error)}") from error
    return rows


def _delimiter(text: str) -> str:
    """Choose what parts the first lines into most fields, the same number in each."""
    best, most = ",", (0, 0)
    beginning = "\n".join(text[: 1 << 16].splitlines()[:LOOKED_AT])
    for delimiter in DELIMITERS:
        try:
            counts = [len(fields) for _, fields in _rows(beginning, delimiter, LOOKED_AT)]
        except ValueError:
            continue
        if counts and min(counts) > 1:
            score = (counts.count(counts[0]), min(counts))
            if score > most:
                best, most = delimiter, score
    return best
