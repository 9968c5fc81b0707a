"""Ranges against brute force over the values themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tflbuild.quantization.observation import BINS, Activation
from tflbuild.quantization.ranges import SIZES, Method, ranges_of
from tflbuild.quantization.sharing import Shared

Values = npt.NDArray[Any]


def activation(values: Values, rows: Values | None = None) -> Activation:
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values, BINS, (low, high))
    return Activation(low=low, high=high, counts=counts, rows=[] if rows is None else list(rows))


def range_of(values: Values, method: Method) -> tuple[float, float]:
    return ranges_of({"a": activation(values)}, method)["a"]


def rounded(values: Values, low: float, high: float) -> Values:
    step = (high - low) / 255
    return (np.rint(values / step) * step).clip(low, high)


def normal(seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(0, 1, 20_000)


def relu6(seed: int = 1) -> Values:
    return np.random.default_rng(seed).normal(1, 3, 20_000).clip(0, 6)


def outliers(seed: int = 2) -> Values:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, 20_000), [25.0, -3.0]])


def test_zero_is_always_inside() -> None:
    assert range_of(np.array([2.0, 5.0]), "minmax") == (0.0, 5.0)
    assert range_of(np.array([-4.0, -1.0]), "minmax") == (-4.0, 0.0)


def test_a_constant_zero_has_a_range() -> None:
    for method in ("minmax", "p99.9", "mse", "entropy"):
        assert range_of(np.zeros(10), method) == (0.0, 1e-4)  # type: ignore[arg-type]
    assert range_of(np.full(10, -3.0), "mse") == (-3.0, 0.0)


@pytest.mark.parametrize(("method", "cut"), [("p99.9", 250), ("p99.99", 25), ("p99.999", 2)])
def test_percentiles_cut_off_as_many_values_of_half_a_million_at_either_end(method: Method, cut: int) -> None:
    values = np.sort(np.random.default_rng(0).normal(0, 1, 500_000))
    width = np.ptp(values) / BINS
    assert range_of(values, method) == pytest.approx((values[cut], values[-1 - cut]), abs=1.01 * width)


@pytest.mark.parametrize("values", [normal(), relu6(), outliers()], ids=["normal", "relu6", "outliers"])
def test_mse_has_no_larger_error_than_brute_force_finds(values: Values) -> None:
    def error(low: float, high: float) -> float:
        return float(np.square(rounded(values, low, high) - values).mean())

    low, high = min(values.min(), 0), max(values.max(), 0)
    shares = np.linspace(0.05, 1, 40)
    least = min(error(a * low, b * high) for a in (shares if low < 0 else [1]) for b in shares)
    assert error(*range_of(values, "mse")) <= 1.02 * least


@pytest.mark.parametrize(("draw", "clip"), [("normal", 3.92), ("laplace", 9.89)])
def test_mse_cuts_where_theory_does(draw: str, clip: float) -> None:
    """The best cuts for 8 bits, in standard deviations and in scales: Banner et al. 2019 (ACIQ), table 1."""
    rng = np.random.default_rng(3)
    values = getattr(rng, draw)(0, 1, 3_000_000)
    assert range_of(values, "mse") == pytest.approx((-clip, clip), rel=0.06)


def reference_divergence(values: Values, kept: int) -> float:
    """Give what NVIDIA's pytorch-quantization makes of a cut, `calib/histogram.py`, with its loops."""
    counts, _ = np.histogram(np.abs(values), SIZES, (0, np.abs(values).max()))
    counts = counts.astype(np.float64)
    counts[0] = counts[1]
    levels = 128 if values.min() < 0 < values.max() else 256
    digitized = np.digitize(range(kept), np.linspace(0, kept, levels + 1)) - 1
    sums, filled = np.zeros(levels), np.zeros(levels)
    for place, level in enumerate(digitized):
        if counts[place] > 0:
            sums[level] += counts[place]
            filled[level] += 1
    told = np.array([sums[n] / filled[n] if counts[i] > 0 else 0 for i, n in enumerate(digitized)])
    true = counts[:kept].copy()
    true[-1] += counts[kept:].sum()
    told, true = told / told.sum(), true / true.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(true > 0, true * np.log(true / told), 0).sum())


def from_zero_on(draw: str) -> Values:
    """Give few values, so that it matters for the cut in how many levels they are told."""
    rng = np.random.default_rng(1)
    return np.append(rng.exponential(1, 3000) if draw == "exponential" else rng.gamma(0.3, 1, 3000), 0.0)


@pytest.mark.parametrize("case", ["both signs", "one sign", "half zeros", "exponential", "gamma"])
def test_entropy_cuts_where_the_reference_diverges_least(case: str) -> None:
    values = np.random.default_rng(6).laplace(0, 1, 50_000)
    values = {
        "both signs": values,
        "one sign": np.abs(values),
        "half zeros": values.clip(0, None),
        "exponential": from_zero_on("exponential"),
        "gamma": from_zero_on("gamma"),
    }[case]
    low, high = range_of(values, "entropy")
    cut = round(max(-low, high) / np.abs(values).max() * SIZES)
    least = min(reference_divergence(values, kept) for kept in range(256, SIZES + 1, 16))
    assert (low == 0.0) == (case != "both signs")
    near = (min(cut + off, SIZES) for off in (-1, 0, 1))
    most = 1.1 if case == "both signs" else 1.001  # bins of signed values are no bins of their sizes
    assert min(reference_divergence(values, kept) for kept in near) <= most * least


def logistic(values: Values) -> Values:
    return 1 / (1 + np.exp(-values))


