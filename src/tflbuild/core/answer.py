"""Answers of a model about one sample, for people."""

from __future__ import annotations

from dataclasses import dataclass


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
    box: tuple[float, float, float, float] | None = None
