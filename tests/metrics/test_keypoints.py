"""COCO's similarity of keypoints, against what pycocotools 2.0.11 gives for the same twelve objects.

`python` with pycocotools, sigmas as it has them: each object is an image of its own, 200 x 160 pixels, with the box
[20, 10, 150, 130]; COCOeval(gt, dt, "keypoints"), then `stats` and `ious`. Points of visibility 0 are (0, 0, 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.metrics.keypoints import CorrectKeypoints, KeypointSimilarity
from tflbuild.metrics.statistics.similarity import similarities
from tflbuild.tasks.keypoints.sigmas import COCO, OTHER, sigmas_of

N = 12
PYCOCOTOOLS_AP = 0.17446566085179946
PYCOCOTOOLS_OKS = [
    0.94996911443043,
    0.8652768092536126,
    0.8126944206901587,
    0.7287087890710684,
    0.669730768042177,
    0.6386960859004281,
    0.5519510437896608,
    0.5465681931459921,
    0.5489301552372414,
    0.4236546520716949,
    0.4264974335336304,
    0.4616961936430748,
]


def case() -> tuple[dict[str, Any], dict[str, Any]]:
    """Give predictions and truth as pycocotools had them."""
    i, j = np.arange(N)[:, None], np.arange(17)[None]
    x, y, visible = 20 + (i * 31 + j * 17) % 150, 10 + (i * 13 + j * 29) % 130, (i + j) % 3
    across, down = ((i * 7 + j * 5) % 11 - 5) * (1 + i) * 0.4, ((i * 3 + j * 11) % 9 - 4) * (1 + i) * 0.4
    size = np.array([160.0, 200.0])
    sure = ((np.arange(N) * 5) % N) / 20 + 0.1
    predictions = {
        "points": np.stack([y + down, x + across], axis=-1) / size,
        "sure": np.repeat(sure[:, None], 17, axis=1),
    }
    truth = {
        "points": np.where(visible[..., None] > 0, np.stack([y, x], axis=-1), 0) / size,
        "visible": visible.astype(float),
        "sigmas": np.tile(list(COCO.values()), (N, 1)),
        "sizes": np.tile(size, (N, 1)),
        "areas": 3000.0 + 700 * np.arange(N),
        "boxes": np.tile([10 / 160, 20 / 200, 140 / 160, 170 / 200], (N, 1)),
        "names": np.array(list(COCO)),
    }
    return predictions, truth


def test_similarities_and_average_precision_are_those_of_pycocotools() -> None:
    predictions, truth = case()
    assert similarities(predictions, truth) == pytest.approx(PYCOCOTOOLS_OKS, abs=1e-12)
    found = KeypointSimilarity().measure(predictions, truth)
    assert found.value == pytest.approx(PYCOCOTOOLS_AP, abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_points_that_are_not_marked_do_not_count() -> None:
    predictions, truth = case()
    predictions["points"][truth["visible"] == 0] = 77.0
    assert similarities(predictions, truth) == pytest.approx(PYCOCOTOOLS_OKS, abs=1e-12)
    assert CorrectKeypoints().measure(predictions, truth) == CorrectKeypoints().measure(*case())


def by_hand(away: list[float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give one object of 100 x 50 pixels in its picture of 200 x 200, whose points are so many pixels off."""
    points = np.full((1, len(away), 2), 0.5)
    truth = {
        "points": points,
        "visible": np.array([[2.0] * (len(away) - 1) + [1.0]]),
        "sigmas": np.full((1, len(away)), 0.05),
        "sizes": np.array([[200.0, 200.0]]),
        "areas": np.array([5000.0]),
        "boxes": np.array([[0.25, 0.25, 0.75, 0.5]]),
        "names": np.array([f"p{place}" for place in range(len(away))]),
    }
    moved = points + np.array(away)[None, :, None] * [0.0, 1 / 200]
    return {"points": moved, "sure": np.ones((1, len(away)))}, truth


def test_pck_counts_points_within_a_tenth_of_the_longer_side() -> None:
    predictions, truth = by_hand([0.0, 9.9, 10.1, 60.0])  # of a box of 100 pixels: 10 are allowed
    found = CorrectKeypoints().measure(predictions, truth)
    assert found.value == 0.5
    assert found.details["per_point"] == {"p0": 1.0, "p1": 1.0, "p2": 0.0, "p3": 0.0}
    assert found.details["marked"] == {"p0": 1, "p1": 1, "p2": 1, "p3": 1}


def test_a_point_that_the_model_does_not_have_is_wrong() -> None:
    predictions, truth = by_hand([0.0, 0.0])
    predictions["points"][0, 1] = np.nan
    assert similarities(predictions, truth).tolist() == [0.5]
    assert CorrectKeypoints().measure(predictions, truth).value == 0.5


def test_similarity_by_hand() -> None:
    # one point 5 pixels off: exp(-25 / (2 * 5000 * (2 * 0.05) ** 2)) = exp(-0.25)
    predictions, truth = by_hand([5.0])
    assert similarities(predictions, truth)[0] == pytest.approx(np.exp(-0.25), abs=1e-12)


def test_a_difference_is_paired() -> None:
    predictions, truth = case()
    better = {**predictions, "points": (predictions["points"] + truth["points"]) / 2}
    for metric in (KeypointSimilarity(), CorrectKeypoints()):
        change = metric.compare(predictions, better, truth)
        apart = metric.measure(better, truth).value - metric.measure(predictions, truth).value
        assert change.value == pytest.approx(apart)
        assert metric.compare(predictions, predictions, truth).high == 0


def test_sigmas_are_cocos_where_all_names_are_and_else_one() -> None:
    # cocodataset.org/#keypoints-eval: k_i = 2 sigma_i of nose, ears, shoulders, hips
    assert [COCO[name] for name in ("nose", "left_ear", "right_shoulder", "left_hip")] == [
        0.026,
        0.035,
        0.079,
        0.107,
    ]
    assert sigmas_of(("Nose", "left_hip"), None) == (0.026, 0.107)
    assert sigmas_of(("nose", "tail"), None) == (OTHER, OTHER)
    with pytest.raises(ValueError, match="1 sigmas for 2 points"):
        sigmas_of(("nose", "tail"), (0.1,))


def test_pck_leaves_out_points_that_are_not_marked() -> None:
    predictions, truth = by_hand([0.0, 60.0, 60.0])
    truth["visible"] = np.array([[2.0, 0.0, 0.0]])
    found = CorrectKeypoints().measure(predictions, truth)
    assert found.value == 1.0
    assert found.details["per_point"] == {"p0": 1.0, "p1": None, "p2": None}
    assert found.details["marked"] == {"p0": 1, "p1": 0, "p2": 0}
