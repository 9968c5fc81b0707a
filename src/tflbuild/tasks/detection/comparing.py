"""Where two detectors disagree: objects that only one of them finds, and other scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.core.amount import amount
from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import BASE, MODEL, Arrays, Compared, Disagreement, Said
from tflbuild.tasks.detection.overlap import intersection_over_union
from tflbuild.tasks.labels import label_of

LEAST_SCORE = 0.3
"""The score from which on a detection is shown, where there are such."""

OVERLAP = 0.5
"""Intersection over union from which on two boxes are of the same object."""

KEPT = 0.5
"""Share of a detection's score that the other model must have for it, to have found it, too."""


SHOWN = 16
"""Detections of a picture that are shown of each model, at most: more would hide the picture."""


class Detections(NamedTuple):
    """Detections of one picture, the surest first.

    Attributes:
        boxes: (detections, 4) float32.
        classes: (detections,) int32.
        scores: (detections,) float32.
    """

    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]


class Apart(NamedTuple):
    """Two models on one picture: their distance, and the places of shown detections that the other does not have."""

    distance: float
    base: tuple[int, ...]
    model: tuple[int, ...]


def disagreement(given: Compared) -> Disagreement:
    """Compare detections picture by picture.

    A distance is the sum, over what either model finds with a score of at least 0.3, of how far off the other's score
    for it is, which is 0 where no box of the same class overlaps by half. A detection is alone where the other model
    has less than half its score.
    """
    least = _least(given)
    apart = [
        _apart(_of(given.base, place), _of(given.model, place), least)
        for place in range(len(given.base["offsets"]) - 1)
    ]

    def said(place: int) -> Said:
        base, model = _of(given.base, place), _of(given.model, place)
        shown = {
            BASE: _shown(base, apart[place].base, least),
            MODEL: _shown(model, apart[place].model, least),
        }
        alone = {BASE: apart[place].base, MODEL: apart[place].model}
        return Said(
            truth=_truth(given, place),
            base=_answers(given.labels, base, shown[BASE]),
            model=_answers(given.labels, model, shown[MODEL]),
            alone={
                name: tuple(k for k, row in enumerate(rows) if row in alone[name])
                for name, rows in shown.items()
            },
            note=_note(given, place, base, model, least),
        )

    return Disagreement(
        distances=np.array([one.distance for one in apart], np.float64),
        differ=np.array([bool(one.base or one.model) for one in apart], bool),
        what="an object is found by only one of the two",
        said=said,
    )


def _least(given: Compared) -> float:
    """Give the score from which on detections are shown: of a model without sure ones, half its best."""
    best = max(
        float(np.nan_to_num(arrays["scores"]).max(initial=0.0)) for arrays in (given.base, given.model)
    )
    return LEAST_SCORE if best >= LEAST_SCORE else best / 2


def _of(arrays: Arrays, place: int) -> Detections:
    start, stop = (int(bound) for bound in arrays["offsets"][place : place + 2])
    rows: Any = slice(start, stop)
    scores = np.nan_to_num(arrays["scores"][rows], nan=0.0)
    order = np.argsort(-scores, kind="stable")
    return Detections(arrays["boxes"][rows][order], arrays["classes"][rows][order], scores[order])


def _apart(base: Detections, model: Detections, least: float) -> Apart:
    there, back = _scores_in(base, model), _scores_in(model, base)
    sure = [found.scores >= least for found in (base, model)]
    one_way = np.abs(base.scores - there)[sure[0]].sum()
    new = sure[1] & (back < least)  # what both find surely was counted in the other direction
    return Apart(
        distance=float(one_way + np.abs(model.scores - back)[new].sum()),
        base=_places(sure[0] & (there < KEPT * base.scores)),
        model=_places(sure[1] & (back < KEPT * model.scores)),
    )


def _places(marks: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(place) for place in np.flatnonzero(marks))


def _scores_in(found: Detections, other: Detections) -> npt.NDArray[np.float32]:
    """Give for each detection the score of the other model's for the same object, each taken once; 0 for none."""
    scores = np.zeros_like(found.scores)
    if not len(found.scores) or not len(other.scores):
        return scores
    overlaps = intersection_over_union(found.boxes[:, None], other.boxes[None])
    overlaps[found.classes[:, None] != other.classes[None]] = 0.0
    for place in range(len(scores)):
        best = int(overlaps[place].argmax())
        if overlaps[place, best] >= OVERLAP:
            scores[place] = other.scores[best]
            overlaps[:, best] = 0.0
    return scores


def _truth(given: Compared, place: int) -> tuple[Answer, ...] | None:
    if "boxes" not in given.truth:
        return None
    start, stop = (int(bound) for bound in given.truth["offsets"][place : place + 2])
    labels, boxes = given.truth["labels"][start:stop].tolist(), given.truth["boxes"][start:stop].tolist()
    return tuple(
        Answer(label=label_of(given.labels, label), score=1.0, box=tuple(box))
        for label, box in zip(labels, boxes, strict=True)
    )


def _shown(found: Detections, alone: Sequence[int], least: float) -> list[int]:
    """Give the rows that are shown, the surest first: those of this model alone go before others."""
    sure = range(int((found.scores >= least).sum()))
    return sorted(sorted(sure, key=lambda row: row not in alone)[:SHOWN])


def _answers(labels: Sequence[str], found: Detections, rows: Sequence[int]) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            label=label_of(labels, int(found.classes[row])),
            score=float(found.scores[row]),
            box=tuple(found.boxes[row].tolist()),
        )
        for row in rows
    )


def _note(given: Compared, place: int, base: Detections, model: Detections, least: float) -> str:
    """Say how many of the objects each finds."""
    counts = [int((found.scores >= least).sum()) for found in (base, model)]
    if "boxes" not in given.truth:
        return f"{counts[0]} found by the base, {counts[1]} by the delivered file"
    start, stop = (int(bound) for bound in given.truth["offsets"][place : place + 2])
    boxes = np.asarray(given.truth["boxes"][start:stop], np.float32)
    labels = np.asarray(given.truth["labels"][start:stop], np.int32)
    right = Detections(boxes, labels, np.ones(len(labels), np.float32))
    found = [int((_scores_in(right, _sure(one, least)) > 0).sum()) for one in (base, model)]
    return f"of {amount(len(labels), 'object')} the base finds {found[0]}, the delivered file {found[1]}"


def _sure(found: Detections, least: float) -> Detections:
    rows = found.scores >= least
    return Detections(found.boxes[rows], found.classes[rows], found.scores[rows])
