"""Plain values of an exhibit."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.exhibit import Bar, Bars, number


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(2, 2.0), (0, 0.0), (0.5, 0.5), (True, None), (False, None), ("2", None), (None, None), ([], None)],
)
def test_a_number_of_a_note_is_a_number_and_nothing_else(value: Any, wanted: float | None) -> None:
    assert number({"a": value}, "a") == wanted
    assert number({}, "a") is None


def test_the_largest_value_of_all_series_is_a_full_bar() -> None:
    bars = (Bar(label="a", values=(0.2, None)), Bar(label="b", values=(0.0, 0.7)))
    assert Bars(bars=bars).largest == 0.7
    assert Bars(bars=(Bar(label="a", values=(None, 0.0)),)).largest == 1.0
