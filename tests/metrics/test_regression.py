from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.metrics.regression import Determination, MeanAbsoluteError, RootMeanSquareError

FOUND = {"values": np.array([[1.0, 10.0], [2.0, 10.0], [5.0, 40.0]], np.float32)}
RIGHT = {"values": np.array([[1.0, 20.0], [3.0, 10.0], [2.0, 30.0]]), "names": np.array(["length", "weight"])}


def test_errors_by_hand() -> None:
    mae = MeanAbsoluteError().measure(FOUND, RIGHT)
    assert mae.details["per_value"] == pytest.approx({"length": 4 / 3, "weight": 20 / 3})
    assert (mae.value, mae.n) == (pytest.approx(4.0), 3)
    rmse = RootMeanSquareError().measure(FOUND, RIGHT)
    assert rmse.details["per_value"] == pytest.approx({"length": (10 / 3) ** 0.5, "weight": (200 / 3) ** 0.5})
    # 1 - 10 / 2 and 1 - 200 / 200, about the means 2 and 20
    r2 = Determination().measure(FOUND, RIGHT)
    assert r2.details["per_value"] == pytest.approx({"length": -4.0, "weight": 0.0})
    assert (MeanAbsoluteError.higher_is_better, Determination.higher_is_better) == (False, True)


def many(noise: float) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    right = rng.normal(size=(400, 1))
    return {"values": right + noise * np.abs(rng.normal(size=(400, 1)))}


def test_an_interval_is_about_that_of_a_normal_mean() -> None:
    right = {**many(0.0), "names": np.array(["value"])}
    found = MeanAbsoluteError().measure(many(1.0), right)
    errors = np.abs(many(1.0)["values"] - right["values"])
    reach = 1.96 * errors.std() / 20
    assert found.value == pytest.approx(errors.mean())
    assert (found.low, found.high) == pytest.approx((errors.mean() - reach, errors.mean() + reach), abs=0.01)


def test_a_difference_is_paired() -> None:
    right = {**many(0.0), "names": np.array(["value"])}
    before = many(1.0)
    after = {"values": before["values"] + 0.05}
    change = MeanAbsoluteError().compare(before, after, right)
    assert (change.value, change.low, change.high) == pytest.approx((0.05, 0.05, 0.05))


def test_a_value_that_is_missing_or_no_number_is_no_number() -> None:
    broken = {"values": np.where(FOUND["values"] == 5, np.nan, FOUND["values"])}
    found = MeanAbsoluteError().measure(broken, RIGHT)
    assert np.isnan(found.value)
    assert found.low is None
    with pytest.raises(ValueError, match="gives 1 values, and the data have 2"):
        MeanAbsoluteError().measure({"values": FOUND["values"][:, :1]}, RIGHT)
