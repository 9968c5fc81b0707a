"""What tfmot cannot quantize as it stands, given in another form that computes the same."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_a_sum_of_four_becomes_sums_of_two() -> None:
    from tflbuild.backends.keras import Model, layers
    from tflbuild.training.quantizable import quantizable

    image = layers.Input((4, 4, 3), name="image")
    parts = [layers.Conv2D(2, 1, name=f"conv_{number}")(image) for number in range(4)]
    built = Model(image, layers.ReLU(name="out")(layers.Add(name="total")(parts)))
    apart = quantizable(built)
    sums = [layer for layer in apart.layers if type(layer).__name__ == "Add"]
    assert [layer.name for layer in sums] == ["total_part_1", "total_part_2", "total"]
    assert {len(layer.input) for layer in sums} == {2}
    values = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(built(values), apart(values), atol=1e-6)


def test_a_sum_of_two_stays_as_it_is() -> None:
    from tflbuild.backends.keras import Model, layers
    from tflbuild.training.quantizable import quantizable

    image = layers.Input((4, 4, 3), name="image")
    built = Model(image, layers.Add(name="total")([image, layers.Conv2D(3, 1)(image)]))
    assert quantizable(built) is built
