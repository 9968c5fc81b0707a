"""Detection metrics against pycocotools, and against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tflbuild.metrics.detection import MeanAveragePrecision, MeanAveragePrecision50
from tflbuild.metrics.statistics.average_precision import average_precision, mean_average_precision
from tflbuild.metrics.statistics.matching import match
from tflbuild.metrics.statistics.resampling import resamples

Draw = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


def one_image(*found: tuple[list[float], int, float], objects: list[tuple[list[float], int]]) -> Any:
    predictions = {
        "boxes": np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
        "classes": np.array([label for _, label, _ in found], np.int32),
        "scores": np.array([score for _, _, score in found], np.float32),
        "offsets": np.array([0, len(found)]),
    }
    truth = {
        "boxes": np.array([box for box, _ in objects], np.float32).reshape(-1, 4),
        "labels": np.array([label for _, label in objects], np.int32),
        "offsets": np.array([0, len(objects)]),
        "names": np.array(["a", "b"]),
    }
    return predictions, truth


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [0, 8])  # 8 levels of score: ties nearly everywhere
def test_map_and_map50_equal_pycocotools(random_detections: Draw, coco: Any, seed: int, levels: int) -> None:
    predictions, truth = random_detections(seed, levels=levels)
    precision = coco(predictions, truth)
    wanted = precision[precision > -1].mean()
    assert MeanAveragePrecision().measure(predictions, truth).value == pytest.approx(wanted, abs=1e-6)
    wanted_50 = precision[0][precision[0] > -1].mean()
    assert MeanAveragePrecision50().measure(predictions, truth).value == pytest.approx(wanted_50, abs=1e-6)


def test_average_precision_per_class_equals_pycocotools(random_detections: Draw, coco: Any) -> None:
    predictions, truth = random_detections(3, images=30, classes=5)
    per_class = MeanAveragePrecision().measure(predictions, truth).details["per_class"]
    wanted = coco(predictions, truth).mean(axis=(0, 1))
    assert list(per_class.values()) == pytest.approx(wanted.tolist(), abs=1e-6)


def test_more_than_a_hundred_detections_of_a_class_are_cut_as_pycocotools_does(coco: Any) -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.8, (150, 2))
    boxes = np.concatenate([corner, corner + 0.15], axis=1)
    found = [
        (box, 0, float(score)) for box, score in zip(boxes.tolist(), rng.uniform(0, 1, 150), strict=True)
    ]
    predictions, truth = one_image(*found, objects=[(box, 0) for box in boxes[:40].tolist()])
    precision = coco(predictions, truth)
    wanted = precision[precision > -1].mean()
    assert MeanAveragePrecision().measure(predictions, truth).value == pytest.approx(wanted, abs=1e-6)


def test_a_weighted_image_counts_as_that_many_copies(random_detections: Draw, taken: Any, coco: Any) -> None:
    predictions, truth = random_detections(5)
    for weights in resamples(12)[:10]:
        images = np.repeat(np.arange(12), weights).tolist()
        precision = coco(taken(predictions, images), taken(truth, images))
        per_class = average_precision(match(predictions, truth, 3), weights[None])
        assert mean_average_precision(per_class)[0] == pytest.approx(
            precision[precision > -1].mean(), abs=1e-6
        )


def test_a_perfect_detector_scores_one_and_its_interval_is_a_point() -> None:
    box, other = [0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    measured = MeanAveragePrecision().measure(
        *one_image((box, 0, 0.9), (other, 1, 0.8), objects=[(box, 0), (other, 1)])
    )
    assert (measured.value, measured.low, measured.high, measured.n) == (1.0, 1.0, 1.0, 1)


def test_a_second_detection_of_one_object_is_a_false_positive() -> None:
    box, other = [0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    predictions, truth = one_image(
        (box, 0, 0.9), (box, 0, 0.8), (other, 0, 0.7), objects=[(box, 0), (other, 0)]
    )
    # By hand: precision 1 up to recall 0.5 (51 recalls), 2/3 from there on (50 recalls).
    wanted = (51 * 1 + 50 * 2 / 3) / 101
    assert MeanAveragePrecision50().measure(predictions, truth).value == pytest.approx(wanted, abs=1e-12)


def test_of_equal_scores_the_one_the_model_gave_first_ranks_first() -> None:
    box, away = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]
    hit_first, truth = one_image((box, 0, 0.5), (away, 0, 0.5), objects=[(box, 0)])
    miss_first, _ = one_image((away, 0, 0.5), (box, 0, 0.5), objects=[(box, 0)])
    assert MeanAveragePrecision50().measure(hit_first, truth).value == 1.0
    assert MeanAveragePrecision50().measure(miss_first, truth).value == 0.5


def test_a_class_without_objects_is_left_out_and_said() -> None:
    box = [0.1, 0.1, 0.4, 0.4]
    measured = MeanAveragePrecision50().measure(*one_image((box, 0, 0.9), (box, 1, 0.8), objects=[(box, 0)]))
    assert measured.value == 1.0
    assert measured.details["per_class"] == {"a": 1.0, "b": None}
    assert measured.details["objects"] == {"a": 1, "b": 0}


def test_a_detector_that_sees_nothing_scores_zero() -> None:
    measured = MeanAveragePrecision().measure(*one_image(objects=[([0.1, 0.1, 0.4, 0.4], 0)]))
    assert (measured.value, measured.low, measured.high) == (0.0, 0.0, 0.0)


def test_a_split_without_objects_cannot_be_measured() -> None:
    measured = MeanAveragePrecision().measure(*one_image(([0.1, 0.1, 0.4, 0.4], 0, 0.5), objects=[]))
    assert math.isnan(measured.value)
    assert measured.low is None


def test_scores_that_are_not_numbers_give_a_value_that_is_none() -> None:
    box = [0.1, 0.1, 0.4, 0.4]
    broken, truth = one_image((box, 0, math.nan), objects=[(box, 0)])
    whole, _ = one_image((box, 0, 0.9), objects=[(box, 0)])
    assert math.isnan(MeanAveragePrecision().measure(broken, truth).value)
    assert math.isnan(MeanAveragePrecision().compare(whole, broken, truth).value)


def test_the_interval_holds_the_value_and_is_the_same_every_time(random_detections: Draw) -> None:
    predictions, truth = random_detections(1, images=60)
    first = MeanAveragePrecision().measure(predictions, truth)
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.value < first.high
    assert first == MeanAveragePrecision().measure(predictions, truth)


def test_a_model_does_not_differ_from_itself(random_detections: Draw) -> None:
    predictions, truth = random_detections(2, images=30)
    difference = MeanAveragePrecision().compare(predictions, predictions, truth)
    assert (difference.value, difference.low, difference.high, difference.n) == (0.0, 0.0, 0.0, 30)


def test_a_paired_difference_is_that_of_the_values_and_tighter_than_their_intervals(
    random_detections: Draw,
) -> None:
    before, truth = random_detections(4, images=40)
    noise = np.random.default_rng(0).normal(0, 0.02, len(before["scores"])).astype(np.float32)
    after = {**before, "scores": before["scores"] + noise}
    metric = MeanAveragePrecision()
    old, new, difference = metric.measure(before, truth), metric.measure(after, truth), None
    difference = metric.compare(before, after, truth)
    assert difference.value == pytest.approx(new.value - old.value, abs=1e-12)
    assert difference.low <= difference.value <= difference.high
    assert old.high is not None
    assert old.low is not None
    assert difference.high - difference.low < old.high - old.low


def test_predictions_say_which_classes_the_model_lacks() -> None:
    box = [0.1, 0.1, 0.4, 0.4]
    predictions, truth = one_image((box, 0, 0.9), objects=[(box, 0), (box, 1)])
    measured = MeanAveragePrecision50().measure({**predictions, "missing": np.array(["b"])}, truth)
    assert measured.value == 0.5
    assert measured.details["not_in_model"] == ["b"]


def halves(found: set[int], images: int = 100) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give one object an image, found exactly in some images and missed in the others."""
    box = [0.1, 0.1, 0.4, 0.4]
    counts = [int(image in found) for image in range(images)]
    predictions = {
        "boxes": np.array([box] * len(found), np.float32),
        "classes": np.zeros(len(found), np.int32),
        "scores": np.full(len(found), 0.9, np.float32),
        "offsets": np.cumsum([0, *counts]),
    }
    truth = {
        "boxes": np.array([box] * images, np.float32),
        "labels": np.zeros(images, np.int32),
        "offsets": np.arange(images + 1),
        "names": np.array(["a"]),
    }
    return predictions, truth


