"""Decisions by a score: how many answers are right at each threshold, and which classes are confused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

NOTHING = "nothing"
"""Name of the row of what is not an object, and of the column of objects that were not found."""


class Decided(NamedTuple):
    """Predictions of one model that are held against the truth.

    Attributes:
        model: predictions, see `tflbuild.evaluation.arrays`.
        truth: of the same samples.
        labels: names of the data's classes, by index.
        logits: whether scores are logits.
    """

    model: Mapping[str, Any]
    truth: Mapping[str, Any]
    labels: Sequence[str]
    logits: bool = False


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often each class was taken for which.

    Attributes:
        rows: what is right.
        columns: what the model says.
        counts: (rows, columns) int64.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    counts: Any


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Answers of a model, counted from each threshold on.

    Attributes:
        what: what counts as an answer, and as a right one; a sentence.
        made: (thresholds,) int64, answers whose score is the threshold or more.
        right: (thresholds,) int64, the right ones among them.
        wanted: how many right answers there could be.
        confusion: gives which class was taken for which, by the answers from a score on.
        by_score: whether the confusion depends on that score.
    """

    what: str
    made: Any
    right: Any
    wanted: int
    confusion: Callable[[float], Confusion]
    by_score: bool
