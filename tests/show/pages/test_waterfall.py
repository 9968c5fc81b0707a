"""The geometry of the charts, by hand: 320 pixels high, the plot between y 44 and 264, x from 56 to 944 of 960."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.exhibit import Curve, Point
from tflbuild.show.pages import curve
from tflbuild.show.pages.scatter import scatter
from tflbuild.show.pages.waterfall import (
    Column,
    Scale,
    gauge,
    limits_of,
    round_values,
    scale_of,
    waterfall,
)


@pytest.mark.parametrize(
    ("value", "y"), [(0.0, 264.0), (1.0, 44.0), (0.5, 154.0), (0.25, 209.0), (1.5, 44.0), (-0.5, 264.0)]
)
def test_a_value_has_its_height_and_one_outside_lies_at_the_edge(value: float, y: float) -> None:
    assert Scale(low=0.0, high=1.0).y(value) == y


@pytest.mark.parametrize(("value", "inside"), [(0.1, True), (0.4, True), (0.09, False), (0.41, False)])
def test_the_ends_of_a_scale_belong_to_it(value: float, inside: bool) -> None:
    assert Scale(low=0.1, high=0.4).holds(value) is inside


SCALES = [
    # values with their intervals, limits, and the ends: 0.12 of the span is left free on each side
    ([{"value": 0.6}, {"value": 0.7}], [], (0.588, 0.712)),
    ([{"value": 0.6, "low": 0.5, "high": 0.7}], [], (0.476, 0.724)),
    ([{"value": 0.6}, {"value": 0.7}], [0.5, 0.8], (0.464, 0.836)),
    ([{"value": 0.6}, {"value": 0.7}], [0.44, 0.86], (0.588, 0.712)),  # further off than one and a half spans
    ([{"value": 0.7}], [], (0.616, 0.784)),
    ([{"value": 0.0}], [], (0.0, 0.12)),
    ([{"value": -0.5}, {"value": -0.3}], [], (-0.524, -0.276)),
    ([{"value": 0.01}, {"value": 1.01}], [], (0.0, 1.13)),
]


@pytest.mark.parametrize(("measured", "limits", "ends"), SCALES)
def test_a_scale_spans_what_was_measured_and_the_limits_near_it(
    measured: list[dict[str, float]], limits: list[float], ends: tuple[float, float]
) -> None:
    found = scale_of(measured, limits)
    assert (found.low, found.high) == pytest.approx(ends)


TICKS = [
    (0.0, 1.0, "0.0 0.2 0.4 0.6 0.8 1.0"),
    (0.0, 7.0, "0 1 2 3 4 5 6 7"),
    (0.0, 14.0, "0 2 4 6 8 10 12 14"),
    (0.0, 35.0, "0 5 10 15 20 25 30 35"),
    (1.0, 69.0, "10 20 30 40 50 60"),
    (0.0, 0.0007, "0.0000 0.0001 0.0002 0.0003 0.0004 0.0005 0.0006 0.0007"),
    (-0.3, 0.3, "-0.3 -0.2 -0.1 0.0 0.1 0.2 0.3"),
    (0.61, 0.69, "0.62 0.64 0.66 0.68"),
]


@pytest.mark.parametrize(("low", "high", "text"), TICKS)
def test_ticks_are_round_values_with_as_many_decimals_as_they_need(
    low: float, high: float, text: str
) -> None:
    values, decimals = round_values(low, high)
    assert " ".join(f"{value + 0.0:.{decimals}f}" for value in values).replace("-0.0 ", "0.0 ") == text


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.floats(-1000, 1000), st.floats(1e-4, 1000))
def test_there_are_four_to_eight_ticks_within_the_range(low: float, span: float) -> None:
    values, _ = round_values(low, low + span)
    assert 3 <= len(values) <= 8
    assert all(low - 1e-6 * span <= value <= low + span * (1 + 1e-6) for value in values)


def test_ticks_have_their_heights() -> None:
    assert Scale(low=0.0, high=1.0).ticks()[:2] == [{"y": 264.0, "text": "0.0"}, {"y": 220.0, "text": "0.2"}]


def column(label: str, value: float, **more: Any) -> Column:
    ends = {key: more.pop(key) for key in ("low", "high") if key in more}
    return Column(label=label, measurement={"value": value} | ends, **more)


def test_columns_are_170_wide_and_their_points_stand_in_the_middle() -> None:
    made = waterfall("map", "1", [("val", [column("a", 0.0, low=0.0, high=1.0), column("b", 0.5)])])
    assert made is not None
    # The scale is 0 to 1.12: 0.5 stands at 264 - 220 x 0.5 / 1.12.
    assert [(point["x"], point["y"]) for point in made.points] == [(141.0, 264.0), (311.0, 165.8)]
    assert [(point["low"], point["high"]) for point in made.points] == [(264.0, 67.6), (165.8, 165.8)]
    assert [(point["text"], point["label"], point["value"]) for point in made.points] == [
        ("0.000", "a", 0.0),
        ("0.500", "b", 0.5),
    ]
    assert made.panels == [{"x": 56, "width": 340, "title": "val"}]
    assert made.width == 412.0  # 56, two columns, 16
    assert made.links == [{"x": 141.0, "y": 264.0, "x2": 311.0, "y2": 165.8, "state": "kept"}]
    assert [point["change"] for point in made.points] == ["", "+0.500"]


def test_many_columns_share_the_room_and_panels_stand_44_apart() -> None:
    six, four = ([column(str(k), 0.5) for k in range(count)] for count in (6, 4))
    made = waterfall("map", "1", [("val", six), ("none", []), ("test", four)])
    assert made is not None
    # By hand: 960 - 56 - 16 - 44 leaves 844 for ten columns.
    assert [(round(panel["x"], 1), panel["width"]) for panel in made.panels] == [(56, 506.4), (606.4, 337.6)]
    assert (made.points[0]["x"], made.points[6]["x"], made.width) == (98.2, 648.6, 960.0)
    assert len(made.links) == 5 + 3, "panels are not linked with one another"


def test_a_step_is_compared_with_its_input_or_with_the_last_that_was_kept() -> None:
    made = waterfall(
        "map",
        "1",
        [
            (
                "val",
                [
                    column("a", 0.8, output="A"),
                    column("b", 0.7, output="B", input="A", state="closed"),
                    column("c", 0.6, output="C", input="gone"),
                    column("d", 0.9, output="D", input="B"),
                ],
            )
        ],
    )
    assert made is not None
    assert [point["change"] for point in made.points] == ["", "−0.100", "−0.200", "+0.200"]
    assert [link["state"] for link in made.links] == ["closed", "kept", "kept"]
    assert [point["state"] for point in made.points] == ["kept", "closed", "kept", "kept"]


def test_limits_are_lines_below_and_above_with_their_sign() -> None:
    limits = ((0.5, True), (0.9, False), (0.0, True), (-1.0, True), (0.0, False), (9.0, False), (-9.0, False))
    made = waterfall("map", "1", [("val", [column("a", 0.4, low=0.0, high=1.0, limits=limits)])])
    assert made is not None
    # No metric is below 0, so that a floor there forbids nothing and does not stretch the scale.
    assert [limit["text"] for limit in made.limits] == [
        "≥ 0.500",
        "≤ 0.900",
        "≤ 0.000",
        "≤ 9.000 ↑",
        "≤ -9.000 ↓",
    ]
    first = made.limits[0]
    assert (first["middle"], first["x"], first["x2"], first["y"]) == (141.0, 69.6, 212.4, 165.8)


def test_an_end_of_an_interval_may_be_zero() -> None:
    made = waterfall(
        "loss", "1", [("val", [column("a", 0.5, low=0.0, high=1.0), column("b", -0.5, high=0.0)])]
    )
    assert made is not None
    # By hand: -0.5 to 1 with 0.18 free on each side: 1.86 over 220.
    assert [(point["low"], point["high"]) for point in made.points] == [(183.6, 65.3), (242.7, 183.6)]
    jobs = [job(100, 0.5, low=0.0, high=1.0), job(200, -0.5, low=-0.5, high=0.0)]
    placed = scatter(jobs, "map")
    assert placed is not None
    assert [(point["low"], point["high"]) for point in placed.points] == [(183.6, 65.3), (242.7, 183.6)]


def test_nothing_measured_is_no_chart() -> None:
    assert waterfall("map", "1", []) is None
    assert waterfall("map", "1", [("val", []), ("test", [])]) is None


def verdict(limit: dict[str, Any], baseline: float | None = 0.7, metric: str = "map") -> dict[str, Any]:
    return {"metric": metric, "limit": limit, "baseline": baseline}


def test_limits_that_need_a_baseline_are_no_lines_without_one() -> None:
    forms = ({"max_drop": 0.1}, {"max_relative_drop": 0.1}, {"max_rise": 0.1})
    assert limits_of([verdict(form, None) for form in forms], "map") == ()
    assert limits_of([verdict({"min": 0.1}, None), verdict({"max": 0.2}, None)], "map") == (
        (0.1, True),
        (0.2, False),
    )
    assert limits_of([verdict({"min": 0.1}, metric="map50")], "map") == ()
    assert limits_of([verdict({"max_drop": 0.1}, 0.0)], "map") == ((-0.1, True),)
    assert limits_of([verdict({"max_relative_drop": 0.1}, 0.0)], "map") == ()
    assert limits_of([verdict({"max_relative_drop": 0.5}, -0.5)], "map") == ((-0.75, True),)


def test_limits_on_a_change_are_lines_from_the_baseline_on() -> None:
    forms = ({"max_drop": 0.25}, {"max_relative_drop": 0.25, "since": "train"}, {"max_rise": 0.25})
    assert limits_of([verdict(form, 0.5) for form in forms], "map") == (
        (0.25, True),
        (0.375, True),
        (0.75, False),
    )


GAUGES = [
    # A line from 6 to 94; what limits a loss shows zero as well.
    ({"max_drop": 0.01}, 0.0, 0.02, (6.0, 88.0, 50.0, 6.0, False)),
    ({"since": "train", "max_drop": 0.03}, -0.01, 0.01, (6.0, 44.0, 94.0, 28.0, False)),
    ({"max_drop": 0.01}, 0.02, 0.04, (50.0, 44.0, 28.0, 6.0, False)),
    ({"min": 0.5}, 0.6, 0.7, (50.0, 44.0, 6.0, None, True)),
    ({"max": 5}, 10, 10, (94.0, 0.8, 6.0, None, False)),
    ({"min": 0.0}, 0.0, 0.0, (6.0, 0.8, 6.0, None, True)),
]


@pytest.mark.parametrize(("limit", "low", "high", "wanted"), GAUGES)
def test_a_gauge_places_the_interval_and_the_limit(
    limit: dict[str, Any], low: float, high: float, wanted: tuple[Any, ...]
) -> None:
    made = gauge({"limit": limit, "low": low, "high": high})
    assert made is not None
    assert tuple(made[key] for key in ("low", "width", "limit", "zero", "allowed_right")) == wanted


@pytest.mark.parametrize(
    "given", [{"low": None, "high": 1}, {"low": 1, "high": None}, {"limit": {"since": "train"}}]
)
def test_without_an_interval_or_a_limit_there_is_no_gauge(given: dict[str, Any]) -> None:
    assert gauge({"limit": {"min": 0.5}, "low": 0.1, "high": 0.2} | given) is None


def job(kib: float | None, value: float | None, status: str = "built", **more: Any) -> dict[str, Any]:
    found = {"value": value, "unit": "1", "low": more.get("low"), "high": more.get("high")}
    return {
        "overrides": {"a": str(kib), "b": "x"},
        "status": status,
        "compressed_bytes": kib and 1024 * kib,
        "metrics": {"map": found},
        "pareto": bool(more.get("pareto")),
    }


def test_jobs_are_placed_by_size_and_accuracy_and_numbered_as_in_the_table() -> None:
    jobs = [job(100, 0.5, low=0.4, high=0.6, pareto=True), job(None, 0.9), job(50, None), job(200, 0.7)]
    made = scatter(jobs, "map")
    assert made is not None
    # By hand: 92 to 208 KiB over 888 pixels; 0.4 to 0.7 with 0.036 free on each side over 220.
    assert [(point["x"], point["y"]) for point in made.points] == [(117.2, 183.6), (882.8, 65.3)]
    assert [(point["low"], point["high"]) for point in made.points] == [(242.7, 124.4), (65.3, 65.3)]
    assert [point["number"] for point in made.points] == [1, 4]
    assert [point["pareto"] for point in made.points] == [True, False]
    assert made.points[0]["text"] == "a=100, b=x: map 0.500, size 100.0 KiB"
    assert [mark["text"] for mark in made.columns] == ["100", "120", "140", "160", "180", "200"]
    assert made.front == "117.2,183.6 882.8,65.3"


def test_the_front_joins_built_jobs_that_are_more_accurate_than_all_smaller_ones() -> None:
    jobs = [
        job(100, 0.5),
        job(100, 0.4),
        job(120, 0.9, "over_budget"),
        job(150, 0.5),
        job(160, 0.45),
        job(200, 0.7),
    ]
    made = scatter(jobs, "map")
    assert made is not None
    first, last = made.points[0], made.points[-1]
    assert made.front == f"{first['x']},{first['y']} {last['x']},{last['y']}"
    only = scatter([job(100, 0.5), job(200, 0.4)], "map")
    assert only is not None
    assert only.front == ""


def test_jobs_of_one_size_have_a_chart() -> None:
    made = scatter([job(100, 0.0), job(100, 0.5)], "map")
    assert made is not None
    assert [point["x"] for point in made.points] == [500.0, 500.0]
    assert scatter([job(100, 0.5)], "map") is None


def test_the_points_of_a_curve_have_their_places_and_states() -> None:
    points = (Point(x=0.3, y=0.6), Point(x=0.5, y=0.7, kept=True), Point(x=0.7, y=0.2, ok=False))
    drawn = curve.place(Curve(points=points, x_name="sparsity", y_name="map"))
    # By hand: x from 0.252 to 0.748 over 488 pixels; y from 0.14 to 0.76 over 220.
    assert [(point["x"], point["y"]) for point in drawn.points] == [
        (103.2, 100.8),
        (300.0, 65.3),
        (496.8, 242.7),
    ]
    assert [(point["state"], point["text"]) for point in drawn.points] == [
        ("left", "0.600"),
        ("kept", "0.700"),
        ("closed", "0.200"),
    ]
    assert drawn.line == "103.2,100.8 300.0,65.3 496.8,242.7"
    assert [mark["text"] for mark in drawn.columns] == ["0.3", "0.4", "0.5", "0.6", "0.7"]
    assert (drawn.x_name, drawn.y_name) == ("sparsity", "map")


def test_values_that_differ_by_less_than_a_hundredth_are_drawn_on_a_scale_of_a_hundredth() -> None:
    points = (Point(x=0.5, y=0.601), Point(x=0.5, y=0.603))
    drawn = curve.place(Curve(points=points, x_name="x", y_name="y"))
    # By hand: 0.597 to 0.607 with 0.0012 free on each side.
    assert [(point["x"], point["y"]) for point in drawn.points] == [(300.0, 171.7), (300.0, 136.3)]
