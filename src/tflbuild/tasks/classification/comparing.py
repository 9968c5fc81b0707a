"""Where two classifiers disagree: another class first, or other probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import BASE, MODEL, Compared, Disagreement, Said
from tflbuild.tasks.classification.task import SCORES
from tflbuild.tasks.labels import label_of

SHOWN = 3
"""Classes of an answer that are shown."""


def disagreement(given: Compared) -> Disagreement:
    """Compare the scores of two classifiers, as probabilities.

    A distance is that of the two distributions in total variation, half the sum of absolute differences, and 1 more
    where another class comes first.
    """
    base, model = (_probabilities(given, name) for name in (BASE, MODEL))
    first = [scores.argmax(axis=1) for scores in (base, model)]
    flipped = first[0] != first[1]
    right = given.truth.get("labels")

    def said(place: int) -> Said:
        truth = None if right is None else int(right[place])
        return Said(
            truth=None if truth is None else (_answer(given, truth, 1.0),),
            base=_best(given, base[place]),
            model=_best(given, model[place]),
            alone={BASE: (0,), MODEL: (0,)} if flipped[place] else {},
            note=_note(int(first[0][place]), int(first[1][place]), truth),
        )

    distances = np.abs(base - model).sum(axis=1) / 2 + flipped
    return Disagreement(distances=distances, differ=flipped, what="another class comes first", said=said)


def _note(base: int, model: int, truth: int | None) -> str:
    """Say in a few words who is right."""
    if base == model or truth is None:
        return "the same class first" if base == model else "another class first"
    if base == truth:
        return "only the base is right"
    return "only the delivered file is right" if model == truth else "both are wrong"


def _probabilities(given: Compared, name: str) -> npt.NDArray[np.float64]:
    """Give (samples, classes); a class that a model does not know has 0."""
    raw = np.asarray((given.base if name == BASE else given.model)[SCORES], np.float64)
    if name not in given.logits:
        return np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0)
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def _best(given: Compared, scores: npt.NDArray[np.float64]) -> tuple[Answer, ...]:
    order = np.argsort(-scores, kind="stable")[:SHOWN].tolist()
    return tuple(_answer(given, place, float(scores[place])) for place in order)


def _answer(given: Compared, place: int, score: float) -> Answer:
    known = place < len(given.labels) or not given.labels
    label = label_of(given.labels, place) if known else f"class {place}, which the data do not have"
    return Answer(label=label, score=score)
