"""Stretches of neighbouring operators that devices treat alike: the rows of a table of placements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.show.placement_notes import MOST_NAMES, first_of, range_of

MOST_NUMBERS = 3
"""Notes that a cell names."""


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
        return range_of(self.first, self.last)

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
        return ["yes" if not numbers else f"no [{first_of(numbers, MOST_NUMBERS)}]" for numbers in self.left]


def joined(
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
