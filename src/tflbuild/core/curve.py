"""The curve of a training: loss, learning rate and images a second by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tflbuild.core.form import NUMBER as ANY_NUMBER
from tflbuild.core.form import (
    Malformed,
    called,
    check,
    fields,
    list_of,
    maybe,
    number,
    whole,
)

NOTE = "training_curve"
"""Name under which a stored result keeps the curve, beside what the pass noted."""

KEPT = 200
"""Points of a curve that is kept; more cannot be told apart on a page."""

HELD = 20 * KEPT
"""Points that are held while a training goes on."""


class Point(NamedTuple):
    """One point of a curve: all that is known behind a step of a training.

    Attributes:
        step: steps that are done, from 1.
        loss: of that step.
        learning_rate: of that step.
        images_per_second: samples a second since the point before; None where there is none, since the first step
            compiles the graph.
        epoch: passes over the training split that are done; None where nobody says.
    """

    step: int
    loss: float
    learning_rate: float
    images_per_second: float | None = None
    epoch: float | None = None


POINT = {
    "step": whole(1),
    "loss": ANY_NUMBER,
    "learning_rate": number(0),
    "images_per_second": maybe(number(0)),
    "epoch": maybe(number(0)),
}
"""Fields of a point."""

CURVE = called("curve", fields({name: list_of(form) for name, form in POINT.items()}))
"""A curve: each field of its points is a list."""


class Curve:
    """The points of a running training; whenever there are too many, every other point is dropped."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def add(self, point: Point) -> None:
        """Put a point last."""
        self.points.append(point)
        if len(self.points) > HELD:
            self.points = self.points[::2]

    def to_json(self) -> dict[str, list[Any]] | None:
        """Give at most `KEPT` points, always the first and the last, as a mapping of lists; None for no training."""
        if not self.points:
            return None
        columns = zip(*thinned(self.points), strict=True)
        return {name: list(column) for name, column in zip(Point._fields, columns, strict=True)}


def thinned(points: Sequence[Point], most: int = KEPT) -> list[Point]:
    """Give some of the points, evenly spread, the first and the last among them.

    >>> [point.step for point in thinned([Point(step, 0.0, 0.0) for step in range(1, 8)], 4)]
    [1, 3, 5, 7]
    """
    if len(points) <= most:
        return list(points)
    return [points[round(number * (len(points) - 1) / (most - 1))] for number in range(most)]


def curve_of(kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the curve that a stored result keeps; None where its pass does not train, or was run before curves were."""
    found = kept.get(NOTE)
    if not isinstance(found, dict):
        return None
    try:
        check(found, CURVE)
    except Malformed:
        return None  # a note of a plugin's pass that has the same name, or a damaged one
    return found


def points_of(curve: Mapping[str, Sequence[Any]] | None) -> list[Point]:
    """Give the points of a report's curve."""
    if not curve:
        return []
    return [Point(*values) for values in zip(*(curve[name] for name in Point._fields), strict=False)]