def logits(name: str, kind: str) -> Shared:
    return Shared(names=(name,), sources=(name,), scores=kind)


def test_the_range_of_logits_is_that_of_the_least_error_of_scores() -> None:
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.normal(-9, 4, 12_500), rng.normal(1, 2, 500)])

    def error(low: float, high: float) -> float:
        return float(np.abs(logistic(rounded(values, low, high)) - logistic(values)).mean())

    found = ranges_of({"a": activation(values)}, "mse", [logits("a", "LOGISTIC")])["a"]
    shares = np.linspace(0.05, 1, 40)
    least = min(error(a * values.min(), b * values.max()) for a in shares for b in shares)
    assert error(*found) <= 1.05 * least
    assert error(*found) < 0.6 * error(*range_of(values, "mse"))


def test_small_logits_are_cut_where_a_quarter_of_a_step_is_what_cutting_costs() -> None:
    """By hand: a logistic is linear there, so that Laplace's values of scale b, cut off at c, miss on average
    (2 c / 255) / 4 by rounding and b exp(-c / b) by cutting: least at c = b ln(510)."""
    values = np.random.default_rng(3).laplace(0, 0.05, 300_000)
    found = ranges_of({"a": activation(values)}, "mse", [logits("a", "LOGISTIC")])["a"]
    clip = 0.05 * np.log(510)
    assert found == pytest.approx((-clip, clip), rel=0.05)


def softmax(rows: Values) -> Values:
    powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def test_the_range_of_a_softmax_is_that_of_the_least_error_of_scores() -> None:
    rng = np.random.default_rng(9)
    rows = rng.normal(-6, 5, (400, 10))
    rows[np.arange(400), rng.integers(0, 10, 400)] += 8
    rows = rows.astype(np.float32)

    def error(low: float, high: float) -> float:
        return float(np.abs(softmax(rounded(rows, low, high)) - softmax(rows)).mean())

    found = ranges_of({"a": activation(rows, rows)}, "mse", [logits("a", "SOFTMAX")])["a"]
    least = min(
        error(a * rows.min(), b * rows.max())
        for a in np.linspace(0.3, 1, 15)
        for b in np.linspace(0.3, 1, 15)
    )
    assert error(*found) <= 1.05 * least
    assert error(*found) < 0.8 * error(float(rows.min()), float(rows.max()))


def test_either_end_of_a_softmax_is_best_with_the_other() -> None:
    """The low end is searched with the whole of the high one first, and again with what became of that."""
    rng = np.random.default_rng(1)
    rows = rng.normal(-3, 4, (60, 4))
    rows[np.arange(60), rng.integers(0, 4, 60)] += 8
    rows = rows.astype(np.float32)
    low, high = ranges_of({"a": activation(rows, rows)}, "mse", [logits("a", "SOFTMAX")])["a"]

    def error(low: float, high: float) -> float:
        return float(np.abs(softmax(rounded(rows, low, high)) - softmax(rows)).mean())

    shares = np.linspace(0.3, 1, 29)
    assert error(low, high) == pytest.approx(
        min(error(share * rows.min(), high) for share in shares), rel=1e-4
    )
    assert error(low, high) == pytest.approx(
        min(error(low, share * rows.max()) for share in shares), rel=1e-4
    )
    assert low < -9, "-6.6 is best with the whole of the high end"


def test_what_only_moves_values_shares_the_range_of_all_of_them() -> None:
    small, large = normal(10), 3 * normal(11)
    both = np.concatenate([small, large])
    observed = {"a": activation(small), "b": activation(large), "both": activation(both)}
    group = Shared(names=("a", "b", "both"), sources=("a", "b"), scores="")
    for method in ("minmax", "mse", "p99.9"):
        found = ranges_of(observed, method, [group])  # type: ignore[arg-type]
        assert found["a"] == found["b"] == found["both"]
        assert found["a"] == pytest.approx(range_of(both, method), rel=0.02)  # type: ignore[arg-type]


def test_a_percentile_leaves_out_no_more_than_its_share_by_hand() -> None:
    """Of 4000 values p99.9 leaves out two at either end at most: here the one in the first bin and two in the last."""
    counts = np.zeros(BINS, np.int64)
    counts[0], counts[1024], counts[3071], counts[-1] = 1, 1997, 2000, 2
    found = ranges_of({"a": Activation(low=-1.0, high=1.0, counts=counts)}, "p99.9")["a"]
    assert found == (-0.5, 0.5)
    counts[-1], counts[3071] = 3, 1999
    found = ranges_of({"a": Activation(low=-1.0, high=1.0, counts=counts)}, "p99.9")["a"]
    assert found == (-0.5, 1.0)


def test_a_narrow_range_is_taken_as_it_is() -> None:
    """1e-4 wide and less: nothing is cut off, whatever the method."""
    values = np.array([-5e-5] + [0.0] * 5000 + [4e-5])
    for method in ("p99.9", "mse", "entropy"):
        assert range_of(values, method) == pytest.approx((-5e-5, 5e-5))  # type: ignore[arg-type]


def test_groups_of_what_was_not_observed_change_nothing() -> None:
    observed = {"a": activation(normal()), "b": activation(normal(1))}
    unknown = Shared(names=("x", "y"), sources=("x",), scores="")
    partly = Shared(names=("a", "x"), sources=("a", "x"), scores="SOFTMAX")
    found = ranges_of(observed, "minmax", [unknown, partly])
    assert found == ranges_of(observed, "minmax")
    alone = Shared(names=("b",), sources=("b",), scores="")
    assert ranges_of(observed, "mse", [alone])["b"] == range_of(normal(1), "mse")
