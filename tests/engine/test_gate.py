"""Gates, by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.budget import Limit
from tflbuild.core.metric import Difference, Measurement
from tflbuild.engine.gate import judge, judge_against, show

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


def test_a_relative_drop_since_a_baseline_of_0_is_undefined() -> None:
    difference = Difference(value=-0.01, low=-0.03, high=0.01, n=100)
    verdict = judge(limit("max_relative_drop", 0.1), measured(-0.01), measured(0.0), difference)
    assert not verdict.ok
    assert verdict.text == "score: the baseline is 0, so a relative drop is undefined; use max_drop"


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


def test_a_bound_that_is_met_exactly_is_kept() -> None:
    assert judge(limit("max", 0.5), measured(0.5)).ok
    assert judge(limit("min", 0.5), measured(0.5)).ok
    assert not judge(limit("max", 0.5), measured(0.5001)).ok
    assert not judge(limit("min", 0.5), measured(0.4999)).ok
    same = Difference(value=-0.25, low=-0.25, high=-0.25, n=100)
    assert judge(limit("max_drop", 0.25), measured(0.25), measured(0.5), same).ok


@pytest.mark.parametrize(
    ("low", "high", "decided"),
    [
        (0.5, 0.7, True),  # touches the bound
        (0.3, 0.5, True),
        (0.49, 0.7, False),
        (0.3, 0.51, False),
        (None, 0.7, True),
        (0.3, None, True),
        (0.5, 0.5, True),
    ],
)
def test_a_verdict_is_undecided_where_the_bound_lies_inside_the_interval(
    low: float | None, high: float | None, decided: bool
) -> None:
    verdict = judge(limit("min", 0.5), measured(0.5, low, high))
    assert verdict.decided is decided
    assert (verdict.low, verdict.high) == (low, high)
    assert judge(limit("min", 0.5), measured(0.5, low, high), strict=True).ok is decided


def test_strict_does_not_open_a_gate() -> None:
    assert not judge(limit("min", 0.5), measured(0.4, 0.3, 0.45), strict=True).ok
    assert not judge(limit("min", 0.5), measured(0.4, 0.3, 0.55), strict=True).ok


# By hand. form, bound, before, after, difference (value, low, high): low and high of the drop, rise or share
COSTS = [
    ("max_drop", 0.02, 0.60, 0.57, (-0.03, -0.035, -0.01), 0.01, 0.035),
    ("max_rise", 0.02, 0.60, 0.63, (0.03, 0.01, 0.035), 0.01, 0.035),
    ("max_relative_drop", 0.02, 0.50, 0.48, (-0.02, -0.03, -0.01), 0.02, 0.06),
    ("max_relative_drop", 0.02, -0.50, -0.52, (-0.02, -0.03, -0.01), 0.02, 0.06),
    ("max_drop", 0.02, 0.60, 0.57, (-0.03, -0.035, 0.0), 0.0, 0.035),
]


@pytest.mark.parametrize(("form", "bound", "before", "after", "paired", "low", "high"), COSTS)
def test_the_interval_is_of_what_is_limited(
    form: str,
    bound: float,
    before: float,
    after: float,
    paired: tuple[float, float, float],
    low: float,
    high: float,
) -> None:
    difference = Difference(value=paired[0], low=paired[1], high=paired[2], n=100)
    verdict = judge(limit(form, bound), measured(after), measured(before), difference)
    assert (verdict.low, verdict.high) == (pytest.approx(low), pytest.approx(high))
    assert str(verdict.low) != "-0.0"
    assert (verdict.value, verdict.baseline, verdict.split) == (after, before, "val")


def test_a_file_s_size_has_no_interval_and_rises_against_its_baseline() -> None:
    bytes_ = Limit(metric="file_bytes", form="max_rise", bound=100)
    before, after = (Measurement(value=value, unit="bytes") for value in (12_000, 12_345))
    verdict = judge(bytes_, after, before)
    assert (verdict.ok, verdict.low, verdict.high, verdict.decided) == (False, None, None, True)
    assert verdict.text == (
        "file_bytes rose by 345 B, from 11.7 KiB to 12.1 KiB; a rise of at most 100 B allowed"
    )
    fell = judge(bytes_, before, after)
    assert fell.ok
    assert fell.text.startswith("file_bytes fell by 345 B, from 12.1 KiB to 11.7 KiB; a rise of")


@pytest.mark.parametrize(
    ("form", "value", "baseline", "paired", "text"),
    [
        ("min", measured(0.6), None, None, "score 0.6000, at least 0.1000 allowed"),
        ("max", measured(0.6, 0.5, 0.7), None, None, "score 0.6000 [0.5000, 0.7000], at most 0.1000 allowed"),
        (
            "max_drop",
            measured(0.3),
            measured(0.6),
            (-0.3, -0.4, -0.2),
            "score fell by 0.3000 [0.2000, 0.4000], from 0.6000 to 0.3000; a fall of at most 0.1000 allowed",
        ),
        (
            "max_rise",
            measured(0.3),
            measured(0.6),
            (-0.3, -0.4, -0.2),
            "score fell by 0.3000 [0.2000, 0.4000], from 0.6000 to 0.3000; a rise of at most 0.1000 allowed",
        ),
        (
            "max_rise",
            measured(0.6),
            measured(0.3),
            (0.3, 0.2, 0.4),
            "score rose by 0.3000 [0.2000, 0.4000], from 0.3000 to 0.6000; a rise of at most 0.1000 allowed",
        ),
        (
            "max_relative_drop",
            measured(0.3),
            measured(0.6),
            (-0.3, -0.36, -0.24),
            "score fell by 0.5000 [0.4000, 0.6000], from 0.6000 to 0.3000; a fall of at most 0.1000 allowed",
        ),
        (
            "max_drop",
            measured(0.6),
            measured(0.6),
            (0.0, 0.0, 0.0),
            "score fell by 0.0000 [0.0000, 0.0000], from 0.6000 to 0.6000; a fall of at most 0.1000 allowed",
        ),
    ],
)
def test_a_verdict_is_one_sentence(
    form: str, value: Measurement, baseline: Measurement | None, paired: Any, text: str
) -> None:
    difference = Difference(value=paired[0], low=paired[1], high=paired[2], n=9) if paired else None
    assert judge(limit(form, 0.1), value, baseline, difference).text == text


def test_an_interval_that_ends_at_0_is_said() -> None:
    difference = Difference(value=0.02, low=0.0, high=0.03, n=100)
    verdict = judge(limit("max_drop", 0.03), measured(0.62), measured(0.60), difference)
    assert verdict.text.startswith("score rose by 0.0200 [0.0000, 0.0300], from")
    assert (verdict.low, verdict.high) == (-0.03, 0.0)


def test_a_limit_since_a_step_says_which() -> None:
    since = Limit(metric="score", form="max_drop", bound=0.1, since="train")
    text = judge(since, measured(0.5), measured(0.6)).text
    assert text == (
        "score fell by 0.1000 since train, from 0.6000 to 0.5000; a fall of at most 0.1000 allowed"
    )


def test_what_could_not_be_measured_is_named() -> None:
    missing = judge(limit("min", 0.1), None)
    assert missing.text == "score could not be measured"
    assert (missing.ok, missing.decided, missing.value, missing.low, missing.high, missing.baseline) == (
        (False, True, None, None, None, None)
    )
    assert judge(limit("max_drop", 0.1), measured(0.5)).text == (
        "score of the baseline could not be measured"
    )
    assert judge(limit("max_drop", 0.1), measured(0.5)).value == 0.5
    assert judge(limit("max_drop", 0.1), measured(NAN), measured(0.5)).value is None


def test_an_absolute_limit_has_no_baseline() -> None:
    verdict = judge(limit("min", 0.1), measured(0.5), measured(0.6))
    assert verdict.baseline is None
    assert verdict.ok


@pytest.mark.parametrize(
    ("form", "value", "paired", "said"),
    [
        # the bound 0.5 is 0.02 from the value; the interval reaches 0.04 towards it, and 0.1 away from it
        ("min", measured(0.52, 0.48, 0.62), None, "undecided with n = 100, about 400 would decide"),
        ("min", measured(0.48, 0.38, 0.52), None, "undecided with n = 100, about 400 would decide"),
        ("min", measured(0.5, 0.4, 0.6), None, "undecided with n = 100, no sample size would decide"),
        # 70 pairs, the drop 0.48 is 0.02 below the bound, the interval reaches 0.06
        ("max_drop", measured(0.4), (-0.48, -0.54, -0.3), "undecided with n = 70, about 630 would decide"),
    ],
)
def test_the_number_that_would_decide_follows_from_the_side_that_the_bound_lies_on(
    form: str, value: Measurement, paired: Any, said: str
) -> None:
    difference = Difference(value=paired[0], low=paired[1], high=paired[2], n=70) if paired else None
    text = judge(limit(form, 0.5), value, measured(0.88), difference).text
    assert text.endswith(f"; {said}")


def test_the_variance_of_a_share_is_that_of_the_difference_by_the_baseline_squared() -> None:
    # The drop 0.1 of 0.5 is a share of 0.2, 0.1 below the bound 0.3; the interval reaches 0.2, by hand:
    # with variance 0 it shrinks with n itself, so 2 times 100; with all of it of the root, 4 times 100.
    def deciding(variance: float | None) -> str:
        difference = Difference(value=-0.1, low=-0.2, high=0.0, n=100, variance=variance)
        text = judge(limit("max_relative_drop", 0.3), measured(0.4), measured(0.5), difference).text
        return text.rpartition("about ")[2]

    assert deciding(0.0) == "200 would decide"
    assert deciding(None) == "400 would decide"
    # the reach of a normal interval, 1.96 * sqrt(variance / 100) / 0.5 = 0.2, gives 0.2603
    assert deciding(0.2603) in ("400 would decide", "401 would decide")
    # a quarter of the squared reach is the root's: n = (1 + sqrt(1 + 4 * 0.01 * 300)) / 0.02
    assert deciding(0.25 * 0.26031) == "231 would decide"


def test_what_is_just_over_reads_as_over() -> None:
    size = Limit(metric="file_bytes", form="max", bound=307_200)
    assert judge(size, Measurement(value=307_205, unit="bytes")).text == (
        "file_bytes 300.0 KiB (307,205 bytes), at most 300.0 KiB (307,200 bytes) allowed"
    )
    assert judge(limit("min", 0.5), Measurement(value=0.49996, unit="1", split="val")).text.startswith(
        "score 0.49996, at least 0.5 allowed"
    )


def test_an_interval_of_the_value_counts_its_own_variance() -> None:
    value = Measurement(value=0.52, unit="1", split="val", n=100, low=0.48, high=0.56, variance=0.0)
    assert judge(limit("min", 0.5), value).text.endswith("about 200 would decide")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.12345, "1", "0.1235"),
        (-0.00001, "1", "0.0000"),
        (1234567.4, "bytes", "1.2 MiB"),
        (1234.567, "ms", "1,235 ms"),
        (1.23456, "ms", "1.235 ms"),
    ],
)
def test_a_value_is_shown_in_its_unit(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


class Recorded:
    """Measures by table, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def accuracy(self, model: Any, metrics: list[str], split: str) -> dict[str, Measurement]:
        self.asked.append(("accuracy", model, metrics, split))
        return {"score": measured({"base": 0.9, "small": 0.5}[model])}

    def compare(self, metric: str, before: Any, after: Any, split: str) -> Difference:
        self.asked.append(("compare", metric, before, after, split))
        return Difference(value=-0.25, low=-0.45, high=-0.05, n=10)

    def file_metrics(self, model: Any, metrics: list[str]) -> dict[str, Measurement]:
        self.asked.append(("file_metrics", model, metrics))
        return {"file_bytes": Measurement(value={"base": 100, "small": 40}[model], unit="bytes")}


