"""Which operators belong to an island, by the name of a tensor, of a layer, or by a pattern."""

from __future__ import annotations

import pytest

from tflbuild.tflite.islands import BORDERS, Island

TENSOR = "net/class_0/Relu;net/class_0/BiasAdd"


@pytest.mark.parametrize(
    ("name", "held"),
    [
        (TENSOR, True),
        ("class_0", True),
        ("class_0/Relu", True),
        ("class_*", True),
        ("*BiasAdd", True),
        ("net", False),
        ("class", False),
        ("Class_0", False),
        ("net/class_0/Relu", False),
    ],
)
def test_an_island_holds_what_its_name_fits(name: str, held: bool) -> None:
    assert Island(name=name, dtype="float32", reason="r").holds(TENSOR) is held


def test_a_name_with_marks_of_a_pattern_is_a_name_too() -> None:
    assert Island(name="a[0]", dtype="float32", reason="r").holds("a[0]")


def test_borders_are_the_two_that_turn_floats_and_integers() -> None:
    assert set(BORDERS) == {"QUANTIZE", "DEQUANTIZE"}
