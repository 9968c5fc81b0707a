"""What each measure says a channel is worth, by hand and by trying it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from channel_graphs import Drawing
from tflbuild.training.channels import importance
from tflbuild.training.channels.facts import Graph
from tflbuild.training.channels.groups import dependencies


def branch() -> Graph:
    """Draw a stem with batch norm, and a block that is added to it."""
    net = Drawing()
    stem = net.norm("norm", net.conv("stem", net.image, 2))
    inner = net.conv("inner", stem, 2)
    return net.graph(net.conv("logits", net.join("add", stem, net.conv("block", inner, 2)), 3))


WEIGHTS: dict[tuple[str, str], Any] = {
    ("stem", "kernel"): np.array([1.0, -3.0] * 3, np.float32).reshape(1, 1, 3, 2),  # mean sizes 1 and 3
    ("norm", "gamma"): np.array([-0.5, 0.25], np.float32),
    ("norm", "beta"): np.array([2.0, 0.0], np.float32),
    ("inner", "kernel"): np.array([[1.0, 2.0], [-3.0, 4.0]], np.float32).reshape(1, 1, 2, 2),  # 2 and 3
    ("block", "kernel"): np.array([[6.0, 2.0], [6.0, 2.0]], np.float32).reshape(1, 1, 2, 2),  # 6 and 2
    ("logits", "kernel"): np.zeros((1, 1, 2, 3), np.float32),
}


def test_the_size_of_weights_is_that_within_the_layer_and_the_mean_of_all_that_make_a_channel() -> None:
    graph = branch()
    found = importance.by_size(graph, dependencies(graph), WEIGHTS)
    # stem 1 / 2 and 3 / 2, block 6 / 4 and 2 / 4; inner 2 / 2.5 and 3 / 2.5
    assert found["stem"].tolist() == pytest.approx([(0.5 + 1.5) / 2, (1.5 + 0.5) / 2])
    assert found["inner"].tolist() == pytest.approx([0.8, 1.2])
    assert "logits" not in found, "outputs lose no channels"


def test_the_scale_counts_and_weights_do_where_there_is_none() -> None:
    graph = branch()
    found = importance.by_norm(graph, dependencies(graph), WEIGHTS)
    assert found["stem"].tolist() == [0.5, 0.25]
    assert found["inner"].tolist() == pytest.approx([0.375 * 0.8, 0.375 * 1.2])  # the mean scale is 0.375


def test_slopes_of_all_gates_of_a_channel_add_up() -> None:
    graph = branch()
    found = dependencies(graph)
    gates = {"norm": np.array([4.0, 1.0]), "stem": np.array([9.0, 9.0]), "inner": np.array([0.5, 0.25])}
    scores = importance.by_loss(graph, found, gates | {"block": np.array([7.0, 7.0]), "logits": np.zeros(3)})
    assert scores["stem"].tolist() == [4.0, 1.0], "the batch norm sees what the convolution gives"
    assert scores["inner"].tolist() == [0.5, 0.25]
    net = Drawing()
    twice = net.norm("second", net.relu("relu", net.norm("first", net.conv("conv", net.image, 2))))
    graph = net.graph(net.conv("logits", twice, 3))
    gates = {"first": np.array([1.0, 2.0]), "second": np.array([10.0, 20.0])}
    ends = {"conv": np.zeros(2), "logits": np.zeros(3)}
    assert importance.by_loss(graph, dependencies(graph), gates | ends)["conv"].tolist() == [11.0, 22.0]


@pytest.mark.slow
def test_the_slope_of_a_gate_is_what_a_factor_on_the_channel_changes() -> None:
    """Try it: scale each channel of what a layer gives by 1 +- h, and look at the loss."""
    import tensorflow as tf
    import tf_keras

    from tflbuild.training.channels.sensing import by_loss
    from tflbuild.training.channels.subject import Subject

    layers, rng = tf_keras.layers, np.random.default_rng(0)
    image = layers.Input((4, 4, 3))
    tensor = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(image))
    tensor = layers.SeparableConv2D(5, 2, activation="tanh", name="plain")(layers.ReLU()(tensor))
    model = tf_keras.Model(image, layers.Dense(3, name="end")(layers.Flatten()(tensor)))
    for variable in model.variables:
        variable.assign(
            rng.uniform(0.2, 1.0, variable.shape)
            if "var" in variable.name
            else rng.normal(0, 0.5, variable.shape)
        )
    batches = [
        (rng.normal(0, 1, (6, 4, 4, 3)).astype(np.float32), rng.normal(0, 1, (6, 3)).astype(np.float32))
        for _ in range(2)
    ]

    def loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
        return tf.reduce_mean((outputs - targets[0]) ** 2)

    subject = Subject.of(model)
    scores = by_loss(subject.model, subject.graph, subject.found, batches, loss, lambda values: values)

    def slope(names: tuple[tuple[str, str], ...], channel: int, batch: Any) -> float:
        values = []
        for factor in (1.001, 0.999):
            kept = [(v := getattr(model.get_layer(layer), name), v.numpy()) for layer, name in names]
            for variable, before in kept:
                changed = before.copy()
                changed[..., channel] *= factor
                variable.assign(changed)
            values.append(float(loss(model(batch[0], training=False), batch[1:])))
            for variable, before in kept:
                variable.assign(before)
        return (values[0] - values[1]) / 0.002

    gates = {
        "conv": (("norm", "gamma"), ("norm", "beta")),
        "plain": (("plain", "pointwise_kernel"), ("plain", "bias")),
    }
    for name, names in gates.items():
        tried = [
            np.mean([slope(names, channel, batch) ** 2 for batch in batches])
            for channel in range(len(scores[name]))
        ]
        np.testing.assert_allclose(scores[name], tried, rtol=0.03, atol=1e-6)
