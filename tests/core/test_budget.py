"""Limits, verdicts and fallbacks: what a recipe says is what a report says."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.budget import FLOORS, LIMITS, RELATIVE_LIMITS, Fallback, Limit, Verdict, limits_of

METRICS = st.sampled_from(("map", "top1", "size"))
BOUNDS = st.one_of(st.just(0), st.just(0.0), st.integers(-9, 9), st.floats(-1e9, 1e9))
LABELS = st.sampled_from(("", "train", "prune"))


def test_the_forms_of_a_limit_are_those_of_the_documentation() -> None:
    assert LIMITS == ("min", "max", "max_drop", "max_rise", "max_relative_drop")


@pytest.mark.parametrize(
    ("form", "relative"),
    [("min", False), ("max", False), ("max_drop", True), ("max_rise", True), ("max_relative_drop", True)],
)
def test_drops_and_rises_need_a_baseline(form: str, relative: bool) -> None:
    assert Limit(metric="map", form=form, bound=0.1).relative is relative
    assert (form in RELATIVE_LIMITS) is relative


# form, bound, value, baseline; by hand: the cost, the excess in units of the bound, the value at the limit
ARITHMETIC: list[tuple[str, float, float | None, float | None, float | None, float, float | None]] = [
    ("min", 0.5, 0.4, None, 0.4, 0.2, 0.5),
    ("min", 0.5, 0.6, None, 0.6, 0.0, 0.5),
    ("min", -0.5, -0.6, None, -0.6, 0.2, -0.5),
    ("max", 800.0, 1000.0, None, 1000.0, 0.25, 800.0),
    ("max", 800.0, 1000.0, 2000.0, 1000.0, 0.25, 800.0),
    ("max_drop", 0.25, 0.5, 1.0, 0.5, 1.0, 0.75),
    ("max_drop", 0.25, 1.0, 0.5, -0.5, 0.0, 0.25),
    ("max_rise", 2.0, 5.0, 2.0, 3.0, 0.5, 4.0),
    ("max_rise", 2.0, 5.0, 0.0, 5.0, 1.5, 2.0),
    ("max_relative_drop", 0.25, 0.25, 0.5, 0.5, 1.0, 0.375),
    # a share of a negative baseline is one of its magnitude: what falls from -0.5 to -0.75 lost half
    ("max_relative_drop", 0.25, -0.75, -0.5, 0.5, 1.0, -0.625),
    ("max_relative_drop", 0.25, -0.25, -0.5, -0.5, 0.0, -0.625),
    # a bound of 0 is no unit
    ("max_drop", 0.0, 0.5, 0.75, 0.25, 0.25, 0.75),
    ("min", 0.0, -3.0, None, -3.0, 3.0, 0.0),
    ("max_relative_drop", 0.0, 0.25, 0.5, 0.5, 0.5, 0.5),
    # what was not measured, and a share of nothing
    ("min", 0.5, None, None, None, math.inf, 0.5),
    ("max", 0.5, math.nan, None, None, math.inf, 0.5),
    ("max_drop", 0.25, 0.5, None, None, math.inf, None),
    ("max_drop", 0.25, None, 0.5, None, math.inf, 0.25),
    ("max_rise", 0.25, 0.5, math.inf, None, math.inf, None),
    ("max_relative_drop", 0.25, 0.5, 0.0, None, math.inf, None),
]


@pytest.mark.parametrize(("form", "bound", "value", "baseline", "cost", "excess", "line"), ARITHMETIC)
def test_a_limit_knows_its_cost_its_excess_and_its_line(
    form: str,
    bound: float,
    value: float | None,
    baseline: float | None,
    cost: float | None,
    excess: float,
    line: float | None,
) -> None:
    limit = Limit(metric="map", form=form, bound=bound)
    assert limit.cost(value, baseline) == cost
    assert limit.excess(value, baseline) == pytest.approx(excess)
    assert limit.line(baseline) == line
    assert limit.floor is (form in FLOORS)


def test_a_cost_of_nothing_has_no_sign() -> None:
    for form in RELATIVE_LIMITS:
        assert str(Limit(metric="map", form=form, bound=0.1).cost(0.5, 0.5)) == "0.0"


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.sampled_from(LIMITS), st.integers(-64, 64), st.integers(-64, 64), st.sampled_from((-2.0, 1.0, 4.0)))
def test_a_limit_is_exceeded_on_the_far_side_of_its_line(
    form: str, bound: int, value: int, baseline: float
) -> None:
    limit = Limit(metric="map", form=form, bound=bound / 16)  # powers of two: no rounding
    line = limit.line(baseline)
    assert line is not None
    beyond = value / 16 < line if limit.floor else value / 16 > line
    assert (limit.excess(value / 16, baseline) > 0) is beyond


@pytest.mark.parametrize(
    ("ok", "value", "excess"), [(False, 1000.0, 0.25), (True, 1000.0, 0.0), (False, None, math.inf)]
)
def test_a_gate_that_stays_open_exceeds_nothing(ok: bool, value: float | None, excess: float) -> None:
    limit = Limit(metric="size", form="max", bound=800.0)
    found = Verdict(
        limit=limit, baseline=None, value=value, low=None, high=None, ok=ok, decided=True, text=""
    )
    assert found.excess == excess


@settings(deadline=None, max_examples=25, derandomize=True)
@given(METRICS, st.dictionaries(st.sampled_from(LIMITS), BOUNDS, min_size=1), LABELS)
def test_every_bound_of_a_budget_is_a_limit_whatever_it_is(
    metric: str, bounds: dict[str, float], since: str
) -> None:
    limits = limits_of({metric: {**bounds, "since": since}, "latency": None})
    assert [(one.metric, one.form, one.bound, one.since) for one in limits] == [
        (metric, form, float(bound), since) for form, bound in bounds.items()
    ]
    assert all(type(one.bound) is float for one in limits)


def test_a_limit_of_0_is_a_limit_and_null_is_none() -> None:
    read = limits_of({"map": {"max_drop": 0, "min": None, "since": None}, "size": {"max": 0.0}, "top1": {}})
    assert read == (
        Limit(metric="map", form="max_drop", bound=0.0, since=""),
        Limit(metric="size", form="max", bound=0.0, since=""),
    )


def test_targets_may_share_a_limit_or_have_their_own() -> None:
    shared = {"latency": {"max": 5, "min": 1, "on": ["phone", "board"]}}
    own = {"latency": [{"max": 5, "on": "phone"}, None, {"max": 1}], "map": {"max_drop": 0.1, "on": None}}
    assert [(one.form, one.on) for one in limits_of(shared)] == [
        ("max", "phone"),
        ("max", "board"),
        ("min", "phone"),
        ("min", "board"),
    ]
    assert [(one.bound, one.on) for one in limits_of(own)] == [(5.0, "phone"), (1.0, ""), (0.1, "")]
    limit = Limit(metric="latency", form="max", bound=5.0, on="phone")
    assert limit.to_json() == {"max": 5.0, "on": "phone"}
    assert limits_of({"latency": limit.to_json()}) == (limit,)


def test_a_label_of_another_kind_than_text_is_read_as_text() -> None:
    assert limits_of({"map": {"max_drop": 1, "since": 7}})[0].since == "7"


@settings(deadline=None, max_examples=25, derandomize=True)
@given(METRICS, st.sampled_from(LIMITS), BOUNDS, LABELS)
def test_a_limit_is_read_back_as_it_was_written(metric: str, form: str, bound: float, since: str) -> None:
    limit = Limit(metric=metric, form=form, bound=float(bound), since=since)
    written = json.loads(json.dumps({metric: limit.to_json()}))
    assert limits_of(written) == (limit,)
    assert ("since" in written[metric]) is bool(since)


def test_every_field_of_a_verdict_is_written_under_its_own_name() -> None:
    limit = Limit(metric="map", form="max_drop", bound=0.01, since="train")
    values: dict[str, Any] = {
        "limit": limit,
        "baseline": 0.5,
        "value": 0.4,
        "low": -0.2,
        "high": 0.3,
        "ok": False,
        "decided": True,
        "text": "too low",
        "split": "val",
    }
    assert set(values) == {field.name for field in dataclasses.fields(Verdict)}
    assert Verdict(**values).to_json() == {
        **values,
        "limit": {"max_drop": 0.01, "since": "train"},
        "metric": "map",
    }


def test_what_could_not_be_measured_stays_null_and_0_stays_0() -> None:
    limit = Limit(metric="size", form="max", bound=0.0)
    kept = Verdict(limit=limit, baseline=None, value=0.0, low=None, high=0.0, ok=True, decided=False, text="")
    written = kept.to_json()
    assert written["limit"] == {"max": 0.0}
    assert [written[name] for name in ("baseline", "value", "low", "high")] == [None, 0.0, None, 0.0]
    assert (written["ok"], written["decided"], written["split"]) == (True, False, "")


def test_a_fallback_is_said_in_its_order() -> None:
    assert Fallback(run=("qat", "quantize"), start="prune").text == "qat -> quantize from prune"
    assert Fallback(run=("qat",)).text == "qat"
