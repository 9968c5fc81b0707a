"""Which steps of a ladder are blamed; intervals by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.analyses.attribution.judging import Cost, beyond, blamed, cost_of, metric_of
from tflbuild.core.metric import Difference, Measurement

NOTHING = Cost(0.0, -0.02, 0.02, 100)


def cost(value: float, reach: float) -> Cost:
    return Cost(value, value - reach, value + reach, 100)


def test_a_fall_of_accuracy_is_a_cost_with_its_interval_turned_round() -> None:
    found = cost_of(Difference(value=-0.1, low=-0.15, high=-0.02, n=50), "top1")
    assert found == Cost(0.1, 0.02, 0.15, 50)


def test_a_cost_beyond_doubt_is_blamed_and_one_within_its_interval_is_not() -> None:
    assert blamed([cost(0.3, 0.05), cost(0.03, 0.05)], cost(0.33, 0.05), 0.01) == [True, False]


def test_an_interval_is_widened_by_the_number_of_steps() -> None:
    # Bonferroni for 4 steps: the normal quantile of 1 - 0.025/4 is 2.4977, so that a reach of 0.05 becomes 0.0637.
    steps = [cost(0.06, 0.05), cost(0.065, 0.05), NOTHING, NOTHING]
    assert blamed(steps, cost(0.01, 0.05), 0.01) == [False, True, False, False]


def test_the_costliest_step_of_a_real_drop_is_blamed_by_its_own_interval() -> None:
    steps = [cost(0.06, 0.05), NOTHING, NOTHING, NOTHING]
    assert blamed(steps, cost(0.06, 0.05), 0.01) == [True, False, False, False]
    assert blamed(steps, cost(0.06, 0.07), 0.01) == [False, False, False, False]


def test_a_small_loss_is_nobodys_fault_however_sure_it_is() -> None:
    assert blamed([cost(0.009, 0.001)], cost(0.009, 0.001), 0.01) == [False]
    assert blamed([cost(0.010, 0.001)], cost(0.010, 0.001), 0.01) == [True]


def test_a_gain_is_never_blamed() -> None:
    assert blamed([cost(-0.3, 0.05), cost(0.0, 0.0)], cost(-0.3, 0.05), 0.01) == [False, False]
    assert blamed([], NOTHING, 0.01) == []


@pytest.mark.parametrize(
    ("found", "wanted"), [(cost(0.1, 0.2), False), (cost(0.1, 0.05), True), (cost(-0.1, 0.05), True)]
)
def test_what_is_within_noise_has_zero_in_its_interval(found: Cost, wanted: bool) -> None:
    assert beyond(found) is wanted


def measured(**values: float) -> Any:
    return SimpleNamespace(
        metrics={name: Measurement(value=value, unit="1") for name, value in values.items()}
    )


def test_the_metric_is_the_first_that_every_step_has_and_that_is_finite() -> None:
    rows = [measured(map=0.5, map50=0.7), measured(map50=0.6)]
    assert (metric_of(rows, ""), metric_of(rows, "map50"), metric_of(rows, "map")) == ("map50", "map50", "")
    assert metric_of([measured(top1=float("nan"))], "") == ""
