"""Lifted channels: factors by hand, models that compute the same, and less noise from rounded activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from on_bytes import OutputError, Workbench, largest_difference
from tflbuild.quantization.lifting import lifted
from tflbuild.quantization.observation import Activation, observe
from tflbuild.quantization.settings import Setting
from tflbuild.quantization.workbench import Border
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def seen(sizes: list[float], power: float = 0.05) -> Activation:
    """Give what was seen of channels from zero to sizes."""
    high = np.array(sizes)
    return Activation(
        low=0.0,
        high=max(sizes),
        channel_low=np.zeros_like(high),
        channel_high=high,
        channel_power=high**2 * power,
    )


def by_hand(reader: str, fused: int = FUSED.RELU) -> Graph:
    """Give a layer of three channels, and one that reads them."""
    network = Network(channels=1)
    network.conv("one", "image", 3, weights=np.array([1.0, 1.0, 1.0]), bias=np.zeros(3), fused=fused)
    if reader == "depthwise":
        network.depthwise("two", "one", fused=FUSED.NONE, weights=np.ones((1, 3, 3, 3)))
    else:
        network.conv("two", "one", 2, weights=np.ones((2, 3)), fused=FUSED.NONE)
    return Graph.unpacked(network.content("two"))


def written(graph: Graph) -> Any:
    """Give the weights of the first layer: 1 divided by the factors."""
    found = graph.constant(graph.operators[0].inputs[1])
    assert found is not None
    return found.ravel()


def test_before_a_depthwise_layer_small_channels_are_lifted_as_far_as_they_may() -> None:
    """Of a range of 6: 2 becomes 4, which leaves 1.5 for new samples; 0.2 becomes four times as large, and no more."""
    made = lifted(by_hand("depthwise"), {"one": seen([6.0, 2.0, 0.2])})
    np.testing.assert_allclose(written(made), [1.0, 2.0, 4.0], rtol=1e-6)


def test_before_a_convolution_channels_are_lifted_by_less_since_its_weights_pay() -> None:
    factors = written(lifted(by_hand("conv"), {"one": seen([6.0, 1.0, 1.0], power=1e-6)}))
    paid = written(lifted(by_hand("conv"), {"one": seen([6.0, 1.0, 1.0], power=10.0)}))
    np.testing.assert_allclose(
        factors, [1.0, 4.0, 4.0], rtol=1e-6
    )  # weights cost nothing without activations
    assert paid[0] == 1.0
    assert 1.0 < paid[1] < 1.5, "the scale that the weights share grows with the largest"


def test_a_depthwise_layer_pays_nothing() -> None:
    """It has a scale for each channel, however much its input weighs."""
    made = lifted(by_hand("depthwise"), {"one": seen([6.0, 1.0, 1.0], power=10.0)})
    np.testing.assert_allclose(written(made), [1.0, 4.0, 4.0], rtol=1e-6)


def test_fewer_bits_of_weights_weigh_more() -> None:
    """A 4-bit step is 18 times as wide as one of 8 bits: what lifting costs weights is more than it gains."""
    of = {"one": seen([6.0, 1.0, 1.0], power=0.3)}
    eight, four = (written(lifted(by_hand("conv"), of, bits)) for bits in (8, 4))
    np.testing.assert_array_equal(four, [1.0, 1.0, 1.0])
    assert eight[1] > 2


def test_channels_of_one_size_stay() -> None:
    given = by_hand("depthwise")
    np.testing.assert_array_equal(written(lifted(given, {"one": seen([6.0, 5.0, 4.5])})), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(written(given), [1.0, 1.0, 1.0])


def test_behind_relu6_channels_stay_below_6() -> None:
    """Of a range of 3 it would be 2; RELU6 cuts nothing off below 6 / 1.1, and what reaches 6 stays."""
    made = lifted(by_hand("depthwise", FUSED.RELU6), {"one": seen([6.0, 3.0, 5.8])})
    np.testing.assert_allclose(written(made), [1.0, 4 / 3, 1.0], rtol=1e-6)


def test_behind_relu6_the_margin_limits_what_is_lifted() -> None:
    """A RELU6 that is an operator of its own: 20 stays, and of it 2 and 5 may grow to 6 / 1.1 alone."""
    made = lifted(by_hand("depthwise", FUSED.RELU6), {"one": seen([20.0, 2.0, 5.0])})
    np.testing.assert_allclose(written(made), [1.0, 6 / 1.1 / 2, 6 / 1.1 / 5], rtol=1e-6)


def test_a_channel_that_is_always_zero_stays() -> None:
    made = lifted(by_hand("depthwise"), {"one": seen([6.0, 0.0, 3.0])})
    np.testing.assert_allclose(written(made), [1.0, 1.0, 4 / 3], rtol=1e-6)


def loud(seed: int = 3) -> Network:
    """Give a network whose channels are of sizes from 1 to 20."""
    rng = np.random.default_rng(seed)
    sizes = np.geomspace(1.0, 20.0, 12)
    network = Network(seed=seed)
    stem = rng.normal(size=(12, 3, 3, 3)) * sizes[:, None, None, None]
    network.conv("stem", "image", 12, kernel=3, weights=stem, bias=np.zeros(12))
    network.depthwise("middle", "stem", weights=rng.normal(size=(1, 3, 3, 12)) / sizes)
    network.conv("out", "middle", 4, weights=rng.normal(size=(4, 12)), fused=FUSED.NONE)
    return network


@pytest.mark.parametrize("fused", [FUSED.RELU, FUSED.RELU6, FUSED.NONE], ids=["relu", "relu6", "linear"])
def test_the_model_computes_the_same(fused: int) -> None:
    network = Network(seed=1)
    network.conv("stem", "image", 8, kernel=3, fused=fused)
    network.depthwise("middle", "stem", fused=fused)
    network.conv("wide", "middle", 5, fused=fused)
    network.conv("out", "wide", 3, kernel=3, fused=FUSED.NONE)
    content, images = network.content("out"), network.samples(20)
    graph = Graph.unpacked(content)
    made = lifted(graph, observe(graph, images))
    assert largest_difference(content, made.packed(), images) < 1e-5
    assert made.packed() != content


def test_the_power_of_channels_is_their_mean_square() -> None:
    network = loud()
    graph, images = Graph.unpacked(network.content("out")), network.samples(3)
    found = observe(graph, images)["image"].channel_power
    every = np.stack([sample["image"] for sample in images]).reshape(-1, 3)
    np.testing.assert_allclose(found, np.square(every.astype(np.float64)).mean(axis=0), rtol=1e-5)


def test_the_error_falls_on_samples_that_nothing_was_measured_on(tmp_path: Path) -> None:
    network = loud()
    content, images, others = network.content("out"), network.samples(20), network.samples(40)
    border = Border(float_input=False, float_output=True, limits=((-1.0, 1.0),))
    bench = Workbench(content, images, others, "int8", border, tmp_path)
    plain, even, less = (
        OutputError(content, others).of(bench.built(Setting(ranges="minmax", equalize=equalize)))
        for equalize in ("none", "activations", "noise")
    )
    assert less < 0.8 * plain
    assert less < even
