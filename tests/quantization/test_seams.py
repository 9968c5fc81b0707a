"""Seams: through what channels may be followed to the layers that read them, and through what not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.quantization.seams import Seam, fused, seams
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph

FUSED = schema.ActivationFunctionType
OPERATOR, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
SIDE, CHANNELS = 4, 3


class Chain:
    """Operators in a row, on an image of (SIDE, SIDE, CHANNELS)."""

    def __init__(self) -> None:
        self._tensors: dict[str, Any] = {"image": (1, SIDE, SIDE, CHANNELS)}
        self._steps: list[Step] = []

    def add(
        self,
        name: str,
        given: list[str],
        shape: tuple[int, ...],
        operator: int,
        kind: int = 0,
        options: Any = None,
    ) -> None:
        self._tensors[name] = shape
        self._steps.append(Step(operator, given, [name], kind, options))

    def constant(self, name: str, values: Any) -> str:
        self._tensors[name] = np.asarray(values)
        return name

    def conv(
        self,
        name: str,
        given: str,
        activation: int = FUSED.RELU,
        channels: int = CHANNELS,
        reads: int = CHANNELS,
    ) -> None:
        side = self._tensors[given][1]
        weights = self.constant(f"{name}/w", np.ones((channels, 1, 1, reads), np.float32))
        options = window(schema.Conv2DOptionsT(), activation)
        self.add(
            name,
            [given, weights],
            (1, side, side, channels),
            OPERATOR.CONV_2D,
            OPTIONS.Conv2DOptions,
            options,
        )

    def depthwise(self, name: str, given: str, multiplier: int = 1) -> None:
        channels = self._tensors[given][3] * multiplier
        weights = self.constant(f"{name}/w", np.ones((1, 1, 1, channels), np.float32))
        options = window(schema.DepthwiseConv2DOptionsT(), FUSED.RELU)
        kind = OPTIONS.DepthwiseConv2DOptions
        self.add(name, [given, weights], (1, SIDE, SIDE, channels), OPERATOR.DEPTHWISE_CONV_2D, kind, options)

    def dense(self, name: str, given: str, reads: int) -> None:
        weights = self.constant(f"{name}/w", np.ones((2, reads), np.float32))
        kind, options = OPTIONS.FullyConnectedOptions, schema.FullyConnectedOptionsT()
        self.add(name, [given, weights], (1, 2), OPERATOR.FULLY_CONNECTED, kind, options)

    def pool(self, name: str, given: str, operator: int, activation: int = FUSED.NONE) -> None:
        options = window(schema.Pool2DOptionsT(), activation)
        options.filterWidth = options.filterHeight = 1
        self.add(name, [given], (1, SIDE, SIDE, CHANNELS), operator, OPTIONS.Pool2DOptions, options)

    def mean(self, name: str, given: str, axes: list[int], shape: tuple[int, ...]) -> None:
        options = schema.ReducerOptionsT()
        options.keepDims = len(shape) == 4
        self.add(
            name,
            [given, self.constant("axes", np.array(axes, np.int32))],
            shape,
            OPERATOR.MEAN,
            OPTIONS.ReducerOptions,
            options,
        )

    def found(self, *outputs: str) -> dict[str, Seam]:
        graph = Graph(flatbuffer.unpack(assemble(self._tensors, self._steps, ["image"], list(outputs))))
        self.graph = graph
        return {graph.name(seam.written): seam for seam in seams(graph)}


def window(options: Any, activation: int) -> Any:
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding, options.fusedActivationFunction = schema.Padding.SAME, activation
    return options


@pytest.mark.parametrize(
    ("activation", "is_seam", "bounded"),
    [
        (FUSED.NONE, True, False),
        (FUSED.RELU, True, False),
        (FUSED.RELU6, True, True),
        (FUSED.RELU_N1_TO_1, False, False),
        (FUSED.TANH, False, False),
    ],
)
def test_a_positive_factor_passes_what_is_linear_above_zero(
    activation: int, is_seam: bool, bounded: bool
) -> None:
    chain = Chain()
    chain.conv("one", "image", activation)
    chain.conv("two", "one")
    found = chain.found("two")
    assert list(found) == (["one"] if is_seam else [])
    assert [seam.bounded for seam in found.values()] == [bounded] * is_seam
    assert fused(chain.graph.operators[0]) == activation


@pytest.mark.parametrize(("stored", "is_seam"), [(None, True), ("one/w", False), ("two/w", False)])
def test_weights_that_are_stored_as_integers_cannot_be_rescaled(stored: str | None, is_seam: bool) -> None:
    """In a dynamic-range file layers compute in floats on int8 weights, whose bytes a float factor would make wrong."""
    chain = Chain()
    chain.conv("one", "image")
    chain.conv("two", "one")
    chain.found("two")
    for tensor in chain.graph.tensors:
        if tensor.name.decode() == stored:
            tensor.type = schema.TensorType.INT8
    assert [chain.graph.name(seam.written) for seam in seams(chain.graph)] == ["one"] * is_seam


BETWEEN: dict[str, tuple[Any, bool, bool]] = {
    # what lies between two convolutions, whether it is a seam, and whether a RELU6 lies there
    "RELU": (lambda chain: chain.add("it", ["one"], (1, SIDE, SIDE, CHANNELS), OPERATOR.RELU), True, False),
    "RELU6": (lambda chain: chain.add("it", ["one"], (1, SIDE, SIDE, CHANNELS), OPERATOR.RELU6), True, True),
    "LOGISTIC": (
        lambda chain: chain.add("it", ["one"], (1, SIDE, SIDE, CHANNELS), OPERATOR.LOGISTIC),
        False,
        False,
    ),
    "PAD": (
        lambda chain: chain.add(
            "it",
            ["one", chain.constant("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))],
            (1, SIDE + 2, SIDE + 2, CHANNELS),
            OPERATOR.PAD,
        ),
        True,
        False,
    ),
    "MAX_POOL_2D": (lambda chain: chain.pool("it", "one", OPERATOR.MAX_POOL_2D), True, False),
    "AVERAGE_POOL_2D": (
        lambda chain: chain.pool("it", "one", OPERATOR.AVERAGE_POOL_2D, FUSED.RELU6),
        True,
        True,
    ),
    "a pool with TANH": (
        lambda chain: chain.pool("it", "one", OPERATOR.MAX_POOL_2D, FUSED.TANH),
        False,
        False,
    ),
    "MEAN of the plane": (lambda chain: chain.mean("it", "one", [1, -2], (1, 1, 1, CHANNELS)), True, False),
    "MEAN of one side": (lambda chain: chain.mean("it", "one", [1], (1, 1, SIDE, CHANNELS)), False, False),
    "MEAN of channels": (lambda chain: chain.mean("it", "one", [1, 3], (1, 1, SIDE, 1)), False, False),
}


@pytest.mark.parametrize("between", BETWEEN)
def test_channels_are_followed_through_what_keeps_them_apart(between: str) -> None:
    put, is_seam, bounded = BETWEEN[between]
    chain = Chain()
    chain.conv("one", "image")
    put(chain)
    chain.conv("two", "it", reads=chain._tensors["it"][3])
    found = chain.found("two")
    assert list(found) == (["one"] if is_seam else [])
    if is_seam:
        (reader,) = found["one"].readers
        assert (found["one"].channels, found["one"].bounded) == (CHANNELS, bounded)
        assert chain.graph.name(reader.read) == "it", "what the layer reads, not what the first one wrote"
        assert reader.layer is chain.graph.operators[-1]


@pytest.mark.parametrize(("plane", "is_seam"), [(1, True), (SIDE, False)])
def test_a_reshape_keeps_channels_where_there_is_nothing_else(plane: int, is_seam: bool) -> None:
    """A flattened plane is read as other channels: h * w * c of them."""
    chain = Chain()
    chain.conv("one", "image")
    given, side = "one", SIDE
    if plane == 1:
        chain.mean("mean", "one", [1, 2], (1, 1, 1, CHANNELS))
        given, side = "mean", 1
    count = side * side * CHANNELS
    chain.add(
        "flat", [given, chain.constant("shape", np.array([1, count], np.int32))], (1, count), OPERATOR.RESHAPE
    )
    chain.dense("two", "flat", count)
    assert list(chain.found("two")) == (["one"] if is_seam else [])


def test_a_reshape_into_other_channels_is_none_though_the_last_side_is_as_long() -> None:
    chain = Chain()
    chain.conv("one", "image", channels=4)
    shape = chain.constant("shape", np.array([1, 1, 16, 4], np.int32))
    chain.add("other", ["one", shape], (1, 1, 16, 4), OPERATOR.RESHAPE)
    chain.conv("two", "other", reads=4)
    assert list(chain.found("two")) == []


def test_all_readers_of_every_branch_belong_to_a_seam_or_there_is_none() -> None:
    chain = Chain()
    chain.conv("one", "image")
    chain.conv("left", "one")
    chain.add("relu", ["one"], (1, SIDE, SIDE, CHANNELS), OPERATOR.RELU)
    chain.conv("right", "relu")
    assert [chain.graph.name(reader.read) for reader in chain.found("left", "right")["one"].readers] == [
        "one",
        "relu",
    ]
    assert list(chain.found("left", "right", "relu")) == [], "a branch that leaves the model"
    chain.add("odd", ["one"], (1, SIDE, SIDE, CHANNELS), OPERATOR.LOGISTIC)
    assert list(chain.found("left", "right", "odd")) == []


@pytest.mark.parametrize("multiplier", [1, 2])
def test_a_depthwise_layer_has_its_channels_last_and_reads_them_apart(multiplier: int) -> None:
    chain = Chain()
    chain.conv("one", "image")
    chain.depthwise("two", "one", multiplier)
    chain.conv("three", "two", reads=CHANNELS * multiplier)
    found = chain.found("three")
    assert {name: seam.channels for name, seam in found.items()} == {
        "one": CHANNELS,
        "two": CHANNELS * multiplier,
    }


def test_a_convolution_in_groups_is_no_reader() -> None:
    chain = Chain()
    chain.conv("one", "image", channels=4)
    chain.conv("two", "one", reads=2, channels=4)
    assert list(chain.found("two")) == []


def test_a_layer_that_reads_channels_as_its_weights_is_no_reader() -> None:
    chain = Chain()
    chain.conv("one", "image")
    options = window(schema.Conv2DOptionsT(), FUSED.NONE)
    chain.constant("constant", np.ones((1, 1, 1, CHANNELS), np.float32))
    chain.add("two", ["constant", "one"], (1, 1, 1, 1), OPERATOR.CONV_2D, OPTIONS.Conv2DOptions, options)
    assert list(chain.found("two")) == []