def against(limited: Limit, value: Measurement | None, baseline: Any, strict: bool = False) -> Any:
    measurer: Any = Recorded()
    model: Any = "small"
    verdict = judge_against(measurer, limited, value, model, baseline, "test", strict=strict)
    return verdict, measurer.asked


def test_an_accuracy_is_paired_with_that_of_the_baseline_on_the_same_split() -> None:
    verdict, asked = against(limit("max_drop", 0.3), measured(0.5), "base")
    assert asked == [("accuracy", "base", ["score"], "test"), ("compare", "score", "base", "small", "test")]
    assert (verdict.baseline, verdict.value) == (0.9, 0.5)
    assert (verdict.low, verdict.high) == (0.05, 0.45)
    assert verdict.ok
    assert not against(limit("max_drop", 0.3), measured(0.5), "base", strict=True)[0].ok


def test_a_fact_of_a_file_is_held_against_that_of_the_baseline() -> None:
    fact = Limit(metric="file_bytes", form="max_rise", bound=10)
    verdict, asked = against(fact, Measurement(value=120, unit="bytes"), "base")
    assert asked == [("file_metrics", "base", ["file_bytes"])]
    assert (verdict.baseline, verdict.value, verdict.ok) == (100, 120, False)


def test_what_needs_no_baseline_measures_none() -> None:
    verdict, asked = against(limit("min", 0.5), measured(0.52, 0.48, 0.56), "base")
    assert (verdict.ok, asked) == (True, [])
    assert not against(limit("min", 0.5), measured(0.52, 0.48, 0.56), "base", strict=True)[0].ok
    verdict, asked = against(limit("max_drop", 0.5), measured(0.5), None)
    assert (verdict.ok, asked) == (False, [])


