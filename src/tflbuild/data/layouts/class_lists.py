"""Lists of classes as they lie beside data: which number means which class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import json_text
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.text_file import decoded
from tflbuild.data.layouts import label_maps

MOST_BYTES = 1 << 22
LARGEST_NUMBER = 100_000

NUMBERED = re.compile(r"^(\d{1,6})(\s*[:,;\t]\s*|\s+)(\S.*)$")

USUAL = re.compile(
    r"^(obj\.names|_darknet\.labels|classes\.txt|classes\.names|labels\.txt|class_names\.txt|labels\.names|"
    r"predefined_classes\.txt|coco\.names|voc\.names)$",
    re.IGNORECASE,
)
"""Usual names of a list with a class per line."""

BACKGROUND = "background"


class ClassList(NamedTuple):
    """Classes by their numbers.

    Attributes:
        source: the file that lists them, relative to the root.
        names: by number.
        also: further words for a class, e.g. what a label map calls it besides its name, with its number.
    """

    source: str
    names: Mapping[int, str]
    also: Mapping[str, int] = {}

    def numbers(self) -> dict[str, int]:
        """Give the number of every word for a class."""
        return dict(self.also) | {name: number for number, name in self.names.items()}

    def ordered(self) -> list[str]:
        """Give the names in the order of their numbers."""
        return [self.names[number] for number in sorted(self.names)]

    def evidence(self) -> str:
        """Say where the classes are listed, and which numbers have none."""
        gaps = [n for n in range(min(self.names), max(self.names)) if n not in self.names]
        some = ", ".join(map(str, gaps[:5])) + (", ..." if len(gaps) > 5 else "")
        return f"'{plain(self.source)}' numbers them" + (f"; no class has {some}" if gaps else "")


def read(path: Path, root: Path) -> ClassList:
    """Read a list of classes: a label map, JSON, or text with a class a line, numbered or not.

    Raises:
        DataError: it cannot be read, gives two names to one number, or one name to two.
    """
    name = path.relative_to(root).as_posix()
    try:
        content = read_regular(path, MOST_BYTES)
        if path.suffix.lower() == ".pbtxt":
            return _of_label_map(decoded(content), name)
        rows = (
            _of_json(json_text.parse(content))
            if path.suffix.lower() == ".json"
            else _of_lines(decoded(content))
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"data.root: {plain(name)} cannot be read as a list of classes: {reason}.") from error
    return ClassList(name, numbered(rows, name))


def numbered(rows: Iterable[tuple[int, str]], source: str) -> dict[int, str]:
    """Give names by number.

    Raises:
        DataError: a number has two names, a name two numbers, or there is none.
    """
    names: dict[int, str] = {}
    numbers: dict[str, int] = {}
    for number, name in rows:
        if not name.strip() or not _is_text(name) or not 0 <= number <= LARGEST_NUMBER:
            raise DataError(
                f"data.root: {plain(source)} lists class {number} as '{plain(name)}'; expected a name."
            )
        if names.setdefault(number, name) != name:
            raise DataError(
                f"data.root: {plain(source)} gives the number {number} to '{plain(names[number])}' and to "
                f"'{plain(name)}'; a number must mean one class."
            )
        if numbers.setdefault(name, number) != number:
            raise DataError(
                f"data.root: {plain(source)} gives the numbers {numbers[name]} and {number} to '{plain(name)}'; a "
                f"class must have one number."
            )
    if not names:
        raise DataError(f"data.root: {plain(source)} lists no classes.")
    return names


def _of_lines(text: str) -> Iterator[tuple[int, str]]:
    """Read a class a line, numbered or not; "30 km/h" is a name, unless all lines count from 0 or 1."""
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    found = [match for line in lines if line and (match := NUMBERED.match(line))]
    if not found or len(found) < sum(map(bool, lines)):
        return iter(list(enumerate(lines)))
    numbers = [int(match[1]) for match in found]
    said = all(match[2].strip() for match in found)
    if said or any(numbers == list(range(first, first + len(numbers))) for first in (0, 1)):
        return ((int(match[1]), match[3]) for match in found)
    return iter(list(enumerate(lines)))


def _of_json(value: Any) -> Iterator[tuple[int, str]]:
    """Read a list of names, or a mapping of numbers and names either way round."""
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return iter(list(enumerate(value)))
    if not isinstance(value, Mapping) or not value:
        raise ValueError("it is not a list of names")
    if all(isinstance(name, str) and number.isdecimal() for number, name in value.items()):
        return ((int(number), name) for number, name in value.items())
    if all(type(number) is int for number in value.values()):
        return ((number, name) for name, number in value.items())
    raise ValueError("it is not a mapping of numbers and names")


def _of_label_map(text: str, source: str) -> ClassList:
    items = label_maps.items(text)
    names = numbered(((item.number, item.shown) for item in items), source)
    also: dict[str, int] = {}
    for item in items:
        if item.name and also.setdefault(item.name, item.number) != item.number:
            raise DataError(
                f"data.root: {plain(source)} gives the numbers {also[item.name]} and {item.number} to "
                f"'{plain(item.name)}'; a class must have one number."
            )
    return ClassList(source, names, also)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name.isprintable()
