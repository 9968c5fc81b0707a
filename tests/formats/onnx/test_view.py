"""An ONNX graph by the operators of the `.tflite` that is made of it, and what its outputs are joined of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from onnx_files import Given, end, field, graph, message, node, tensor
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx.ends import ends_of
from tflbuild.formats.onnx.graph import read
from tflbuild.formats.onnx.parts import parts_of
from tflbuild.formats.onnx.view import View


def view(
    nodes: Sequence[bytes],
    constants: Sequence[bytes] = (),
    inputs: Sequence[bytes] = (end("x", (1, 3, 4, 6)),),
    outputs: Sequence[bytes] = (end("y", (1, 7, 4, 6)),),
    within: Sequence[bytes] = (),
) -> View:
    content = graph(Given(nodes, inputs, outputs, constants)) + b"".join(field(13, one) for one in within)
    found = read(message((1, 8), (7, content)))
    return View(found, ends_of(found, "it"))


KINDS = {
    "Softmax": "SOFTMAX",
    "Sigmoid": "LOGISTIC",
    "LogSoftmax": "LOG_SOFTMAX",
    "Gemm": "FULLY_CONNECTED",
    "MatMul": "FULLY_CONNECTED",
    "Conv": "CONV_2D",
    "ConvTranspose": "TRANSPOSE_CONV",
    "GlobalAveragePool": "MEAN",
    "ReduceMean": "MEAN",
    "AveragePool": "AVERAGE_POOL_2D",
    "Relu": "RELU",
    "Tanh": "TANH",
    "Pad": "PAD",
    "Resize": "RESIZE_BILINEAR",
    "Upsample": "RESIZE_NEAREST_NEIGHBOR",
    "QuantizeLinear": "QUANTIZE",
    "DequantizeLinear": "DEQUANTIZE",
    "Concat": "CONCATENATION",
    "Slice": "STRIDED_SLICE",
    "Reshape": "RESHAPE",
    "Flatten": "RESHAPE",
    "Transpose": "RESHAPE",
    "Identity": "RESHAPE",
    "Dropout": "RESHAPE",
    "Squeeze": "SQUEEZE",
    "Unsqueeze": "EXPAND_DIMS",
    "Mul": "MUL",
}
"""Operators of LiteRT's schema that compute what ONNX's documentation says, or move values about as these do."""


@pytest.mark.parametrize("kind", KINDS)
def test_operators_have_the_names_of_litert(kind: str) -> None:
    (found,) = view([node(kind, ["x"], ["y"])]).operators
    assert (found.kind, found.activation, found.custom) == (KINDS[kind], "", False)


def test_tensors_are_numbered_inputs_first_and_one_that_is_left_out_has_none() -> None:
    found = view(
        [node("Conv", ["x", "k", ""], ["y"]), node("Mine", ["y", "x"], ["z"], "own")],
        [tensor("k", np.ones((7, 3, 1, 1), np.float32))],
        inputs=[end("unread", (1, 2)), end("x", (1, 3, 4, 6))],
        outputs=[end("z", (1, 2)), end("y", (1, 7, 4, 6))],
    )
    assert found.numbers == {"unread": 0, "x": 1, "k": 2, "": 3, "y": 4, "z": 5}
    assert (found.inputs, found.outputs) == ((0, 1), (5, 4))
    conv, own = found.operators
    assert (conv.inputs, conv.outputs, own.inputs, own.outputs) == ((1, 2, -1), (4,), (4, 1), (5,))
    assert (own.kind, own.custom) == ("MINE", True)
    assert found.maker(4) == conv
    assert found.readers(1) == [conv, own]


def test_what_the_file_says_of_a_tensor_is_known_and_else_it_is_a_float_of_no_shape() -> None:
    found = view(
        [node("Conv", ["x", "k"], ["a"]), node("ArgMax", ["a"], ["b"]), node("Fnord", ["b", "few"], ["y"])],
        [tensor("k", np.ones((7, 3, 1, 2), np.float32)), tensor("few", np.array([2.5], np.float32))],
        within=[end("b", ("N", 5, "H"), "int64")],
    )
    spec = {name: found.spec(number) for name, number in found.numbers.items()}
    assert spec["x"] == TensorSpec((1, 4, 6, 3), "float32"), "as the .tflite has it"
    assert spec["y"] == TensorSpec((1, 4, 6, 7), "float32")
    assert spec["k"] == TensorSpec((7, 3, 1, 2), "float32")
    assert spec["b"] == TensorSpec((1, 5, -1), "int64"), "of one sample"
    assert spec["a"] == TensorSpec((), "float32")
    assert (found.dtype(found.numbers["b"]), found.dtype(-1)) == ("int64", "")
    assert found.few_values(found.numbers["few"]) == (2.5,)
    assert found.few_values(found.numbers["x"]) is None
    assert found.few_values(-1) is None
    assert found.quantization(0) == (0.0, 0)


@pytest.mark.parametrize("kind", ["Identity", "Dropout", "Softmax", "LogSoftmax", "Sigmoid"])
def test_what_is_given_to_an_operator_that_keeps_shapes_has_that_of_its_result(kind: str) -> None:
    nodes = [node("Gemm", ["x"], ["a"]), node(kind, ["a"], ["b"]), node("Softmax", ["b"], ["y"])]
    found = view(nodes, outputs=[end("y", (1, 9))], inputs=[end("x", (1, 5))])
    assert found.spec(found.numbers["a"]).shape == (1, 9)


def test_other_operators_do_not_tell_the_shape_before_them() -> None:
    found = view([node("Relu", ["x"], ["a"]), node("Flatten", ["a"], ["y"])], outputs=[end("y", (1, 9))])
    assert found.spec(found.numbers["a"]).shape == ()


def conv(given: str, made: str, channels: int) -> tuple[bytes, bytes]:
    kernel = tensor(f"k_{made}", np.ones((channels, 3, 1, 1), np.float32))
    return node("Conv", [given, f"k_{made}"], [made]), kernel


def parts(
    behind: Mapping[str, Sequence[str]], total: int, kind: str = "Concat", rank: int = 4
) -> Mapping[str, tuple[int, tuple[int, ...]]]:
    """Give the parts of `y`, joined of convolutions of 1, 4 and 2 channels with operators behind each."""
    nodes, constants, joined = [], [], []
    for name, channels in (("a", 1), ("b", 4), ("c", 2)):
        made, kernel = conv("x", name, channels)
        nodes.append(made)
        constants.append(kernel)
        for number, one in enumerate(behind.get(name, ())):
            nodes.append(node(one, [f"{name}{number}" if number else name], [f"{name}{number + 1}"]))
        joined.append(f"{name}{len(behind[name])}" if name in behind else name)
    nodes.append(node(kind, joined, ["y"], axis=1))
    out = (1, total, 5, 6)[:rank]
    return parts_of(view(nodes, constants, outputs=[end("y", out)]), {"scores": "y"})


def test_a_map_is_joined_of_what_its_layers_make_through_what_keeps_channels() -> None:
    behind = {"a": ["Sigmoid"], "b": ["Relu", "Softmax"], "c": ["Transpose"]}
    assert parts(behind, 7) == {"scores": (3, (1, 4, 2))}, "by the name of the output, not of the tensor"
    assert parts({}, 7) == {"scores": (3, (1, 4, 2))}


def test_where_the_layers_do_not_show_or_do_not_add_up_there_are_no_parts() -> None:
    assert parts({}, 8) == {}
    assert parts({"b": ["MaxPool"]}, 7) == {}
    assert parts({"b": ["Relu"] * 9}, 7) == {}, "too far behind"
    assert parts({}, 7, kind="Sum") == {}
    assert parts({}, 7, rank=3) == {}


def test_a_map_of_one_part_and_one_that_nobody_makes_have_none() -> None:
    made, kernel = conv("x", "a", 7)
    assert parts_of(view([made, node("Concat", ["a"], ["y"], axis=1)], [kernel]), {"y": "y"}) == {}
    assert parts_of(view([]), {"y": "y"}) == {}
    assert parts_of(view([node("Concat", ["x", "x"], ["y"], axis=1)]), {"y": "y"}) == {}
