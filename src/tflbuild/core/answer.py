"""Answers of a model about one sample, for people; and what is right."""

from __future__ import annotations

from dataclasses import dataclass

Corners = tuple[float, float, float, float]
"""A box: (ymin, xmin, ymax, xmax) in 0..1 of a picture."""


Point = tuple[float, float]
"""A point: (y, x) in 0..1 of a picture."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One object, one class or one number of a whole sample, or one point of an object.

    Attributes:
        label: name of the class, of the number or of the point.
        score: in 0..1; 1 for a number, of which nobody knows how sure it is.
        box: (ymin, xmin, ymax, xmax) in 0..1 of a picture; None for what is said of the whole sample.
        value: the number, in the units of the data; None for classes, objects and points.
        point: (y, x) in 0..1 of a picture; None for all but points.
    """

    label: str
    score: float
    box: Corners | None = None
    value: float | None = None
    point: Point | None = None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One object that is there, or what an annotation says of a whole sample, or one point.

    Attributes:
        label: name of the class, of the number or of the point.
        box: as in `Answer`.
        value: likewise.
        point: likewise.
    """

    label: str
    box: Corners | None = None
    value: float | None = None
    point: Point | None = None
