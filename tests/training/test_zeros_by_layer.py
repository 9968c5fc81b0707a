"""How zeros are shared among layers, held to numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.training.zeros_by_layer import zeros_by_layer

FLAT = np.array([[1.0, -1.0], [1.0, 1.0]])
STEEP = np.array([0.1, -0.2, 4.0, 8.0])


def test_even_gives_each_layer_the_same_share() -> None:
    assert zeros_by_layer({"a": FLAT, "b": STEEP}, 0.5, "even") == {"a": 0.5, "b": 0.5}


def test_magnitude_takes_the_smallest_of_all_weights() -> None:
    assert zeros_by_layer({"a": FLAT / 8, "b": STEEP}, 0.5, "magnitude") == {"a": 0.75, "b": 0.25}


def test_lamp_takes_the_smallest_of_what_is_left_of_a_layer() -> None:
    # squares of STEEP: 0.01, 0.04, 16, 64; scores 0.01/80.05, 0.04/80.04, 16/80 = 0.2, 1; of FLAT: 1/4, 1/3, 1/2, 1
    assert zeros_by_layer({"a": FLAT, "b": STEEP}, 3 / 8, "lamp") == {"a": 0.0, "b": 0.75}
    assert zeros_by_layer({"a": FLAT, "b": STEEP}, 5 / 8, "lamp") == {"a": 0.5, "b": 0.75}


def test_lamp_does_not_depend_on_the_scale_of_a_layer() -> None:
    first = zeros_by_layer({"a": FLAT, "b": STEEP}, 0.5, "lamp")
    assert zeros_by_layer({"a": FLAT * 1e-6, "b": STEEP * 50}, 0.5, "lamp") == first


def test_no_layer_loses_more_than_the_largest_share() -> None:
    sizes = {"a": np.full(100, 1e-6), "b": np.arange(1.0, 101.0)}
    found = zeros_by_layer(sizes, 0.9, "magnitude")
    assert found == {"a": pytest.approx(0.98), "b": pytest.approx(0.82)}
    assert zeros_by_layer(sizes, 0.99, "even") == {"a": 0.99, "b": 0.99}


def test_a_block_counts_by_the_weights_that_it_holds() -> None:
    sizes = {"a": np.array([1.0, 5.0]), "b": np.array([2.0, 3.0, 4.0, 6.0])}
    # a's blocks hold two weights each: of the 8 weights, 4 become zero, a's first block and b's first two
    assert zeros_by_layer(sizes, 0.5, "magnitude", {"a": 2}) == {"a": 0.5, "b": 0.5}
    sizes = {"a": np.array([1.0, 2.0, 7.0, 8.0]), "b": np.array([3.0, 4.0, 5.0, 6.0])}
    # of the 12 weights 3 may become zero: a's first block holds two of them, and its second one would be too many
    assert zeros_by_layer(sizes, 0.25, "magnitude", {"a": 2}) == {"a": 0.25, "b": 0.0}


def test_no_zeros_are_wanted() -> None:
    assert zeros_by_layer({"a": FLAT, "b": STEEP}, 0.0, "lamp") == {"a": 0.0, "b": 0.0}
