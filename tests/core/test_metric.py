"""Measurements: written and read without loss, and how many images would decide."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from statistics import NormalDist
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core import metric
from tflbuild.core.artifact import Artifact
from tflbuild.core.form import check
from tflbuild.core.metric import FileMetric, Measurement, Z, deciding_n, file_metrics_of
from tflbuild.core.result_form import MEASUREMENT

FULL: dict[str, Any] = {
    "value": 0.5,
    "unit": "ms",
    "split": "val",
    "n": 7,
    "low": 0.25,
    "high": 0.75,
    "variance": 0.125,
    "kernels": "xnnpack",
    "details": {"per_class": [0.5, 0.25]},
}
NUMBERS = st.one_of(st.just(0.0), st.floats(-1e6, 1e6))
MEASUREMENTS = st.builds(
    Measurement,
    value=NUMBERS,
    unit=st.sampled_from(("1", "bytes")),
    split=st.sampled_from(("", "val", "test")),
    n=st.integers(1, 10**6),
    low=st.none() | NUMBERS,
    high=st.none() | NUMBERS,
    variance=st.none() | NUMBERS,
    kernels=st.sampled_from(("", "keras")),
    details=st.dictionaries(st.sampled_from(("a", "b")), st.lists(st.integers() | st.none())),
)


def test_every_field_of_a_measurement_is_written_under_its_own_name() -> None:
    assert set(FULL) == {field.name for field in dataclasses.fields(Measurement)}
    measured = Measurement(**FULL)
    assert measured.to_json() == FULL
    assert Measurement.from_json(FULL) == measured
    check(FULL, MEASUREMENT)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(MEASUREMENTS)
def test_a_measurement_is_read_back_as_it_was_written(measured: Measurement) -> None:
    assert Measurement.from_json(json.loads(json.dumps(measured.to_json()))) == measured


def test_a_fact_of_a_file_is_its_value_and_unit() -> None:
    assert Measurement(value=0.0, unit="bytes").to_json() == {"value": 0.0, "unit": "bytes"}


def test_a_variance_of_0_is_written_and_an_unknown_end_is_null() -> None:
    measured = Measurement(value=1.0, unit="1", n=3, low=0.0, variance=0.0)
    assert measured.to_json() == {
        "value": 1.0,
        "unit": "1",
        "n": 3,
        "low": 0.0,
        "high": None,
        "variance": 0.0,
    }


def test_what_json_does_not_know_is_null_and_a_value_is_read_as_nan() -> None:
    nan = float("nan")
    measured = Measurement(
        value=nan,
        unit="1",
        n=2,
        low=-math.inf,
        high=math.inf,
        variance=nan,
        details={"a": {"b": [nan, 1, (math.inf, "x")]}},
    )
    written = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert written == {
        "value": None,
        "unit": "1",
        "n": 2,
        "low": None,
        "high": None,
        "variance": None,
        "details": {"a": {"b": [None, 1, [None, "x"]]}},
    }
    assert math.isnan(Measurement.from_json(written).value)


def test_z_is_the_quantile_of_95_percent_intervals() -> None:
    """By the standard library's normal distribution."""
    assert pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-12) == Z


@pytest.mark.parametrize(
    ("reach", "margin", "n", "variance", "wanted"),
    [
        # Half the reach takes four times the images, where an interval shrinks with the root of n.
        (0.02, 0.01, 100, None, 400),
        # A tenth of a reach: a hundred times.
        (1.0, 0.1, 3, None, 300),
        # Where no two images differ it shrinks with n: twice.
        (0.02, 0.01, 100, 0.0, 200),
        # A negative variance is a rounding error of 0.
        (0.02, 0.01, 100, -1e-18, 200),
        # A variance that alone would reach further than the interval is the whole of it.
        (0.02, 0.01, 100, 1.0, 400),
        # By hand: A = Z^2 * 0.04 / Z^2 = 0.04 of the whole 4 * 0.04 = 0.16 at n = 4, so B = (0.16 - 0.04) * 4 = 0.48;
        # A/n + B/n^2 = 0.01 where n = (0.04 + sqrt(0.0016 + 4 * 0.01 * 0.48)) / 0.02 = 9.2, so 10 images.
        (0.2, 0.1, 4, 0.04 / Z**2, 10),
        (0.01, 0.01, 50, None, 50),
    ],
)
def test_the_deciding_size_follows_from_how_an_interval_shrinks(
    reach: float, margin: float, n: int, variance: float | None, wanted: int
) -> None:
    assert deciding_n(reach, margin, n, variance) == wanted


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    st.floats(0.01, 1),
    st.floats(0.01, 1),
    st.integers(2, 1000),
    st.floats(0, 1),
)
def test_the_deciding_size_is_the_first_whose_interval_is_narrow_enough(
    reach: float, margin: float, n: int, variance: float
) -> None:
    """Held to the formula of its docstring: the square of the reach is A/n + B/n**2."""
    a = min(reach**2 * n, Z**2 * variance)
    b = (reach**2 * n - a) * n

    def reaches(size: float) -> float:
        return math.sqrt(a / size + b / size**2)

    found = deciding_n(reach, margin, n, variance)
    assert reaches(found) <= margin * 1.0001
    assert found == 1 or reaches(found - 1) > margin * 0.9999


class Anything(FileMetric):
    pass


class OnlyTFLite(FileMetric):
    kinds: ClassVar[tuple[str, ...]] = ("TFLiteModel",)


class Predictions(metric.AccuracyMetric):
    pass


def test_facts_of_a_file_are_those_metrics_that_its_kind_has(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"anything": Anything, "flash": OnlyTFLite, "top1": Predictions}
    monkeypatch.setattr(metric.METRICS, "_classes", declared)
    assert file_metrics_of("KerasModel", ["top1", "flash", "anything"]) == ["anything"]
    assert file_metrics_of("TFLiteModel", ["top1", "flash", "anything"]) == ["flash", "anything"]


def test_a_metric_is_of_any_task_and_kind_in_the_unit_1_unless_it_says_more() -> None:
    assert (metric.Metric.unit, metric.Metric.tasks, metric.Metric.kinds) == ("1", (), ())
    assert metric.Metric.higher_is_better
    assert not metric.AccuracyMetric.primary
    assert FileMetric.exact
    assert metric.Metric.needs == ("numpy",)
    assert FileMetric.needs == ("ai_edge_litert", "numpy")


def test_a_metric_that_measures_nothing_says_so() -> None:
    model = Artifact(path=Path("x"), digest="d", fingerprint="f")
    for call in (
        lambda: metric.AccuracyMetric().measure({}, {}),
        lambda: metric.AccuracyMetric().compare({}, {}, {}),
        lambda: FileMetric().measure(model),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert (metric.METRICS.noun, metric.TargetMetric.target, metric.Metric.name) == ("metric", "", "")
