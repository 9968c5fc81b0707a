from __future__ import annotations

import math

import numpy as np
import pytest

from tflbuild.core.errors import DataError
from tflbuild.metrics.anomaly import Auc, PartialAuc

LABELS = np.array([0] * 40 + [1] * 20, np.int32)
TRUTH = {"labels": LABELS, "names": np.array(["normal", "abnormal"])}


def scored(shift: float, seed: int = 1, noise: float = 1.0) -> dict[str, np.ndarray]:
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(len(LABELS))
    return {"errors": (noise * drawn + shift * LABELS).astype(np.float32)}


def test_an_area_has_delongs_interval_and_says_how_many_samples_each_side_has() -> None:
    found = Auc().measure(scored(1.0), TRUTH)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.n == 60
    assert found.details == {"normal": 40, "abnormal": 20}
    assert found.variance is not None
    half = 1.959963984540054 * math.sqrt(found.variance / 60)
    assert found.value - found.low == pytest.approx(half)


@pytest.mark.parametrize("metric", [Auc(), PartialAuc()])
def test_an_area_without_a_mistake_is_not_sure(metric: Auc) -> None:
    found = metric.measure({"errors": LABELS.astype(np.float32)}, TRUTH)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + 1.959963984540054**2))  # Wilson's of 20 of 20


def test_a_partial_area_has_an_interval_of_its_own() -> None:
    found = PartialAuc().measure(scored(1.5), TRUTH)
    assert found.low is not None
    assert found.high is not None
    assert 0.5 < found.low < found.value < found.high < 1


@pytest.mark.parametrize("metric", [Auc(), PartialAuc()])
def test_a_difference_is_paired(metric: Auc) -> None:
    before, noisy = scored(1.5), scored(1.5, seed=2)
    near = {"errors": before["errors"] + np.float32(0.01) * noisy["errors"]}
    close, far = metric.compare(before, near, TRUTH), metric.compare(before, noisy, TRUTH)
    assert close.low <= close.value <= close.high
    assert close.high - close.low < (far.high - far.low) / 3
    value = metric.measure(noisy, TRUTH).value - metric.measure(before, TRUTH).value
    assert far.value == pytest.approx(value)
    same = metric.compare(before, before, TRUTH)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    worse = metric.compare(scored(3.0), scored(0.0), TRUTH)
    assert worse.high < 0


@pytest.mark.parametrize("metric", [Auc(), PartialAuc()])
@pytest.mark.parametrize(("label", "side"), [(0, "abnormal"), (1, "normal")])
def test_one_side_alone_is_said(metric: Auc, label: int, side: str) -> None:
    truth = {**TRUTH, "labels": np.full(60, label, np.int32)}
    with pytest.raises(DataError, match=rf"none of the 60 samples .* is {side}, .* fidelity"):
        metric.measure(scored(1.0), truth)


@pytest.mark.parametrize("metric", [Auc(), PartialAuc()])
def test_a_score_that_is_no_number_is_no_area(metric: Auc) -> None:
    broken = {"errors": np.full(60, np.nan, np.float32)}
    assert math.isnan(metric.measure(broken, TRUTH).value)
    assert math.isnan(metric.compare(scored(1.0), broken, TRUTH).value)


def test_one_abnormal_sample_leaves_everything_open() -> None:
    truth = {**TRUTH, "labels": np.array([0] * 59 + [1], np.int32)}
    found = Auc().measure(scored(1.0), truth)
    assert found.high is not None
    assert found.low is not None
    assert found.high - found.low > 0.5
    change = Auc().compare(scored(1.0), scored(2.0, seed=3), truth)
    assert (change.low, change.high) == (-1, 1)
