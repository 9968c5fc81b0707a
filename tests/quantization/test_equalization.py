"""Equalization: factors by hand, and models that compute the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from on_bytes import equalized, largest_difference, observe
from samples import samples
from tflbuild.quantization.equalization import _pads, _response, absorb_bias, equalize
from tflbuild.quantization.seams import seams
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.tiny import brightness_detector


def by_hand(first: list[float], second: list[float]) -> Graph:
    """Give two 1 x 1 convolutions on one input channel, of these weights: one to two channels, and back to one."""
    network = Network(channels=1)
    network.conv("one", "image", 2, weights=np.array(first), bias=np.array([1.0, 2.0]))
    network.conv("two", "one", 1, weights=np.array(second), fused=FUSED.NONE)
    return Graph(flatbuffer.unpack(network.content("two")))


def weights(graph: Graph, place: int, name: int = 1) -> Any:
    found = graph.constant(graph.operators[place].inputs[name])
    assert found is not None
    return found.ravel()


def test_the_sizes_of_weights_meet_at_their_geometric_mean() -> None:
    """Sizes 8 and 2 against 0.5 and 2: factors 4 and 1, over their mean of 2."""
    graph = by_hand([8, -2], [0.5, 2])
    factors = equalize(graph, {"one": np.array([9.0, 4.0])})
    np.testing.assert_allclose(factors["one"], [2.0, 0.5])
    np.testing.assert_allclose(weights(graph, 0), [4, -4])
    np.testing.assert_allclose(weights(graph, 0, 2), [0.5, 4.0])  # biases
    np.testing.assert_allclose(weights(graph, 1), [1, 1])


def test_the_sizes_of_activations_meet_those_of_the_weights_that_read_them() -> None:
    """Sizes 9 and 4 against 0.5 and 2: factors sqrt(18) and sqrt(2), over their mean of sqrt(6)."""
    graph = by_hand([8, -2], [0.5, 2])
    factors = equalize(graph, {"one": np.array([9.0, 4.0])}, balance="activations")
    np.testing.assert_allclose(factors["one"], [np.sqrt(3), 1 / np.sqrt(3)])
    np.testing.assert_allclose(weights(graph, 1), [0.5 * np.sqrt(3), 2 / np.sqrt(3)], rtol=1e-6)


def test_a_channel_without_weights_stays() -> None:
    factors = equalize(by_hand([8, 0], [0.5, 2]), {"one": np.array([9.0, 0.0])})
    np.testing.assert_allclose(factors["one"], [1.0, 1.0])


def mobile(fused: int, seed: int = 1) -> Network:
    """Give a convolution of 3 x 3, a depthwise one, a pointwise one with two readers, and a sum of those."""
    network = Network(seed=seed)
    network.conv("stem", "image", 4, kernel=3, fused=fused)
    network.depthwise("middle", "stem", fused=fused)
    network.conv("wide", "middle", 5, fused=fused)
    network.conv("left", "wide", 3, kernel=3, fused=FUSED.NONE)
    network.conv("right", "wide", 3, fused=FUSED.NONE)
    network.add("sum", "left", "right")
    return network


@pytest.mark.parametrize("balance", ["weights", "activations"])
@pytest.mark.parametrize("fused", [FUSED.RELU, FUSED.RELU6, FUSED.NONE], ids=["relu", "relu6", "linear"])
def test_the_model_computes_the_same(balance: Any, fused: int) -> None:
    network = mobile(fused)
    content, images = network.content("sum"), network.samples(20)
    made, factors = equalized(content, observe(content, images), balance=balance, relu6="keep")
    assert list(factors) == ["stem", "middle", "wide"]
    assert largest_difference(content, made, images) < 1e-5
    assert max(float(np.abs(np.log(factor)).max()) for factor in factors.values()) > 0.1


def test_a_settled_model_has_equal_sizes_on_both_sides_of_every_seam() -> None:
    network = mobile(FUSED.RELU)
    content = network.content("sum")
    graph = Graph(flatbuffer.unpack(content))
    largest = {n: a.channel_size for n, a in observe(content, network.samples(5)).items()}
    equalize(graph, largest)
    wide, left, right = (graph.operators[place] for place in (2, 3, 4))
    written = np.abs(graph.constant(wide.inputs[1])).max(axis=(1, 2, 3))  # type: ignore[arg-type]
    read = np.maximum(*(np.abs(graph.constant(o.inputs[1])).max(axis=(0, 1, 2)) for o in (left, right)))  # type: ignore[arg-type]
    np.testing.assert_allclose(written / read, (written / read)[0], rtol=0.01)


@pytest.mark.parametrize("balance", ["weights", "activations"])
@pytest.mark.parametrize("decayed", [1e-30, 1e-42, 0.0])
def test_channels_that_cannot_matter_stay_as_they_are(balance: Any, decayed: float) -> None:
    """The others get the factors that they would get without them."""
    first = np.array([[1.0, 0.5, 2.0], [decayed] * 3, [0.1, 0.3, 0.2]])
    network = Network()
    network.conv("one", "image", 3, weights=first, bias=np.zeros(3))
    network.conv("two", "one", 2, weights=np.array([[1.0, 9.0, 4.0], [2.0, 1.0, 5.0]]), fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(20)
    made, factors = equalized(content, observe(content, images), balance=balance, relu6="keep")
    assert factors["one"][1] == 1.0
    assert factors["one"][0] * factors["one"][2] == pytest.approx(1.0)
    assert factors["one"][0] > 1.5
    assert largest_difference(content, made, images) < 1e-6


def test_a_factor_is_bounded_over_all_rounds() -> None:
    sizes = np.array([1e-5, 1.0, 1e5])
    network = Network()
    network.conv("one", "image", 3, weights=np.ones((3, 3)) * sizes[:, None], bias=np.zeros(3))
    network.conv("two", "one", 3, weights=np.ones((3, 3)) / sizes**2 * 1e-3, fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(5)
    _, factors = equalized(content, observe(content, images), balance="weights", relu6="keep")
    assert factors["one"].max() <= 1e4  # beyond that float32 itself begins to lose
    assert factors["one"].min() >= 1e-4
    far = equalize(
        by_hand([1e-10, 1.0], [1e10, 1.0]), {"one": np.array([1.0, 1.0])}
    )  # 1e-5 and 1e5, unbounded
    assert 1e3 < far["one"].max() <= 1e4
    assert 1e-4 <= far["one"].min() < 1e-3


def large_and_small() -> Network:
    """Give a layer with RELU6 whose first channel exceeds 6, whose second stays far below, and one that reads both."""
    network = Network(channels=1)
    network.conv("one", "image", 2, weights=np.array([20.0, 0.5]), bias=np.zeros(2), fused=FUSED.RELU6)
    network.conv("two", "one", 1, weights=np.array([1.0, 8.0]), fused=FUSED.NONE)
    return network


def test_behind_relu6_what_reaches_6_stays_and_the_rest_grows_up_to_the_margin() -> None:
    network = large_and_small()
    content, images = network.content("two"), network.samples(30)
    observed = observe(content, images)
    made, factors = equalized(content, observed, balance="weights", relu6="keep")
    size = observed["one"].channel_size
    assert size[0] == 6.0
    assert factors["one"][0] == 1.0
    assert size[1] / factors["one"][1] == pytest.approx(6 / 1.1), "a tenth below 6"
    assert largest_difference(content, made, images) < 1e-6


def test_a_replaced_relu6_cuts_nothing_off_any_more() -> None:
    network = large_and_small()
    content, images = network.content("two"), network.samples(30)
    made, factors = equalized(content, observe(content, images), balance="weights", relu6="replace")
    graph = Graph(flatbuffer.unpack(made))
    assert graph.operators[0].builtinOptions.fusedActivationFunction == FUSED.RELU
    assert factors["one"][0] > 1
    assert largest_difference(content, made, images) > 0.5


def written(network: Network, *outputs: str) -> list[str]:
    graph = Graph(flatbuffer.unpack(network.content(*outputs)))
    return [graph.name(seam.written) for seam in seams(graph)]


def test_there_is_no_seam_where_a_branch_leads_elsewhere() -> None:
    network = Network()
    network.conv("one", "image", 3)
    network.conv("two", "one", 3)
    network.add("sum", "one", "two")
    network.conv("three", "sum", 2)
    assert written(network, "three") == []


def test_there_is_no_seam_where_channels_leave_the_model() -> None:
    network = Network()
    network.conv("one", "image", 3)
    network.conv("two", "one", 3)
    assert written(network, "one", "two") == []
    assert written(network, "two") == ["one"]


def test_there_is_no_seam_across_a_flattening() -> None:
    graph = Graph(flatbuffer.unpack(brightness_detector()))
    assert list(seams(graph)) == []


def test_what_is_never_left_below_moves_into_the_bias_behind() -> None:
    """With inputs in [-1, 1] the channels are at least 5 - 1 = 4 and 0; 4 times the weight 0.5 goes on."""
    network = Network(channels=1)
    network.conv("one", "image", 2, weights=np.array([1.0, 1.0]), bias=np.array([5.0, -2.0]))
    network.conv("two", "one", 1, weights=np.array([0.5, 3.0]), bias=np.array([0.25]), fused=FUSED.NONE)
    content, images = (
        network.content("two"),
        samples(np.full((6, 6, 1), value, np.float32) for value in (-1, 0.3, 1)),
    )
    graph = Graph(flatbuffer.unpack(content))
    smallest = {name: found.channel_low for name, found in observe(content, images).items()}
    assert absorb_bias(graph, smallest) == 1
    np.testing.assert_allclose(weights(graph, 0, 2), [1.0, -2.0])
    np.testing.assert_allclose(weights(graph, 1, 2), [0.25 + 4 * 0.5])
    made = flatbuffer.pack(graph.model)
    assert largest_difference(content, made, images) < 1e-6
    assert observe(made, images)["one"].high == pytest.approx(2.0)


@pytest.mark.parametrize("case", ["padded", "relu6", "linear"])
def test_bias_is_not_absorbed_where_that_is_not_exact(case: str) -> None:
    fused = {"relu6": FUSED.RELU6, "linear": FUSED.NONE}.get(case, FUSED.RELU)
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([3.0]), fused=fused)
    network.conv("two", "one", 1, kernel=3 if case == "padded" else 1, fused=FUSED.NONE)
    graph = Graph(flatbuffer.unpack(network.content("two")))
    assert absorb_bias(graph, {"one": np.array([2.0]), "two": np.array([0.0])}) == 0


def test_numbers_near_the_end_of_float32_are_left_alone() -> None:
    """Times a factor 1e31 might leave it; what is left is one channel, which has nobody to share with."""
    for graph in (by_hand([1e31, 2], [0.5, 2]), by_hand([8, 2], [1e31, 2])):
        factors = equalize(graph, {"one": np.array([9.0, 4.0])})
        np.testing.assert_allclose(factors["one"], [1.0, 1.0])
    graph = by_hand([8, 2], [0.5, 2])
    graph.set_input(graph.operators[0], 2, np.array([1e31, 1.0], np.float32))
    np.testing.assert_allclose(equalize(graph, {"one": np.array([9.0, 4.0])})["one"], [1.0, 1.0])


def test_what_is_left_out_stays() -> None:
    graph = by_hand([8, -2], [0.5, 2])
    assert equalize(graph, {"one": np.array([9.0, 4.0])}, without=["one"]) == {}
    np.testing.assert_allclose(weights(graph, 0), [8, -2])


@pytest.mark.parametrize("relu6", ["keep", "replace"])
def test_a_relu6_of_its_own_is_never_replaced_and_always_limits(relu6: Any) -> None:
    network = Network(channels=1)
    network.conv("one", "image", 2, weights=np.array([20.0, 0.5]), bias=np.zeros(2))
    network.relu6("cut", "one")
    network.conv("two", "cut", 1, weights=np.array([1.0, 8.0]), fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(30)
    made, factors = equalized(content, observe(content, images), balance="weights", relu6=relu6)
    assert factors["one"][0] == 1.0
    assert factors["one"][1] < 0.9
    assert largest_difference(content, made, images) < 1e-6


def test_a_depthwise_layer_answers_each_input_channel_with_all_of_its_own() -> None:
    """Output channel o reads input channel o // 2: 3 and 5, times weights of two taps that add up to 1, 2, 3 and 4."""
    taps = np.array([[0.5, 1.5, 1.0, 1.0], [0.5, 0.5, 2.0, 3.0]], np.float32).reshape(1, 2, 1, 4)
    layer: Any = SimpleNamespace(inputs=[0, 1])
    graph: Any = SimpleNamespace(constant=lambda index: taps, kind=lambda layer: "DEPTHWISE_CONV_2D")
    np.testing.assert_allclose(_response(graph, layer, np.array([3.0, 5.0])), [3.0, 6.0, 15.0, 20.0])
    # a convolution's output channel sums over taps and input channels: 1.5 * 3 + 2.5 * 5 and so on
    kernel = np.array([[1.0, 2.0, 0.5, 0.5], [0.0, 1.0, 2.0, 0.0]], np.float32).reshape(2, 1, 2, 2)
    graph = SimpleNamespace(constant=lambda index: kernel, kind=lambda layer: "CONV_2D")
    np.testing.assert_allclose(
        _response(graph, layer, np.array([3.0, 5.0])), [1.5 * 3 + 2.5 * 5, 2 * 3 + 1 * 5]
    )


