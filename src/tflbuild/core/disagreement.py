"""Answers of two models about the same samples, and how much they differ, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tflbuild.core.answer import Answer

BASE, MODEL, TRUTH = "base", "model", "truth"
"""Names of the two models, and of what is right."""

Arrays = Mapping[str, Any]
"""Predictions or the truth of a split, as `tflbuild.core.task.Task.collected` and `truth` give them."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The answers of two models about one sample.

    Attributes:
        truth: what is right; None where nobody knows.
        base: what the first model says, as far as it is shown.
        model: what the second says, likewise.
        alone: places of answers that the other model does not give, by the model's name.
        note: what the disagreement comes to, a few words.
        outputs: values of each output by name, of the first model and of the second, where they mean nothing else.
    """

    truth: tuple[Answer, ...] | None = None
    base: tuple[Answer, ...] = ()
    model: tuple[Answer, ...] = ()
    alone: Mapping[str, tuple[int, ...]] | None = None
    note: str = ""
    outputs: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Two models on the samples of a split.

    Attributes:
        distances: (samples,) float64, 0 where both say the same.
        differ: (samples,) bool, whether somebody who uses the answers would notice.
        what: what differs of those, e.g. "another class comes first".
        said: gives what is said of the sample at a place.
    """

    distances: Any
    differ: Any
    what: str
    said: Callable[[int], Said]


class Compared(NamedTuple):
    """Predictions of two models that a task compares.

    Attributes:
        base: predictions of the first model.
        model: predictions of the second.
        truth: of the split; {} of `labels` where nobody knows what is right.
        labels: names of the classes, by index.
        logits: names of the models whose scores are logits.
    """

    base: Arrays
    model: Arrays
    truth: Arrays
    labels: Sequence[str]
    logits: frozenset[str] = frozenset()
