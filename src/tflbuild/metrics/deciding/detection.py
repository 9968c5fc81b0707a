"""Right detections from each score on, and which classes are taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.decision import NOTHING, Confusion, Decided, Decisions
from tflbuild.metrics.statistics.matching import match
from tflbuild.tasks.detection.overlap import intersection_over_union

OVERLAP = 0.5
"""Intersection over union from which on a box has found an object."""


def decisions(given: Decided, thresholds: npt.NDArray[np.float64]) -> Decisions:
    """Count the detections of a detector; each object is found once, by the surest box of its class.

    Args:
        given: predictions with the truth.
        thresholds: (thresholds,) in 0..1, rising.
    """
    names = [str(name) for name in given.truth["names"]]
    found = match(given.model, given.truth, len(names), np.array([OVERLAP]))
    reached = (
        found.score.astype(np.float32)[None] >= thresholds.astype(np.float32)[:, None]
    )  # as an app compares
    return Decisions(
        what="A detection is right where its box overlaps an object of its class with an IoU of 0.5 or more.",
        made=reached.sum(axis=1),
        right=(reached & found.hit[0][None]).sum(axis=1),
        wanted=int(found.objects.sum()),
        confusion=lambda least: _confusion(given, names, least),
        by_score=True,
    )


def _confusion(given: Decided, names: list[str], least: float) -> Confusion:
    """Count pairs of an object and what found it: first those of one class, then what is left, whatever its class."""
    nothing = len(names)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    for place in range(len(given.truth["offsets"]) - 1):
        boxes, classes = _sure(given.model, place, least, nothing)
        targets, labels = _rows(given.truth, place, "boxes"), _rows(given.truth, place, "labels")
        overlaps = intersection_over_union(boxes[:, None], targets[None])
        overlaps[overlaps < OVERLAP] = 0.0
        left = _paired(overlaps, classes, labels, counts, range(len(classes)), alike=True)
        left = _paired(overlaps, classes, labels, counts, left, alike=False)
        np.add.at(counts, (nothing, classes[left]), 1)
        missed = ~np.isnan(overlaps).any(axis=0) if len(classes) else np.ones(len(labels), bool)
        np.add.at(counts, (labels[missed], nothing), 1)
    ends = [*names, NOTHING]
    return Confusion(rows=ends, columns=ends, counts=counts)


def _paired(overlaps: Any, classes: Any, labels: Any, counts: Any, rows: Any, *, alike: bool) -> list[int]:
    """Let detections take the object that they overlap most, in order; gives those that took none.

    The overlaps of an object that was taken become NaN.
    """
    left = []
    for row in rows:
        free = np.nan_to_num(overlaps[row], nan=0.0)
        if alike:
            free = np.where(labels == classes[row], free, 0.0)
        best = int(free.argmax()) if len(free) else -1
        if best < 0 or free[best] <= 0:
            left.append(row)
            continue
        counts[labels[best], classes[row]] += 1
        overlaps[:, best] = np.nan
    return left


def _sure(arrays: Any, place: int, least: float, classes: int) -> tuple[Any, Any]:
    """Give boxes and classes of a picture's detections from a score on, the surest first."""
    scores, labels = _rows(arrays, place, "scores"), _rows(arrays, place, "classes")
    order = np.argsort(-scores, kind="stable")
    order = order[(scores[order] >= np.float32(least)) & (labels[order] >= 0) & (labels[order] < classes)]
    return _rows(arrays, place, "boxes")[order], labels[order]


def _rows(arrays: Any, place: int, name: str) -> Any:
    start, stop = (int(bound) for bound in arrays["offsets"][place : place + 2])
    return np.asarray(arrays[name][start:stop])
