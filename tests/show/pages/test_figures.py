"""Figures as people read them, each held to a line written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.show.pages.figures import change, duration, figure, interval, primary_metric, size

FIGURES = [
    (None, "1", "–"),
    (None, "bytes", "–"),
    (0.0, "1", "0.000"),
    (0.61234, "1", "0.612"),
    (1.0, "1", "1.000"),
    (0.01, "1", "0.010"),
    (0.00987, "1", "0.0099"),
    (-0.00987, "1", "-0.0099"),
    (-0.5, "1", "-0.500"),
    (0.016789, "error", "0.0168"),
    (1.0, "error", "1.00"),
    (123.4, "error", "123"),
    (0.0, "error", "0.00"),
    (0.625, "%", "62.5 %"),
    (1.0, "%", "100 %"),
    (0.0, "%", "0 %"),
    (0.0, "bytes", "0 B"),
    (312_345, "bytes", "305.0 KiB"),  # 312,345 / 1,024
    (1.2345, "ms", "1.23 ms"),
    (12.345, "s", "12.3 s"),
    (999.4, "ms", "999 ms"),
    (999.6, "ms", "1,000 ms"),
    (1000.0, "ms", "1,000 ms"),
    (-1234.4, "ms", "-1,234 ms"),
    (371_355.0, "cycles", "371,355 cycles"),
]


@pytest.mark.parametrize(("value", "unit", "text"), FIGURES)
def test_a_figure_has_its_unit_and_no_digit_too_many(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text


SIZES = [
    (None, "–"),
    (0, "0 B"),
    (1, "1 B"),
    (1023, "1023 B"),
    (-1023, "-1023 B"),
    (1024, "1.0 KiB"),
    (-2048, "-2.0 KiB"),
    (1536, "1.5 KiB"),
    (1024**2 - 1024, "1,023.0 KiB"),
    (1024**2, "1.0 MiB"),
    (-(3 << 20), "-3.0 MiB"),
    (5 * 1024**3, "5.0 GiB"),
]


@pytest.mark.parametrize(("given", "text"), SIZES)
def test_a_size_is_counted_in_powers_of_1024(given: float | None, text: str) -> None:
    assert size(given) == text


DURATIONS = [
    (None, "–"),
    (0, "0.0 s"),
    (0.42, "0.4 s"),
    (9.9, "9.9 s"),
    (10, "10 s"),
    (71.2, "71 s"),
    (119.4, "119 s"),
    (120, "2 min 0 s"),
    (179.6, "3 min 0 s"),
    (192.4, "3 min 12 s"),
    (230, "3 min 50 s"),
    (299.4, "4 min 59 s"),
    (3600, "60 min 0 s"),
    (5025, "83 min 45 s"),
]


@pytest.mark.parametrize(("seconds", "text"), DURATIONS)
def test_a_time_span_is_written_in_seconds_and_minutes(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.floats(120, 100_000))
def test_minutes_and_seconds_add_up_to_what_was_measured(seconds: float) -> None:
    minutes, _, rest, _ = duration(seconds).split()
    assert 0 <= int(rest) < 60
    assert abs(60 * int(minutes) + int(rest) - seconds) <= 0.5


CHANGES = [
    (None, "1", "–"),
    (0.0, "1", "0"),
    (-0.00001, "1", "0"),
    (0.00001, "1", "0"),
    (-0.0131, "1", "−0.013"),
    (0.02, "1", "+0.020"),
    (0.005, "1", "+0.0050"),
    (-0.005, "1", "−0.0050"),
    (-2048.0, "bytes", "−2.0 KiB"),
    (1.5, "ms", "+1.5 ms"),
    (0.625, "%", "+62.5 %"),
]


@pytest.mark.parametrize(("value", "unit", "text"), CHANGES)
def test_a_change_has_a_sign_unless_it_is_none(value: float | None, unit: str, text: str) -> None:
    assert change(value, unit) == text


def test_a_change_is_one_of_an_accuracy_unless_another_unit_is_given() -> None:
    assert change(0.5) == "+0.500"


def test_an_interval_is_written_from_low_to_high_in_the_unit_of_the_measurement() -> None:
    assert interval({"value": 0.5, "low": 0.41, "high": 0.62, "unit": "1"}) == "0.410 to 0.620"
    assert interval({"value": 5, "low": 0.0, "high": 2048, "unit": "bytes"}) == "0 B to 2.0 KiB"
    assert interval({"value": 5, "low": None, "high": 6, "unit": "1"}) == ""
    assert interval({"value": 5, "low": 4, "high": None, "unit": "1"}) == ""
    assert interval({"value": 5, "unit": "1"}) == ""


def report(passes: list[list[str]], targets: list[list[str]]) -> dict[str, Any]:
    return {
        "passes": [{"metrics": dict.fromkeys(names)} for names in passes],
        "targets": [{"metrics": dict.fromkeys(names)} for names in targets],
    }


@pytest.mark.parametrize(
    ("passes", "targets", "metric"),
    [
        ([["map50", "map"]], [], "map"),
        ([["loss"], ["top1"]], [], "top1"),
        ([["loss"]], [["top1"]], "top1"),
        ([["top1"]], [["map"]], "map"),
        ([["auc"]], [["size"]], "auc"),
        ([[]], [["size"]], "size"),
        ([], [], ""),
    ],
)
def test_the_page_is_about_accuracy_or_else_the_first_that_was_measured(
    passes: list[list[str]], targets: list[list[str]], metric: str
) -> None:
    assert primary_metric(report(passes, targets)) == metric
