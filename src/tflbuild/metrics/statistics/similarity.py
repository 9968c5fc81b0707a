"""How near points are to the right ones, as COCO counts it.

References:
    COCO, Keypoint Evaluation, cocodataset.org/#keypoints-eval; `pycocotools.cocoeval` is the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.metrics.statistics.matching import ALMOST_ONE, THRESHOLDS, Matches

Floats = npt.NDArray[np.float64]


def distances(predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
    """Give how far points are from the right ones in pixels, (samples, points); NaN for those that are not marked."""
    apart = np.asarray(predictions["points"], np.float64) - truth["points"]
    pixels = np.sqrt(np.square(apart * truth["sizes"][:, None]).sum(axis=-1))
    lost = np.where(np.isnan(pixels), np.inf, pixels)  # a point that the model does not have
    return np.where(truth["visible"] > 0, lost, np.nan)


def similarities(predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Floats:
    """Give the object keypoint similarity of each sample, (samples,).

    Each marked point counts exp(-d² / (2 s² k²)), where d is its distance in pixels, s² the object's area and k twice
    the point's sigma; the similarity is the mean over marked points.
    """
    width = np.square(2 * np.asarray(truth["sigmas"], np.float64))
    area = np.asarray(truth["areas"], np.float64)[:, None] + np.spacing(1)
    each = np.exp(-np.square(distances(predictions, truth)) / width / area / 2)
    marked = truth["visible"] > 0
    return np.asarray(np.where(marked, each, 0.0).sum(axis=1) / marked.sum(axis=1))


def matched(predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> Matches:
    """Hold the one object of each sample against the one that is there, in falling order of how sure the model is.

    An object is as sure as its points in the mean, which is COCO's custom.
    """
    scores = np.asarray(predictions["sure"], np.float64).mean(axis=1)
    order = np.argsort(-scores, kind="stable")
    levels = np.minimum(THRESHOLDS, ALMOST_ONE)
    hit = similarities(predictions, truth)[order] >= levels[:, None]
    count = len(order)
    return Matches(
        images=count,
        image=order.astype(np.int64),
        label=np.zeros(count, np.int64),
        hit=hit,
        objects=np.ones((count, 1), np.int64),
        score=scores[order],
    )
