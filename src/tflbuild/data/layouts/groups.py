"""Splits that keep groups whole, such as all recordings of one speaker."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS

T = TypeVar("T")


def pattern_of(option: str, given: str) -> re.Pattern[str]:
    """Compile a pattern that finds the name of a group in the name of a file.

    Raises:
        DataError: it is no pattern, or has not one pair of brackets.
    """
    try:
        pattern = re.compile(given)
    except re.error as error:
        raise DataError(f"{option}: '{plain(given)}' is no regular expression: {error}.") from error
    if pattern.groups != 1:
        raise DataError(
            f"{option}: '{plain(given)}' has {pattern.groups} pairs of brackets; put one around the name, e.g. "
            f"'([^_]+)_'."
        )
    return pattern


def group_of(option: str, pattern: re.Pattern[str], name: str) -> str:
    """Give the group of a file.

    Args:
        option: for messages.
        pattern: finds it at the beginning of the file's name.
        name: of the file.

    Raises:
        DataError: the name has none.
    """
    found = pattern.match(name)
    if not found or not found[1]:
        raise DataError(f"{option}: '{plain(pattern.pattern)}' finds nothing in the name '{plain(name)}'.")
    return found[1]


def whole_groups(
    items: Sequence[T], group: Callable[[T], str], fractions: Mapping[str, float], seed: int, what: str
) -> dict[str, list[T]]:
    """Give every split whole groups; which ones follows from the seed and their names.

    Args:
        items: of all splits together.
        group: names the group of an item.
        fractions: of test, of all items; and of val, of what is left.
        seed: of the draw.
        what: nouns of groups for messages, e.g. "speakers".

    Raises:
        DataError: there are fewer groups than splits.
    """
    sizes = Counter(map(group, items))
    if len(sizes) < len(SPLITS):
        named = ", ".join(map(plain, sorted(sizes))) or "none"
        raise DataError(
            f"data.root: there are {len(sizes)} {what} ({named}), and train, val and test need one each."
        )
    left = sorted(sizes, key=lambda name: hashlib.sha256(f"groups {seed} {name}".encode()).digest())
    taken: dict[str, str] = {}
    for split, keep in (("test", 2), ("val", 1)):
        wanted = fractions[split] * sum(sizes[name] for name in left)
        count = 0
        while not count or (count < wanted and len(left) > keep):
            name = left.pop(0)
            taken[name], count = split, count + sizes[name]
    parts: dict[str, list[T]] = {split: [] for split in SPLITS}
    for item in items:
        parts[taken.get(group(item), "train")].append(item)
    return parts
