"""Match detections with ground truth as COCO does, for all images and classes at once.

References:
    Lin et al., Microsoft COCO: Common Objects in Context, 2014; `pycocotools.cocoeval` is the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.tasks.detection.overlap import intersection_over_union

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100  # per image and class
ALMOST_ONE = 1 - 1e-10  # pycocotools' own bound on a threshold


class Matches(NamedTuple):
    """Detections against ground truth, in falling order of score.

    Ties keep the order of images, and within an image the order in which the model gave them.

    Attributes:
        images: number of images.
        image: (detections,) int64: the image of each detection.
        label: (detections,) int64: its class.
        hit: (thresholds, detections) bool: whether it matched an object at each overlap threshold.
        objects: (images, classes) int64: objects to be found.
        score: (detections,) float: its score.
    """

    images: int
    image: Ints
    label: Ints
    hit: Bools
    objects: Ints
    score: npt.NDArray[Any]


class _Pairs(NamedTuple):
    """Detections with an object of the same image and class that they overlap enough for some threshold.

    Sorted by detection, then by object.
    """

    detection: Ints
    target: Ints
    overlap: Floats


def match(
    predictions: Mapping[str, Any], truth: Mapping[str, Any], classes: int, thresholds: Floats = THRESHOLDS
) -> Matches:
    """Match every detection with at most one object, the best free one, in falling order of score.

    Args:
        predictions: `boxes` (detections, 4), `classes`, `scores`, and `offsets` (images + 1,).
        truth: `boxes` (objects, 4), `labels` and `offsets` (images + 1,).
        classes: number of classes; detections of others are left out.
        thresholds: (thresholds,) least overlaps.
    """
    images = len(truth["offsets"]) - 1
    image = _image_of(predictions["offsets"])
    label = np.asarray(predictions["classes"], np.int64)
    scores = np.asarray(predictions["scores"])
    order = _ranked(scores, image, label, classes)
    image, label = image[order], label[order]
    boxes = np.asarray(predictions["boxes"], np.float64)[order]

    target_group = _image_of(truth["offsets"]) * classes + np.asarray(truth["labels"], np.int64)
    by_group = np.argsort(target_group, kind="stable")
    targets = np.asarray(truth["boxes"], np.float64)[by_group]
    group, levels = image * classes + label, np.minimum(thresholds, ALMOST_ONE)
    pairs = _pairs(boxes, group, targets, target_group[by_group], float(levels.min()))
    hit = _assign(pairs, group, len(targets), levels)
    objects = np.bincount(target_group, minlength=images * classes).reshape(images, classes)
    return Matches(images, image, label, hit, objects, scores[order])


def found_objects(
    predictions: Mapping[str, Any], truth: Mapping[str, Any], least: float = 0.5
) -> tuple[Ints, Ints]:
    """Pair objects with what found them, whatever its class.

    Args:
        predictions: as `match` takes them.
        truth: likewise.
        least: overlap from which a detection has found an object.

    Returns:
        Rows of the most confident detection of each object that one found, and rows of those objects.
    """
    boxes, targets = (np.asarray(arrays["boxes"], np.float64) for arrays in (predictions, truth))
    pairs = _pairs(boxes, _image_of(predictions["offsets"]), targets, _image_of(truth["offsets"]), least)
    score = np.asarray(predictions["scores"], np.float64)[pairs.detection]
    order = np.lexsort((-score, pairs.target))
    first = order[_starts(pairs.target[order])]
    return pairs.detection[first], pairs.target[first]


def _image_of(offsets: Any) -> Ints:
    """Give the image of every row from the offsets of the images."""
    bounds = np.asarray(offsets, np.int64)
    counts = bounds[1:] - bounds[:-1]
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def _ranked(scores: npt.NDArray[Any], image: Ints, label: Ints, classes: int) -> Ints:
    """Order detections by falling score, stable; at most `MAX_DETECTIONS` an image and class."""
    order = np.argsort(-scores, kind="stable")
    order = order[(label[order] >= 0) & (label[order] < classes)]
    group = image[order] * classes + label[order]
    return order[_rank_within(group) < MAX_DETECTIONS]


def _rank_within(group: Ints) -> Ints:
    """Count, for every element, the earlier elements of the same group."""
    by_group = np.argsort(group, kind="stable")
    sorted_group = group[by_group]
    first = _starts(sorted_group)
    sizes: Ints = np.diff(np.r_[first, len(group)])
    rank = np.empty(len(group), np.int64)
    rank[by_group] = np.arange(len(group)) - np.repeat(first, sizes)
    return rank


def _pairs(boxes: Floats, group: Ints, targets: Floats, target_group: Ints, least: float) -> _Pairs:
    """List pairs of a detection and an object of the same group that overlap by `least` or more."""
    start = np.searchsorted(target_group, group, side="left")
    counts = np.searchsorted(target_group, group, side="right") - start
    detection = np.repeat(np.arange(len(boxes), dtype=np.int64), counts)
    target = (
        np.repeat(start, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    )
    overlap = intersection_over_union(boxes[detection], targets[target])
    near = overlap >= least
    return _Pairs(detection[near], target[near], overlap[near])


def _assign(pairs: _Pairs, group: Ints, targets: int, thresholds: Floats) -> Bools:
    """Let detections choose in order, all images and classes abreast.

    The k-th round takes the k-th candidate of every image and class, so that no two detections of one
    round compete. Of equal overlaps the later object wins, as in pycocotools.
    """
    hit = np.zeros((len(thresholds), len(group)), bool)
    taken = np.zeros((len(thresholds), targets), bool)
    for detection, target, overlap in _rounds(pairs, group):
        starts = _starts(detection)
        lengths: Ints = np.diff(np.r_[starts, len(detection)])
        free = (overlap >= thresholds[:, None]) & ~taken[:, target]
        value = np.where(free, overlap, -1.0)
        best = np.repeat(np.maximum.reduceat(value, starts, axis=1), lengths, axis=1)
        chosen = np.where(free & (value == best), np.arange(len(target)), -1)
        last = np.maximum.reduceat(chosen, starts, axis=1)
        level, which = np.nonzero(last >= 0)
        hit[level, detection[starts[which]]] = True
        taken[level, target[last[level, which]]] = True
    return hit


def _rounds(pairs: _Pairs, group: Ints) -> Iterator[_Pairs]:
    """Split pairs by the rank of their detection among the candidates of its group."""
    starts = _starts(pairs.detection)
    lengths: Ints = np.diff(np.r_[starts, len(pairs.detection)])
    turn = np.repeat(_rank_within(group[pairs.detection[starts]]), lengths)
    for k in range(turn.max(initial=-1) + 1):
        part = np.flatnonzero(turn == k)
        yield _Pairs(pairs.detection[part], pairs.target[part], pairs.overlap[part])


def _starts(values: Ints) -> Ints:
    """Give where each run of equal neighbours begins."""
    return np.flatnonzero(np.r_[True, values[1:] != values[:-1]][: len(values)])
