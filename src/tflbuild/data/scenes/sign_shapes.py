"""The eight signs, and shapes that are no sign, as little pictures drawn in integer geometry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflbuild.data.scenes.sign_set import CLASSES

SIDE = 128
"""Pixels along the side of a sign's picture."""

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]
Point = tuple[int, int]

RED: Colour = (190, 22, 30)
WHITE: Colour = (242, 242, 240)
BLACK: Colour = (22, 22, 24)
BLUE: Colour = (20, 78, 170)
YELLOW: Colour = (246, 196, 20)

# Twice the distance from the centre, so that the middle of an even side is an integer.
_AXIS = 2 * np.arange(SIDE) - (SIDE - 1)
_Y, _X = _AXIS[:, None], _AXIS[None, :]

OCTAGON: tuple[Point, ...] = (
    (-51, -122), (51, -122), (122, -51), (122, 51), (51, 122), (-51, 122), (-122, 51), (-122, -51),
)  # fmt: skip
UP: tuple[Point, ...] = ((0, -116), (124, 104), (-124, 104))
DOWN: tuple[Point, ...] = ((-124, -104), (124, -104), (0, 116))
DIAMOND: tuple[Point, ...] = ((0, -124), (124, 0), (0, 124), (-124, 0))


def polygon(corners: Sequence[Point], shrink: tuple[int, int] = (1, 1), centre: Point = (0, 0)) -> Mask:
    """Fill a convex polygon.

    Args:
        corners: (x, y) clockwise on the screen, in half pixels from the centre.
        shrink: numerator and denominator by which it is made smaller around `centre`.
        centre: a point inside.
    """
    numerator, denominator = shrink
    inside = np.ones((SIDE, SIDE), bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        # The half-plane right of an edge, in integers scaled by the denominator.
        across = (x1 - x0) * (_Y * denominator - (y0 - centre[1]) * numerator - centre[1] * denominator)
        along = (y1 - y0) * (_X * denominator - (x0 - centre[0]) * numerator - centre[0] * denominator)
        inside &= across - along >= 0
    return inside


def disc(radius: int, centre: Point = (0, 0)) -> Mask:
    """Fill a disc; in half pixels."""
    mask: Mask = (_X - centre[0]) ** 2 + (_Y - centre[1]) ** 2 <= radius * radius
    return mask


def bar(left: int, top: int, right: int, bottom: int) -> Mask:
    """Fill a rectangle; in half pixels from the centre."""
    mask: Mask = (left <= _X) & (right >= _X) & (top <= _Y) & (bottom >= _Y)
    return mask


def _stop() -> list[tuple[Mask, Colour]]:
    words = bar(-84, -26, -50, 26) | bar(-38, -26, -4, 26) | bar(8, -26, 42, 26) | bar(54, -26, 86, 26)
    gaps = bar(-72, -12, -50, -4) | bar(-84, 6, -64, 14) | bar(-38, -10, -28, 26) | bar(-14, -10, -4, 26)
    gaps |= bar(20, -12, 30, 12) | bar(66, 6, 86, 26)
    return [
        (polygon(OCTAGON), WHITE),
        (polygon(OCTAGON, (9, 10)), RED),
        (words & ~gaps, WHITE),
    ]


def _yield() -> list[tuple[Mask, Colour]]:
    return [(polygon(DOWN), RED), (polygon(DOWN, (11, 20), (0, -32)), WHITE)]


def _warning() -> list[tuple[Mask, Colour]]:
    mark = bar(-9, -28, 9, 44) | disc(11, (0, 66))
    return [(polygon(UP), RED), (polygon(UP, (7, 10), (0, 32)), WHITE), (mark, BLACK)]


def _no_entry() -> list[tuple[Mask, Colour]]:
    return [(disc(124), WHITE), (disc(116), RED), (bar(-82, -20, 82, 20), WHITE)]


def _limit() -> list[tuple[Mask, Colour]]:
    digits = (bar(-62, -46, -10, 46) & ~bar(-62, -30, -28, -8) & ~bar(-62, 10, -28, 30)) | (
        bar(8, -46, 62, 46) & ~bar(24, -30, 46, 30)
    )
    return [(disc(124), RED), (disc(92), WHITE), (digits, BLACK)]


def _mandatory() -> list[tuple[Mask, Colour]]:
    head = polygon(((90, 0), (14, 62), (14, -62)))
    return [(disc(124), WHITE), (disc(116), BLUE), (head | bar(-84, -20, 20, 20), WHITE)]


def _priority() -> list[tuple[Mask, Colour]]:
    return [
        (polygon(DIAMOND), BLACK),
        (polygon(DIAMOND, (19, 20)), WHITE),
        (polygon(DIAMOND, (13, 20)), YELLOW),
    ]


def _parking() -> list[tuple[Mask, Colour]]:
    letter = bar(-46, -84, -14, 84) | (disc(54, (4, -30)) & ~disc(24, (4, -30)))
    letter |= bar(-46, -84, 4, -52) | bar(-46, -8, 4, 24)
    return [(bar(-116, -116, 116, 116), WHITE), (bar(-106, -106, 106, 106), BLUE), (letter, WHITE)]


_LAYERS: dict[str, Callable[[], list[tuple[Mask, Colour]]]] = {
    "stop": _stop,
    "yield": _yield,
    "warning": _warning,
    "no_entry": _no_entry,
    "limit": _limit,
    "mandatory": _mandatory,
    "priority": _priority,
    "parking": _parking,
}


PLAIN: tuple[Callable[[], Mask], ...] = (
    lambda: disc(122),
    lambda: bar(-110, -110, 110, 110),
    lambda: bar(-120, -60, 120, 60),
    lambda: bar(-30, -122, 30, 122),
    lambda: polygon(UP),
    lambda: polygon(((-60, -110), (110, -60), (60, 110), (-110, 60))),
    lambda: disc(122) & ~disc(80),
    lambda: bar(-120, -24, 120, 24) | bar(-24, -120, 24, 120),
)
"""Shapes of clutter; a caller gives them one colour."""


class Picture(NamedTuple):
    """A flat picture, ready to be sampled; shared, so never written to.

    Attributes:
        packed: (SIDE + 2, SIDE + 2) uint32, the four bytes of RGBA; transparent around, alpha 0 or 255.
        outline: (points, 2) float64, x and y in -1..1 of the outermost pixels of every row.
    """

    packed: NDArray[np.uint32]
    outline: NDArray[np.float64]


@cache
def sign(label: int) -> Picture:
    """Give a sign's picture."""
    return _picture(_LAYERS[CLASSES[label]]())


@cache
def plain(number: int) -> Picture:
    """Give a white shape of `PLAIN`."""
    return _picture([(PLAIN[number](), (255, 255, 255))])


def _picture(layers: list[tuple[Mask, Colour]]) -> Picture:
    """Paint layers over each other."""
    pixels = np.zeros((SIDE + 2, SIDE + 2, 4), np.uint8)
    for mask, colour in layers:
        pixels[1:-1, 1:-1][mask] = (*colour, 255)
    solid = pixels[1:-1, 1:-1, 3] > 0
    rows = np.flatnonzero(solid.any(axis=1))
    first, last = solid.argmax(axis=1)[rows], SIDE - 1 - solid[:, ::-1].argmax(axis=1)[rows]
    x, y = np.concatenate([first, last]), np.concatenate([rows, rows])
    return Picture(
        pixels.view(np.uint32)[..., 0], np.stack([2 * x - (SIDE - 1), 2 * y - (SIDE - 1)], 1) / SIDE
    )
