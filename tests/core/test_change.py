"""Changes in words: a minus is a fall wherever it stands."""

from __future__ import annotations

import pytest

from tflbuild.core.change import moved, signed, told, unsigned


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((-0.105, -0.121, -0.085), "map fell by 0.105 [0.085, 0.121]"),
        ((0.105, 0.085, 0.121), "map rose by 0.105 [0.085, 0.121]"),
        ((-0.0042, -0.0061, -0.0023), "map fell by 0.0042 [0.0023, 0.0061]"),
        ((-0.02, -0.05, 0.01), "no clear change of map: -0.020 [-0.050, +0.010]"),
        ((-0.02, -0.05, 0.0), "no clear change of map: -0.020 [-0.050, +0.000]"),
        ((0.0, 0.0, 0.0), "map did not change"),
    ],
)
def test_a_change_is_a_clause_that_says_its_direction_or_that_there_is_none_to_be_told(
    change: tuple[float, float, float], text: str
) -> None:
    assert moved("map", *change) == text


def test_a_sign_is_that_of_the_change_and_an_amount_has_none() -> None:
    assert signed(-0.00001, -0.00004, 0.0) == "+0.0000 [+0.0000, +0.0000]", "no minus before a zero"
    assert signed(-0.0, -0.01, 0.0) == "+0.0000 [-0.0100, +0.0000]"
    assert unsigned(0.5) == "0.5000"


def test_a_change_for_the_better_depends_on_the_metric() -> None:
    assert told(0.01, 0.02) == "better"
    assert told(0.01, 0.02, higher_is_better=False) == "worse"
    assert told(-0.02, -0.01, higher_is_better=False) == "better"
    assert told(-0.01, 0.01) == "no clear difference"
