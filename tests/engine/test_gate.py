"""Gates, by hand."""

from __future__ import annotations

import json
import math

import pytest

from tflbuild.core.budget import Limit
from tflbuild.core.metric import Difference, Measurement
from tflbuild.engine.gate import judge

NAN = float("nan")


def measured(value: float, low: float | None = None, high: float | None = None) -> Measurement:
    return Measurement(value=value, unit="1", split="val", n=100, low=low, high=high)


def limit(form: str, bound: float) -> Limit:
    return Limit(metric="score", form=form, bound=bound)


# form, bound, before, after, difference (value, low, high), ok, decided
TABLE = [
    ("max_drop", 0.02, 0.60, 0.59, (-0.01, -0.015, -0.005), True, True),
    ("max_drop", 0.02, 0.60, 0.57, (-0.03, -0.035, -0.025), False, True),
    ("max_drop", 0.02, 0.60, 0.59, (-0.01, -0.03, 0.01), True, False),
    ("max_drop", 0.02, 0.60, 0.57, (-0.03, -0.05, -0.01), False, False),
    ("max_drop", -1.0, 0.60, 0.60, (0.0, 0.0, 0.0), False, True),
    ("max_rise", 0.02, 0.60, 0.63, (0.03, 0.025, 0.035), False, True),
    ("max_relative_drop", 0.05, 0.50, 0.48, (-0.02, -0.021, -0.019), True, True),
    ("max_relative_drop", 0.03, 0.50, 0.48, (-0.02, -0.021, -0.019), False, True),
]


@pytest.mark.parametrize(("form", "bound", "before", "after", "paired", "ok", "decided"), TABLE)
def test_a_relative_limit(
    form: str,
    bound: float,
    before: float,
    after: float,
    paired: tuple[float, float, float],
    ok: bool,
    decided: bool,
) -> None:
    difference = Difference(value=paired[0], low=paired[1], high=paired[2], n=100)
    verdict = judge(limit(form, bound), measured(after), measured(before), difference)
    assert (verdict.ok, verdict.decided) == (ok, decided)
    assert verdict.baseline == before


@pytest.mark.parametrize(
    ("form", "bound", "value", "low", "high", "ok", "decided"),
    [
        ("min", 0.5, 0.6, 0.55, 0.65, True, True),
        ("min", 0.5, 0.52, 0.48, 0.56, True, False),
        ("min", 0.5, 0.4, 0.35, 0.45, False, True),
        ("max", 0.5, 0.4, 0.35, 0.45, True, True),
        ("max", 0.5, 0.6, 0.55, 0.65, False, True),
    ],
)
def test_an_absolute_limit(
    form: str, bound: float, value: float, low: float, high: float, ok: bool, decided: bool
) -> None:
    verdict = judge(limit(form, bound), measured(value, low, high))
    assert (verdict.ok, verdict.decided) == (ok, decided)


@pytest.mark.parametrize(
    ("value", "baseline"),
    [
        (None, measured(0.5)),
        (measured(NAN), measured(0.5)),
        (measured(math.inf), measured(0.5)),
        (measured(0.5), measured(NAN)),
        (measured(0.5), None),
    ],
)
def test_what_cannot_be_measured_is_a_breach(value: Measurement | None, baseline: Measurement | None) -> None:
    verdict = judge(limit("max_drop", 1.0), value, baseline)
    assert not verdict.ok
    assert "could not be measured" in verdict.text


def test_nothing_is_a_share_of_a_baseline_of_0() -> None:
    difference = Difference(value=-0.01, low=-0.03, high=0.01, n=100)
    verdict = judge(limit("max_relative_drop", 0.1), measured(-0.01), measured(0.0), difference)
    assert not verdict.ok
    assert verdict.text == "score of the baseline is 0, of which nothing is a share; use max_drop"


def test_an_interval_that_is_no_interval_is_left_out() -> None:
    verdict = judge(limit("min", 0.5), measured(0.6, NAN, math.inf))
    assert (verdict.ok, verdict.decided, verdict.low, verdict.high) == (True, True, None, None)


def test_numbers_that_json_does_not_know_become_null() -> None:
    details = {"per class": [0.5, NAN, {"deep": -math.inf}]}
    written = Measurement(value=NAN, unit="1", n=3, low=NAN, high=math.inf, details=details).to_json()
    assert json.loads(json.dumps(written, allow_nan=False)) == {
        "value": None,
        "unit": "1",
        "n": 3,
        "low": None,
        "high": None,
        "details": {"per class": [0.5, None, {"deep": None}]},
    }


def test_strict_makes_an_undecided_verdict_a_breach_and_says_what_would_decide() -> None:
    difference = Difference(value=-0.01, low=-0.03, high=0.01, n=100)
    arguments = (limit("max_drop", 0.02), measured(0.59), measured(0.60), difference)
    assert judge(*arguments).ok
    strict = judge(*arguments, strict=True)
    assert not strict.ok
    # half width 0.02, margin 0.01: four times the images
    assert "undecided with n = 100, about 400 would decide" in strict.text


def test_a_gain_is_said_as_a_gain() -> None:
    difference = Difference(value=0.02, low=0.01, high=0.03, n=100)
    text = judge(limit("max_drop", 0.03), measured(0.62), measured(0.60), difference).text
    assert text == (
        "score rose by 0.0200 [0.0100, 0.0300], from 0.6000 to 0.6200; a fall of at most 0.0300 allowed"
    )
