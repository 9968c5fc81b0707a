"""How far outputs are from those of the float model, where they are no numbers or never change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from on_bytes import OutputError, largest_difference
from samples import samples
from tflbuild.core.errors import PassError
from tflbuild.quantization import output_error

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def network(weights: float, bias: float = 0.0) -> tuple[bytes, list[Any]]:
    """Give a convolution of three channels to two whose numbers are all the same, and images."""
    made = Network()
    made.conv(
        "out", "image", 2, fused=FUSED.NONE, weights=np.full((2, 1, 1, 3), weights), bias=np.full(2, bias)
    )
    return made.content("out"), made.samples(4)


def test_outputs_that_are_no_numbers_are_no_error_but_a_reason() -> None:
    (good, images), (bad, _) = network(1.0), network(np.nan)
    with pytest.raises(PassError, match="its output 0 is not finite on 4 of 4 images"):
        OutputError(good, images).of(bad)
    with pytest.raises(PassError, match="the float model's output 0 is not finite on 4 of 4 images"):
        OutputError(bad, images)


def test_a_difference_to_what_is_no_number_is_infinite() -> None:
    """`max(0.0, nan)` is 0.0: the largest difference of all would pass for none."""
    (good, images), (bad, _) = network(1.0), network(np.nan)
    assert largest_difference(good, bad, images) == np.inf


def test_the_error_of_an_output_that_never_changes_is_in_units_of_its_size() -> None:
    (wanted, images), (found, _) = network(0.0, 2.0), network(0.0, 2.5)
    assert OutputError(wanted, images).of(found) == pytest.approx(0.25)


def constants(*values: float) -> bytes:
    """Give a model of one output for each number, which it always is."""
    made = Network()
    for place, value in enumerate(values):
        made.conv(f"out{place}", "image", 1, fused=FUSED.NONE, weights=np.zeros(3), bias=np.array([value]))
    return made.content(*(f"out{place}" for place in range(len(values))))


IMAGES = samples([np.zeros((6, 6, 3), np.float32)] * 2)


def test_errors_of_outputs_are_added_each_in_its_own_unit() -> None:
    """0.5 of 2 and 1 of 10; an output of nothing but zeros is in units of 1e-12."""
    reference = OutputError(constants(2.0, -10.0), IMAGES)
    assert reference.by_image(constants(2.5, -9.0)) == pytest.approx([0.35, 0.35])
    assert reference.of(constants(2.5, -9.0)) == pytest.approx(0.35)
    assert OutputError(constants(0.0), IMAGES).of(constants(1e-12)) == pytest.approx(1.0)


def test_the_unit_is_the_mean_deviation_where_that_is_no_rounding() -> None:
    """Of 0, 0, 0 and 8 the mean is 2, and their deviations 2, 2, 2 and 6."""
    assert output_error._spread(np.array([[0.0, 0.0], [0.0, 8.0]])) == 3.0
    assert output_error._spread(np.array([4.0, 4.0 + 8e-7])) == pytest.approx(4.0), (
        "1e-7 of it is float32's doing"
    )
    assert output_error._spread(np.array([4.0, 4.0 + 2e-6])) == pytest.approx(1e-6)
    assert output_error._spread(np.zeros(3)) == 1e-12


def test_the_images_on_which_an_output_is_no_number_are_counted() -> None:
    good, bad = [np.zeros(2), np.ones(3)], [np.zeros(2), np.array([1.0, np.inf, 0.0])]
    output_error._refuse_not_finite([good, good], "its")
    with pytest.raises(PassError, match=r"^its output 1 is not finite on 1 of 3 images\.$"):
        output_error._refuse_not_finite([good, bad, good], "its")


def test_the_largest_difference_is_that_of_any_output_in_units_of_its_size() -> None:
    """0.5 of 2 against 1 of 10; of zeros, in units of 1e-12."""
    assert largest_difference(constants(2.0, -10.0), constants(2.5, -9.0), IMAGES) == pytest.approx(0.25)
    assert largest_difference(constants(-10.0, 2.0), constants(-9.0, 2.5), IMAGES) == pytest.approx(0.25)
    assert largest_difference(constants(0.0), constants(1e-12), IMAGES) == pytest.approx(1.0)
