"""What tfmot can prune, and the zeros in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


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
    from tflbuild.training import tfmot

    kernel = np.array(weights, np.float32).T[None, None]  # (1, 1, input channels, output channels)
    assert tfmot.is_two_of_four(kernel) is expected


def test_kernels_of_nested_models_are_pruned_too() -> None:
    import tf_keras

    from tflbuild.training import tfmot

    layers = tf_keras.layers
    inner = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(2, 3, name="within")])
    outer = tf_keras.Sequential(
        [layers.Input((8, 8, 3)), inner, layers.Flatten(), layers.Dense(2, name="end")]
    )
    assert list(tfmot.census(outer)) == ["within/kernel", "end/kernel"]


def layered() -> Any:
    import tf_keras

    layers = tf_keras.layers
    image = layers.Input((4, 4, 3))
    tensor = layers.Conv2D(2, 1, name="conv_0")(image)
    tensor = layers.DepthwiseConv2D(1, name="depth")(tensor)
    tensor = layers.SeparableConv2D(2, 1, name="separable")(tensor)
    model = tf_keras.Model(image, layers.Dense(5, name="dense")(layers.Flatten()(tensor)))
    for name, zeros in (("conv_0", 3), ("separable", 0), ("dense", 4)):
        layer = model.get_layer(name)
        kernel = layer.pointwise_kernel if name == "separable" else layer.kernel
        values = np.ones(kernel.shape, np.float32)
        values.flat[:zeros] = 0
        kernel.assign(values)
    return model


def test_zeros_are_counted_kernel_by_kernel_and_together() -> None:
    from tflbuild.training import tfmot

    model = layered()  # kernels of 3 x 2, 2 x 2 and 32 x 5 weights; depthwise ones are not pruned
    shares = {"conv_0/kernel": 0.5, "separable/pointwise_kernel": 0.0, "dense/kernel": 4 / 160}
    assert tfmot.census(model) == shares
    assert tfmot.overall_sparsity(model) == 7 / 170
    assert tfmot.census(model, ["conv_*", "dense"]) == {"separable/pointwise_kernel": 0.0}
    assert tfmot.overall_sparsity(model, ["conv_*"]) == 4 / 164
    assert tfmot.overall_sparsity(model, ["*"]) == 0.0
    assert tfmot.is_sparse(model)
    model.get_layer("conv_0").kernel.assign(np.ones((1, 1, 3, 2)))
    assert not tfmot.is_sparse(model)


def test_patterns_of_names_know_their_case() -> None:
    from tflbuild.training import tfmot

    names = [layer.name for layer in tfmot.prunable_layers(layered(), ["CONV_*", "dens?"])]
    assert names == ["conv_0", "separable"]