def test_what_was_not_measured_is_not_compared() -> None:
    verdict, asked = against(limit("max_drop", 0.3), None, "base")
    assert asked == [("accuracy", "base", ["score"], "test")]
    assert verdict.text == "score could not be measured"


FRACTIONS = st.floats(0.01, 1.0)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(before=FRACTIONS, after=FRACTIONS, bound=st.floats(0, 1), reach=st.floats(0, 0.5))
def test_a_drop_and_the_rise_of_what_was_swapped_are_judged_alike(
    before: float, after: float, bound: float, reach: float
) -> None:
    change = after - before
    down = Difference(value=change, low=change - reach, high=change + reach, n=10)
    up = Difference(value=-change, low=-change - reach, high=-change + reach, n=10)
    dropped = judge(limit("max_drop", bound), measured(after), measured(before), down)
    risen = judge(limit("max_rise", bound), measured(before), measured(after), up)
    assert (dropped.ok, dropped.decided) == (risen.ok, risen.decided)
    assert (dropped.low, dropped.high) == (risen.low, risen.high)
    assert dropped.low is not None
    assert dropped.high is not None
    assert dropped.low <= before - after <= dropped.high
    share = judge(limit("max_relative_drop", bound), measured(after), measured(before), down)
    assert share.low == pytest.approx(dropped.low / before)
    assert share.high == pytest.approx(dropped.high / before)
