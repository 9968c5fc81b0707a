"""What tfmot can prune, and the zeros in it."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([[1, 0, 0, 2], [0, 3, 4, 0]], True),
        ([[1, 1, 0, 2], [0, 3, 4, 0]], False),
        ([[1, 1, 0, 0, 2, 0], [0, 0, 1, 1, 1, 1]], True),  # a rest of two may hold both
        ([[1, 1, 0, 0, 2, 2, 2]], False),
    ],
)
def test_two_of_four_looks_along_the_input_channels(weights: list[list[int]], expected: bool) -> None:
    from tflbuild.backends import tfmot

    kernel = np.array(weights, np.float32).T[None, None]  # (1, 1, input channels, output channels)
    assert tfmot.is_two_of_four(kernel) is expected


def test_kernels_of_nested_models_are_pruned_too() -> None:
    import tf_keras

    from tflbuild.backends import tfmot

    layers = tf_keras.layers
    inner = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(2, 3, name="within")])
    outer = tf_keras.Sequential(
        [layers.Input((8, 8, 3)), inner, layers.Flatten(), layers.Dense(2, name="end")]
    )
    assert list(tfmot.census(outer)) == ["within/kernel", "end/kernel"]
