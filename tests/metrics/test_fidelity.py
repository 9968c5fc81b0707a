"""Fidelity by hand: of scores, of detections, of other outputs; alone and paired."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS, primary_metrics
from tflbuild.metrics.fidelity import Fidelity

FIDELITY = Fidelity()


def scores(*rows: list[float]) -> dict[str, Any]:
    return {"scores": np.array(rows, np.float32)}


def outputs(**arrays: Any) -> dict[str, Any]:
    return {f"output:{name}": np.array(rows, np.float32) for name, rows in arrays.items()}


def detections(*samples: list[tuple[tuple[float, float, float, float], int, float]]) -> dict[str, Any]:
    rows = [row for sample in samples for row in sample]
    return {
        "boxes": np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        "classes": np.array([label for _, label, _ in rows], np.int32),
        "scores": np.array([score for *_, score in rows], np.float32),
        "offsets": np.cumsum([0, *map(len, samples)]),
    }


LEFT, RIGHT = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
BASE = scores([0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.6, 0.3, 0.1])


def test_it_compares_with_the_base_and_stands_for_accuracy_where_there_are_no_labels() -> None:
    assert METRICS.get("fidelity") is Fidelity
    assert (Fidelity.against, Fidelity.tasks, Fidelity.unit) == ("base", (), "1")
    assert "fidelity" in primary_metrics("unlabelled")
    assert "fidelity" not in primary_metrics("classification") + primary_metrics("detection")


# Scores


def test_of_scores_it_is_the_share_of_samples_with_the_same_best_class() -> None:
    found = FIDELITY.measure(scores([0.9, 0.1, 0], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3]), BASE)
    assert (found.value, found.n, found.unit) == (0.75, 4, "1")
    assert found.variance == 0.75 * 0.25
    # Wilson's interval of 3 of 4, by hand: (0.75 + z²/8 ± z sqrt(0.75 * 0.25 / 4 + z²/64)) / (1 + z²/4), z = 1.96
    assert found.low == pytest.approx(0.3006, abs=1e-4)
    assert found.high == pytest.approx(0.9544, abs=1e-4)


def test_the_base_itself_has_1() -> None:
    assert FIDELITY.measure(BASE, BASE).value == 1.0
    one = outputs(a=[[1, 2], [0, 0]], b=[[0], [3]])
    assert FIDELITY.measure(one, one).value == 1.0
    some = detections([(LEFT, 0, 0.9), (RIGHT, 1, 0.1)], [(RIGHT, 1, 0.5)])
    assert FIDELITY.measure(some, some).value == pytest.approx(1.0)


def test_of_equal_scores_the_first_class_is_the_best() -> None:
    tied = scores([0.5, 0.5], [0.25, 0.25], [0.0, 0.0])
    assert FIDELITY.measure(tied, scores([0.6, 0.4], [0.9, 0.1], [0.4, 0.6])).value == pytest.approx(2 / 3)
    assert FIDELITY.measure(scores([0.6, 0.4], [0.4, 0.6], [1, 0]), tied).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_scores_that_are_no_numbers_agree_with_nothing(wrong: float) -> None:
    found = FIDELITY.measure(scores([wrong, 0.0], [0.9, 0.1]), scores([1.0, 0.0], [1.0, 0.0]))
    assert found.value == 0.5


def test_a_class_that_a_model_does_not_know_is_minus_infinity_and_counts_as_0_in_details() -> None:
    base = {**scores([0.6, 0.8, -math.inf], [0.8, 0.6, -math.inf]), "missing": np.array(["c"])}
    found = FIDELITY.measure(scores([0.6, 0.8, -math.inf], [0.6, 0.8, -math.inf]), base)
    assert found.value == 0.5
    # the cosine of (0.6, 0.8) and (0.8, 0.6) is 0.48 + 0.48
    details = found.details["outputs"]["scores"]
    assert details["cosine"] == pytest.approx((1 + 0.96) / 2)
    assert details["mean_abs"] == pytest.approx(0.4 / 6)
    # signal (0.36 + 0.64) * 2 / 6, noise 0.08 / 6
    assert details["sqnr_db"] == pytest.approx(10 * math.log10(2 / 0.08), abs=1e-3)


def test_the_difference_of_two_models_is_paired_by_sample() -> None:
    before = scores([1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0])  # right in 0, 1 and 3
    after = scores([1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0])  # right in 0 and 3
    found = FIDELITY.compare(before, after, BASE)
    assert (found.value, found.n) == (-0.25, 4)
    assert found.variance == pytest.approx(0.25 - 0.0625)
    assert found.low < -0.25 < found.high
    same = FIDELITY.compare(before, before, BASE)
    assert (same.value, same.variance) == (0.0, 0.0)
    # the same counts of agreement, of other samples: the same value, and a wider interval
    other = scores([0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1])  # right in 1 and 2
    crossed = FIDELITY.compare(after, other, BASE)
    assert crossed.value == 0.0
    assert crossed.high - crossed.low > same.high - same.low


# Detections


def test_of_detections_it_is_the_map_against_what_the_base_is_sure_of() -> None:
    base = detections([(LEFT, 0, 0.9), (RIGHT, 0, 0.29)], [(RIGHT, 0, 0.3)])
    # one of the two sure ones is found, at every overlap; what the base is not sure of is a miss behind it
    found = FIDELITY.measure(detections([(LEFT, 0, 0.8), (RIGHT, 0, 0.2)], []), base)
    # recalls 0, 0.01, ..., 0.5 are reached with precision 1: 51 of 101
    assert found.value == pytest.approx(51 / 101)
    assert found.n == 2
    assert FIDELITY.measure(detections([], []), base).value == 0.0


def test_a_detection_of_another_class_is_none_of_the_bases() -> None:
    base = detections([(LEFT, 0, 0.9)])
    assert FIDELITY.measure(detections([(LEFT, 1, 0.9)]), base).value == 0.0
    assert FIDELITY.measure(detections([(LEFT, 7, 0.9), (LEFT, 0, 0.8)]), base).value == pytest.approx(1.0)


def test_the_difference_of_detections_is_that_of_both_against_the_base() -> None:
    base = detections([(LEFT, 0, 0.9)], [(RIGHT, 0, 0.8)])
    half, none = detections([(LEFT, 0, 0.8)], []), detections([], [])
    found = FIDELITY.compare(half, none, base)
    assert found.value == pytest.approx(-51 / 101)
    assert (found.n, found.low <= found.value <= found.high) == (2, True)
    assert FIDELITY.compare(base, base, base).value == 0.0


def test_where_the_base_is_sure_of_nothing_the_model_should_not_be_either() -> None:
    base = detections([(LEFT, 0, 0.2)], [], [(RIGHT, 1, 0.1)], [])
    assert FIDELITY.measure(base, base).value == 1.0
    found = FIDELITY.measure(detections([(LEFT, 0, 0.31)], [(LEFT, 0, 0.29)], [], []), base)
    assert (found.value, found.n) == (0.75, 4)
    assert found.low == pytest.approx(0.3006, abs=1e-4)
    unsure, sure = detections([], [], [], []), detections([(LEFT, 0, 1.0)], [], [], [])
    change = FIDELITY.compare(unsure, sure, base)
    assert (change.value, change.n) == (-0.25, 4)
    broken = detections([(LEFT, 0, math.nan)], [], [], [])
    assert FIDELITY.measure(broken, base).value == 0.75


# Other outputs


def test_of_other_outputs_it_is_the_mean_cosine_where_that_is_least() -> None:
    base = outputs(near=[[3, 4], [1, 0]], far=[[1, 0], [0, 2]])
    made = outputs(near=[[3, 4], [2, 0]], far=[[3, 4], [0, 1]])
    # near: 1 and 1; far: 3 / 5 and 1
    found = FIDELITY.measure(made, base)
    assert (found.value, found.n) == (pytest.approx(0.8), 2)
    assert found.low == pytest.approx(0.6, abs=1e-6)
    assert found.high == pytest.approx(1.0)
    assert found.variance is None


def test_details_of_an_output_are_its_signal_to_noise_its_cosine_and_its_error() -> None:
    found = FIDELITY.measure(outputs(y=[[3, 4], [1, 0]]), outputs(y=[[4, 3], [1, 0]])).details["outputs"]
    # signal (16 + 9 + 1) / 4, noise (1 + 1) / 4: a ratio of 13
    assert found == {
        "y": {
            "sqnr_db": pytest.approx(10 * math.log10(13), abs=1e-3),
            "cosine": pytest.approx((24 / 25 + 1) / 2),
            "mean_abs": pytest.approx(0.5),
        }
    }


@pytest.mark.parametrize(
    ("made", "base", "sqnr", "value"),
    [
        ([[1, 2]], [[1, 2]], 200.0, 1.0),
        ([[0, 0]], [[0, 0]], 200.0, 1.0),
        ([[1, 0]], [[0, 0]], -200.0, 0.0),
        ([[0, 0]], [[1, 0]], 0.0, 0.0),
        ([[-1, 0]], [[1, 0]], pytest.approx(-6.021, abs=1e-3), -1.0),
        ([[2, 0]], [[1, 0]], 0.0, 1.0),
    ],
)
def test_silence_and_equality_have_a_signal_to_noise_ratio_too(
    made: Any, base: Any, sqnr: float, value: float
) -> None:
    found = FIDELITY.measure(outputs(y=made), outputs(y=base))
    assert found.details["outputs"]["y"]["sqnr_db"] == sqnr
    assert found.value == pytest.approx(value)


def test_an_output_that_is_no_number_is_not_measured() -> None:
    found = FIDELITY.measure(outputs(y=[[math.nan, 1], [1, 1]]), outputs(y=[[1, 1], [1, 1]]))
    assert math.isnan(found.value)
    assert found.to_json()["value"] is None


def test_the_difference_of_other_outputs_is_over_the_same_resampled_samples() -> None:
    base = outputs(y=[[1, 0], [1, 0]])
    before, after = outputs(y=[[3, 4], [1, 0]]), outputs(y=[[3, 4], [3, 4]])
    found = FIDELITY.compare(before, after, base)
    assert (found.value, found.n) == (pytest.approx(-0.2), 2)
    # both samples are drawn from the second in a quarter of the draws, and from the first in another
    assert found.low == pytest.approx(-0.4)
    assert found.high == pytest.approx(0.0, abs=1e-12)
    assert FIDELITY.compare(after, before, base).value == pytest.approx(0.2)
    # a sample that both get equally wrong adds nothing
    same = FIDELITY.compare(before, before, base)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_one_output_alone_is_the_bases_whatever_it_is_called() -> None:
    found = FIDELITY.measure(outputs(Identity=[[3, 4]]), outputs(dense_3=[[3, 4]]))
    assert found.value == 1.0
    assert list(found.details["outputs"]) == ["dense_3"]
    assert FIDELITY.compare(
        outputs(a=[[1, 0]]), outputs(b=[[3, 4]]), outputs(c=[[1, 0]])
    ).value == pytest.approx(-0.4)


OTHERS = [
    (
        outputs(y=[[1, 2, 3]]),
        outputs(y=[[1, 2]]),
        "the model gives 'y' of 3 numbers, and what it is compared with gives 'y' of 2 numbers",
    ),
    (
        outputs(y=[[1]], z=[[1]]),
        outputs(y=[[1]], x=[[1]]),
        "the model gives 'y' of 1 number and 'z' of 1 number, and what it is compared with gives 'y' of 1 number and "
        "'x' of 1 number",
    ),
    (
        scores([0.5, 0.5]),
        scores([0.2, 0.2, 0.6]),
        "the model gives 'scores' of 2 numbers, and what it is compared with gives 'scores' of 3 numbers",
    ),
    ({}, outputs(y=[[1]]), "the model gives nothing, and what it is compared with gives 'y' of 1 number"),
]


@pytest.mark.parametrize(("made", "base", "said"), OTHERS)
def test_other_outputs_are_refused_in_one_sentence(made: Any, base: Any, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        FIDELITY.measure(made, base)
    assert str(caught.value) == f"fidelity: {said}; only the same outputs can be compared."


def test_predictions_that_keep_no_outputs_have_none() -> None:
    counted = {"counts": np.array([1, 2])}
    assert math.isnan(FIDELITY.measure(counted, counted).value)
    assert math.isnan(FIDELITY.compare(counted, counted, counted).value)
