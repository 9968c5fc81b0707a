"""Points of an object: how an annotation holds them, and which change places in a mirror.

An annotation of K points is an array (K + 2, 4) float64. Row k has y and x in 0..1 of the picture, the visibility as
COCO has it (0 not marked, 1 hidden, 2 seen), and the point's sigma. Then come height and width of the picture and
the object's area, in its pixels, and 0; and last the part of the photo that the picture is, ymin, xmin, ymax, xmax in
0..1, which is all of it for most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EXTRA = 2
"""Rows of an annotation behind those of its points."""

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}


def mirrored(names: Sequence[str]) -> tuple[int, ...]:
    """Give for each point the one whose place it takes in a mirror: left ones take that of their right ones.

    Sides are words of a name: left and right, or l and r; a point without one stays itself.

    Raises:
        ValueError: a point has no twin, e.g. "'left_eye' has no twin 'right_eye'".

    >>> mirrored(("nose", "left_eye", "right_eye")), mirrored(("tip", "leftover"))
    ((0, 2, 1), (0, 1))
    """
    places = {name.lower(): place for place, name in enumerate(names)}
    found = []
    for place, name in enumerate(names):
        twin = _twin(name.lower())
        if twin is not None and twin not in places:
            raise ValueError(f"'{name}' has no twin '{twin}'")
        found.append(place if twin is None else places[twin])
    return tuple(found)


def _twin(name: str) -> str | None:
    """Give the name with its side changed; None for one without a side."""
    words = re.split(r"([\W_]+)", name)
    sides = [place for place, word in enumerate(words) if word in _SIDES]
    if len(sides) != 1:
        return None
    words[sides[0]] = _SIDES[words[sides[0]]]
    return "".join(words)
