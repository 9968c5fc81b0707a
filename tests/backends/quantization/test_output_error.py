"""How far outputs are from those of the float model, where they are no numbers or never change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conv_network import FUSED, Network

from tflbuild.backends.quantization.output_error import OutputError, largest_difference
from tflbuild.core.errors import PassError

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def network(weights: float, bias: float = 0.0) -> tuple[bytes, list[Any]]:
    """Give a convolution of three channels to two whose numbers are all the same, and images."""
    made = Network()
    made.conv(
        "out", "image", 2, fused=FUSED.NONE, weights=np.full((2, 1, 1, 3), weights), bias=np.full(2, bias)
    )
    return made.content("out"), made.images(4)


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