@pytest.mark.parametrize(("bias", "smallest"), [(1e31, 2.0), (3.0, 1e31)])
def test_bias_is_not_absorbed_where_float32_would_lose_it(bias: float, smallest: float) -> None:
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([bias]))
    network.conv("two", "one", 1, weights=np.array([1.0]), fused=FUSED.NONE)
    graph = Graph(flatbuffer.unpack(network.content("two")))
    assert absorb_bias(graph, {"one": np.array([smallest]), "two": np.array([0.0])}) == 0
    assert weights(graph, 0, 2).tolist() == [pytest.approx(bias)]


@pytest.mark.parametrize(
    ("kind", "sides", "padding", "pads"),
    [  # 0: SAME, 1: VALID, by schema.fbs
        ("FULLY_CONNECTED", (5, 3), 0, False),
        ("CONV_2D", (1, 1), 0, False),
        ("CONV_2D", (1, 3), 0, True),
        ("CONV_2D", (3, 3), 1, False),
        ("DEPTHWISE_CONV_2D", (3, 3), 0, True),
    ],
)
def test_a_layer_pads_where_its_kernel_reaches_beyond_the_image(
    kind: str, sides: tuple[int, int], padding: int, pads: bool
) -> None:
    tensor = SimpleNamespace(shape=(2, *sides, 4))
    layer = SimpleNamespace(inputs=[0, 0], builtinOptions=SimpleNamespace(padding=padding))
    graph: Any = SimpleNamespace(kind=lambda layer: kind, tensors=[tensor])
    assert _pads(graph, layer) == pads


def test_bias_is_not_absorbed_through_another_operator() -> None:
    """A RELU6 between would cut what was lowered off elsewhere."""
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([5.5]))
    network.relu6("cut", "one")
    network.conv("two", "cut", 1, weights=np.array([1.0]), fused=FUSED.NONE)
    graph = Graph(flatbuffer.unpack(network.content("two")))
    smallest = {"one": np.array([4.5]), "cut": np.array([4.5]), "two": np.array([0.0])}
    assert absorb_bias(graph, smallest) == 0
    assert weights(graph, 0, 2).tolist() == [5.5]
