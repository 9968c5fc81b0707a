"""AdaRound: schedules by hand, Adam by the paper's loop, and what each step may look at."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tflbuild.quantization import soft_rounding
from tflbuild.quantization.soft_rounding import Problem, learn


def problem(rows: int = 40, most: int = 7, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    inputs = (1 + 0.2 * rng.normal(size=(1, rows, 4))).astype(np.float32)
    ratios = rng.uniform(-most + 1, most - 1, (1, 4, 2)).astype(np.float32)
    scales, bias = np.full((1, 1, 2), 0.25, np.float32), np.zeros((1, 1, 2), np.float32)
    return Problem(
        inputs=inputs, targets=inputs @ (ratios * scales), ratios=ratios, scales=scales, bias=bias, most=most
    )


def test_weights_are_drawn_to_a_side_after_a_fifth_of_the_steps() -> None:
    """A half cosine from 20 at 0.2 down to 2 at the end; 11 half way."""
    assert soft_rounding._beta(0.0) is None
    assert soft_rounding._beta(0.1999) is None
    assert soft_rounding._beta(0.2) == pytest.approx(20.0)
    assert soft_rounding._beta(0.6) == pytest.approx(11.0)
    assert soft_rounding._beta(1.0) == pytest.approx(2.0)


def test_each_weight_starts_where_it_is_and_one_that_stays_at_zero() -> None:
    share = np.array([0.0, 0.25, 0.5, 0.9, 0.75], np.float32)
    soft = soft_rounding._Soft(share, np.array([True, True, True, True, False]))
    np.testing.assert_allclose(soft.height(), [0.0, 0.25, 0.5, 0.9, 0.0], atol=1e-6)


def stretched(value: float) -> float:
    """The rectified sigmoid before it is cut off: Nagel et al. 2020, equation 23, with zeta 1.1 and gamma -0.1."""
    return 1.2 / (1 + math.exp(-value)) - 0.1


def by_the_papers(start: float, slopes: list[tuple[float, float | None]]) -> float:
    """Give a weight's height after steps of Adam (Kingma and Ba 2015, algorithm 1), its derivative by differences."""
    value = math.log((start + 0.1) / 1.2 / (1 - (start + 0.1) / 1.2))
    mean = square = 0.0

    def loss(at: float, slope: float, beta: float | None) -> float:
        height = stretched(at)
        return slope * height + (0.0 if beta is None else 0.1 * (1 - abs(2 * height - 1) ** beta))

    for step, (slope, beta) in enumerate(slopes, start=1):
        gradient = (loss(value + 1e-5, slope, beta) - loss(value - 1e-5, slope, beta)) / 2e-5
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        value -= 0.1 * (mean / (1 - 0.9**step)) / (math.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return stretched(value)


@pytest.mark.parametrize("start", [0.3, 0.5, 0.8])
@pytest.mark.parametrize(
    "slopes",
    [
        [(1.0, None), (-3.0, None), (0.2, None)],
        [(0.05, 2.0), (-0.1, 2.0), (0.02, 3.5)],
        [(0.001, 20.0), (0.3, 4.0), (-0.2, None), (0.1, 2.5)],
    ],
    ids=["error alone", "drawn", "changing"],
)
def test_a_step_is_adams_down_the_error_and_the_regularizer(
    start: float, slopes: list[tuple[float, float | None]]
) -> None:
    soft = soft_rounding._Soft(np.array([start], np.float32), np.array([True]))
    for slope, beta in slopes:
        soft.descend(np.array([slope], np.float32), beta)
    assert soft.height()[0] == pytest.approx(by_the_papers(start, slopes), abs=2e-4)


def test_each_step_learns_from_the_next_rows_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, int]] = []
    slope = Problem.slope

    def watched(self: Problem, levels: Any, rows: slice) -> Any:
        looked.append((rows.start, min(rows.stop, self.inputs.shape[1])))
        return slope(self, levels, rows)

    monkeypatch.setattr(Problem, "slope", watched)
    learn(problem(rows=600), 4)
    assert looked == [(0, 256), (256, 512), (512, 600), (0, 256)]


def test_no_step_leaves_every_weight_at_its_nearest_level() -> None:
    made = problem()
    np.testing.assert_array_equal(learn(made, 0), np.rint(made.ratios))


def test_the_unit_of_outputs_decides_nothing() -> None:
    """The error of nearest rounding is the regularizer's unit, so that outputs a thousandth as large learn the same."""
    made = problem()
    made.targets[:] += 0.3  # so that nearest rounding is not best
    small = np.float32(2**-10)  # a power of two, so that nothing is rounded
    smaller = replace(made, targets=made.targets * small, scales=made.scales * small, bias=made.bias * small)
    np.testing.assert_array_equal(learn(smaller, 60), learn(made, 60))
    assert np.any(learn(made, 60) != made.nearest)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_no_level_is_beyond_the_largest(factor: float) -> None:
    made = replace(problem(), most=3)
    ratios = np.full_like(made.ratios, factor * 3.6)
    beyond = replace(made, ratios=ratios, targets=made.inputs @ (ratios * made.scales))
    assert np.unique(beyond.nearest).tolist() == [factor * 3]
    assert np.unique(learn(beyond, 20)).tolist() == [factor * 3]


def test_the_error_is_the_mean_over_rows_of_the_sum_over_channels() -> None:
    """One tap of weight 1 in units of 0.5; rows of 2 and 4 on two channels, a bias of 1, outputs cut off at 2.5."""
    made = Problem(
        inputs=np.array([[[2.0], [4.0]]], np.float32),
        targets=np.array([[[1.0, 0.0], [2.0, 2.0]]], np.float32),
        ratios=np.ones((1, 1, 2), np.float32),
        scales=np.full((1, 1, 2), 0.5, np.float32),
        bias=np.array([[[0.0, 1.0]]], np.float32),
        low=-1.0,
        high=2.5,
    )
    # outputs (1, 2) and (2, 3 -> 2.5): ((0 + 4) + (0 + 0.25)) / 2
    assert made.error(made.ratios) == pytest.approx(2.125)
    assert made.part(slice(1, None)).error(made.ratios) == pytest.approx(0.25)
    np.testing.assert_allclose(made.missed(made.ratios, slice(1)), [[[0.0, 2.0]]])
