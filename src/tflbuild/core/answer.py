"""Answers of a model about one sample, for people; and what is right."""

from __future__ import annotations

from dataclasses import dataclass

Corners = tuple[float, float, float, float]
"""A box: (ymin, xmin, ymax, xmax) in 0..1 of a picture."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One object, or one class of a whole sample.

    Attributes:
        label: name of the class.
        score: in 0..1.
        box: (ymin, xmin, ymax, xmax) in 0..1 of a picture; None for what is said of the whole sample.
    """

    label: str
    score: float
    box: Corners | None = None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One object that is there, or the class of a whole sample, as an annotation says.

    Attributes:
        label: name of the class.
        box: as in `Answer`.
    """

    label: str
    box: Corners | None = None