def test_the_interval_is_that_of_the_binomial_distribution_where_that_is_known() -> None:
    """Without a false positive AP is the share of objects found, read at 101 recalls: (100 K/n + 1) / 101."""
    measured = MeanAveragePrecision().measure(*halves(set(range(50))))
    assert measured.value == pytest.approx(51 / 101)
    # SciPy: binom.ppf([0.025, 0.975], 100, 0.5) is 40 and 60; [0.05, 0.95] would give 42 and 58.
    assert (measured.low, measured.high) == pytest.approx((41 / 101, 61 / 101), abs=0.5 / 101)


def test_the_interval_of_a_difference_is_that_of_the_images_that_differ() -> None:
    (before, truth), (after, _) = halves(set(range(50))), halves(set(range(60)))
    difference = MeanAveragePrecision50().compare(before, after, truth)
    assert difference.value == pytest.approx(10 / 101)
    # SciPy: binom.ppf([0.025, 0.975], 100, 0.1) is 5 and 16; unpaired it would reach below 0.
    assert (difference.low, difference.high) == pytest.approx((5 / 101, 16 / 101), abs=1 / 101)
    swapped = MeanAveragePrecision50().compare(after, before, truth)
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx(
        (-difference.value, -difference.high, -difference.low)
    )


def test_boxes_that_are_not_numbers_give_a_value_that_is_none() -> None:
    broken, truth = one_image(([0.1, 0.1, math.inf, 0.4], 0, 0.9), objects=[([0.1, 0.1, 0.4, 0.4], 0)])
    measured = MeanAveragePrecision().measure(broken, truth)
    assert math.isnan(measured.value)
    assert (measured.low, measured.high, measured.n) == (None, None, 1)
    assert measured.details["per_class"] == {"a": None, "b": None}


def test_map50_asks_for_half_an_overlap_and_map_for_ten_thresholds() -> None:
    # By hand: 0.4 x 0.28 of 0.4 x 0.4 overlap by 0.7: a hit at .50, .55, .60, .65 and .70 of the ten.
    found, truth = one_image(([0.1, 0.1, 0.5, 0.381], 0, 0.9), objects=[([0.1, 0.1, 0.5, 0.5], 0)])
    assert MeanAveragePrecision50().measure(found, truth).value == 1.0
    assert MeanAveragePrecision().measure(found, truth).value == pytest.approx(0.5)
