"""The graph of a file: makers, readers, constants of an operator's own, weights by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import small_network
from conv_network import Network
from tflbuild.tflite import flatbuffer, graph
from tflbuild.tflite.graph import Graph

# tensors: 0 image, 1-6 constants, 7 flat_shape, 8 stem/Relu, 9 middle/Relu6, 10 pool, 11 flat, ..., 13 scores


@pytest.fixture
def network() -> Graph:
    return Graph(flatbuffer.unpack(small_network.convolutional()))


def test_makers_and_readers_are_those_of_the_file(network: Graph) -> None:
    stem, middle = network.operators[:2]
    assert (network.kind(stem), network.name(8)) == ("CONV_2D", "stem/Relu")
    assert network.maker(8) is stem
    assert network.maker(0) is None
    assert network.maker(1) is None
    assert network.readers(8) == [middle]
    assert network.readers(1) == [stem]
    assert network.readers(13) == []
    assert network.outputs == {13}


def test_the_only_reader_is_one_and_the_tensor_stays_inside(network: Graph) -> None:
    middle = network.operators[1]
    assert network.only_reader(8) is middle
    assert network.only_reader(13) is None
    loaded = network.model
    loaded.subgraphs[0].outputs = np.array([13, 8], np.int32)
    assert Graph(loaded).only_reader(8) is None
    loaded.subgraphs[0].outputs = np.array([13], np.int32)
    loaded.subgraphs[0].operators[2].inputs = np.array([8], np.int32)
    assert Graph(loaded).only_reader(8) is None


def test_weighted_operators_have_constant_weights(network: Graph) -> None:
    assert [network.kind(one) for one in network.weighted()] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
    ]
    head = network.operators[4]
    head.inputs = np.array([11, 11, 6], np.int32)
    assert [network.kind(one) for one in network.weighted()] == ["CONV_2D", "DEPTHWISE_CONV_2D"]


def test_constants_are_copies_and_nothing_is_none(network: Graph) -> None:
    first = network.constant(2)
    assert first is not None
    np.testing.assert_array_equal(first, small_network.constants()["stem/bias"])
    first[:] = 7
    np.testing.assert_array_equal(network.constant(2), small_network.constants()["stem/bias"])
    assert network.constant(8) is None
    assert network.constant(-1) is None


def test_a_constant_is_exchanged_in_its_place(network: Graph) -> None:
    buffers, tensors = len(network.model.buffers), len(network.tensors)
    new = np.arange(4, dtype=np.float32)
    network.set_input(network.operators[0], 2, new)
    again = Graph(flatbuffer.unpack(flatbuffer.pack(network.model)))
    np.testing.assert_array_equal(again.constant(2), new)
    assert (len(network.model.buffers), len(network.tensors)) == (buffers, tensors)


def test_a_tensor_that_others_read_stays_as_it_is(network: Graph) -> None:
    stem, middle = network.operators[:2]
    middle.inputs = np.array([8, 3, 2], np.int32)  # both read the stem's bias
    shared = Graph(network.model)
    old, new = shared.constant(2), np.arange(4, dtype=np.float32)
    shared.set_input(middle, 2, new)
    assert int(middle.inputs[2]) == 14
    assert shared.name(14) == "stem/bias;middle/Relu6"
    np.testing.assert_array_equal(shared.constant(2), old)
    np.testing.assert_array_equal(shared.constant(14), new)
    assert shared.readers(2) == [stem]
    assert shared.readers(14) == [middle]
    again = Graph(flatbuffer.unpack(flatbuffer.pack(shared.model)))
    assert [int(index) for index in again.operators[0].inputs] == [0, 1, 2]


def test_a_buffer_that_tensors_share_is_left_to_the_others(network: Graph) -> None:
    network.tensors[4].buffer = network.tensors[2].buffer  # the converter lets equal constants share one
    old, new = network.constant(2), np.arange(4, dtype=np.float32)
    network.set_input(network.operators[1], 2, new)
    np.testing.assert_array_equal(network.constant(2), old)
    np.testing.assert_array_equal(network.constant(4), new)


def test_channels_by_hand() -> None:
    # a convolution's weights are (out, height, width, in): 2 outputs of 3 inputs, one pixel
    weights = np.array([[1, 2, 3], [4, 5, 6]]).reshape(2, 1, 1, 3)
    assert graph.by_output_channel("CONV_2D", weights).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert graph.by_input_channel("CONV_2D", weights, 3).tolist() == [[1, 4], [2, 5], [3, 6]]
    out, into = np.array([10, 100]), np.array([1, 10, 100])
    assert graph.scaled_outputs("CONV_2D", weights, out).reshape(2, 3).tolist() == [
        [10, 20, 30],
        [400, 500, 600],
    ]
    assert graph.scaled_inputs("CONV_2D", weights, into).reshape(2, 3).tolist() == [
        [1, 20, 300],
        [4, 50, 600],
    ]
    dense: Any = weights.reshape(2, 3)
    assert graph.by_input_channel("FULLY_CONNECTED", dense, 3).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert graph.scaled_outputs("FULLY_CONNECTED", dense, out).tolist() == [[10, 20, 30], [400, 500, 600]]


def test_depthwise_channels_by_hand() -> None:
    # (1, height, width, out): two pixels of four outputs, two for each of two inputs
    weights = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]).reshape(1, 1, 2, 4)
    kind = "DEPTHWISE_CONV_2D"
    assert graph.by_output_channel(kind, weights).tolist() == [[1, 5], [2, 6], [3, 7], [4, 8]]
    assert graph.by_input_channel(kind, weights, 2).tolist() == [[1, 5, 2, 6], [3, 7, 4, 8]]
    outputs = graph.scaled_outputs(kind, weights, np.array([1, 10, 100, 1000]))
    assert outputs[0, 0].tolist() == [[1, 20, 300, 4000], [5, 60, 700, 8000]]
    inputs = graph.scaled_inputs(kind, weights, np.array([1, 10]))
    assert inputs[0, 0].tolist() == [[1, 2, 30, 40], [5, 6, 70, 80]]


def test_layers_that_share_a_constant_get_one_other_and_those_left_out_keep_theirs() -> None:
    draft = Network(channels=1)
    draft.conv("first", "image", 2)
    for name in ("second", "third"):
        draft.again(name, "image", "first")
    made = Graph.unpacked(draft.content("first", "second", "third"))
    before, first, second, third = made.constant(int(made.operators[0].inputs[1])), *made.operators
    assert before is not None
    tensors = len(made.tensors)
    made.set_inputs([first, second, third], 1, 2 * before)
    assert len(made.tensors) == tensors, "nobody reads the old one, which nobody has to keep"
    assert len({int(one.inputs[1]) for one in made.operators}) == 1
    np.testing.assert_array_equal(made.constant(int(third.inputs[1])), 2 * before)
    tensor = made.set_inputs([first, third], 1, 3 * before)
    assert len(made.tensors) == tensors + 1
    assert first.inputs[1] == third.inputs[1] != second.inputs[1]
    assert made.tensors[int(first.inputs[1])] is tensor
    assert made.readers(int(first.inputs[1])) == [first, third]
    assert made.readers(int(second.inputs[1])) == [second]
    np.testing.assert_array_equal(made.constant(int(third.inputs[1])), 3 * before)
    np.testing.assert_array_equal(made.constant(int(second.inputs[1])), 2 * before)
