"""Average precision of matched detections, for many weightings of the images at once.

References:
    Lin et al., Microsoft COCO: Common Objects in Context, 2014: precision at 101 recalls, made monotone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.metrics.statistics.matching import Bools, Floats, Ints, Matches

RECALLS: Floats = np.linspace(0.0, 1.0, 101)
_ROOM = 1 << 22  # weighted detections held at a time


def average_precision(matches: Matches, weights: npt.NDArray[np.int32]) -> Floats:
    """Give the average precision of every class under every weighting.

    A weight of k counts an image k times, so that resampling images costs no new matching.

    Args:
        matches: detections against ground truth.
        weights: (replicates, images) int32.

    Returns:
        (replicates, classes) float64: the mean over thresholds; NaN where a class has no objects.
    """
    classes = matches.objects.shape[1]
    result = np.full((len(weights), classes), np.nan)
    for label in range(classes):
        chosen = np.flatnonzero(matches.label == label)
        image, hit = matches.image[chosen], matches.hit[:, chosen]
        step = max(1, _ROOM // max(1, len(chosen)))
        for start in range(0, len(weights), step):
            part = weights[start : start + step]
            objects = part @ matches.objects[:, label]
            result[start : start + step, label] = _of_class(part[:, image], hit, objects)
    return result


def mean_average_precision(per_class: Floats) -> Floats:
    """Average (replicates, classes) over the classes that have objects; NaN where none has."""
    known = ~np.isnan(per_class)
    count = known.sum(axis=1)
    total = np.where(known, per_class, 0.0).sum(axis=1)
    mean: Floats = np.full(len(per_class), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _of_class(weights: npt.NDArray[np.int32], hit: Bools, objects: Ints) -> Floats:
    """Average one class over thresholds.

    Args:
        weights: (replicates, detections) int32, in falling order of score.
        hit: (thresholds, detections) bool.
        objects: (replicates,) int64: weighted objects to be found.

    Returns:
        (replicates,) float64; NaN where there are no objects.
    """
    seen = np.cumsum(weights, axis=1, dtype=np.int32)
    needed = _needed(np.maximum(objects, 1))
    # Precision falls at every miss, so that its monotone envelope is decided at the hits alone.
    levels = [_at_hits(weights[:, hits], seen[:, hits], needed) for hits in map(np.flatnonzero, hit)]
    return np.where(objects > 0, np.mean(levels, axis=0), np.nan)


def _needed(objects: Ints) -> Ints:
    """Give the least number of hits that reaches each recall: (replicates, recalls) int64.

    The comparison is that of floating-point quotients, as pycocotools makes it.
    """
    count = objects[:, None].astype(np.float64)
    hits: Floats = np.maximum(np.floor(RECALLS * count) - 1, 0)
    for _ in range(3):
        hits += hits / count < RECALLS
    needed: Ints = hits.astype(np.int64)
    return needed


def _at_hits(weights: npt.NDArray[np.int32], seen: npt.NDArray[np.int32], needed: Ints) -> Floats:
    """Average monotone precision over recalls, from the columns of the hits."""
    replicates, columns = weights.shape
    hits = np.cumsum(weights, axis=1, dtype=np.int64)
    precision = np.divide(hits, seen, out=np.zeros(hits.shape), where=seen > 0)
    envelope = np.zeros((replicates, columns + 1))  # the last column: a recall never reached
    envelope[:, :columns] = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # One sorted array for all replicates: each replicate's counts lie above those of the one before.
    row = np.arange(replicates)[:, None]
    spacing = int(max(needed.max(), hits.max(initial=0))) + 1
    position = np.searchsorted((hits + row * spacing).ravel(), needed + row * spacing) - row * columns
    mean: Floats = np.take_along_axis(envelope, position, axis=1).mean(axis=1)
    return mean
