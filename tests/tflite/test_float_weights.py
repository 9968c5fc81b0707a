"""Weights that a file stores in fewer bits become the floats that they stand for; NumPy says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from foreign_networks import Draft
from litert_files import outputs_of
from on_bytes import quantize, with_float_weights
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.float_weights import values_of
from tflbuild.tflite.graph import Graph

TYPES = schema.TensorType
DENSE = schema.BuiltinOptions.FullyConnectedOptions


def dense(weights: Any, count: int = 2) -> bytes:
    """Give dense layers one behind the other that share their square weights."""
    side = len(weights)
    tensors: dict[str, Any] = {"x": (1, side), "weights": np.asarray(weights, np.float32)}
    steps = []
    for number in range(count):
        tensors[f"y{number}"] = (1, side)
        given = f"y{number - 1}" if number else "x"
        operator = schema.BuiltinOperator.FULLY_CONNECTED
        steps.append(
            Step(operator, [given, "weights"], [f"y{number}"], DENSE, schema.FullyConnectedOptionsT())
        )
    return assemble(tensors, steps, ["x"], [f"y{count - 1}"])


def stored(
    content: bytes, levels: Any, dtype: int, scales: Any = (), points: Any = (), axis: int = 0
) -> bytes:
    """Store the constant `weights` otherwise."""
    model = flatbuffer.unpack(content)
    (tensor,) = (one for one in model.subgraphs[0].tensors if one.name == b"weights")
    tensor.type = dtype
    model.buffers[tensor.buffer].data = np.frombuffer(levels.tobytes(), np.uint8)
    if len(scales):
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array(scales, np.float32)
        tensor.quantization.zeroPoint = np.array(points, np.int64)
        tensor.quantization.quantizedDimension = axis
    return flatbuffer.pack(model)


LEVELS = np.array([[1, -2, 3], [-4, 5, -6], [7, -8, 127]])

FORMS: dict[str, tuple[Any, int, Any, Any, int, Any]] = {
    # levels, dtype, scales, zero points, axis, and what they stand for
    "one scale": (LEVELS.astype(np.int8), TYPES.INT8, [0.5], [0], 0, LEVELS * 0.5),
    "a scale for each row": (
        LEVELS.astype(np.int8),
        TYPES.INT8,
        [0.5, 0.25, 2.0],
        [0, 0, 0],
        0,
        LEVELS * np.array([[0.5], [0.25], [2.0]]),
    ),
    "a scale for each column": (
        LEVELS.astype(np.int8),
        TYPES.INT8,
        [0.5, 0.25, 2.0],
        [0, 0, 0],
        1,
        LEVELS * np.array([0.5, 0.25, 2.0]),
    ),
    "bytes with a zero point": (
        (LEVELS + 128).astype(np.uint8),
        TYPES.UINT8,
        [0.125],
        [120],
        0,
        (LEVELS + 8) * 0.125,
    ),
    "half precision": (
        (LEVELS / 3).astype(np.float16),
        TYPES.FLOAT16,
        [],
        [],
        0,
        (LEVELS / 3).astype(np.float16),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_stored_weights_become_the_floats_that_they_stand_for(form: str) -> None:
    levels, dtype, scales, points, axis, wanted = FORMS[form]
    given = stored(dense(np.zeros((3, 3))), levels, dtype, scales, points, axis)
    content, names = with_float_weights(given)
    assert names == ["y0", "y1"], "each layer that reads them is named"
    graph = Graph(flatbuffer.unpack(content))
    for operator in graph.operators:
        weights = graph.tensors[int(operator.inputs[1])]
        assert (weights.type, weights.quantization) == (TYPES.FLOAT32, None)
        assert np.array_equal(graph.constant(operator.inputs[1]), wanted.astype(np.float32))
    x = np.array([[1.0, -2.0, 3.0]], np.float32)
    exact = wanted.astype(np.float64) @ (wanted.astype(np.float64) @ x[0])
    (found,) = outputs_of(content, {"x": x}).values()
    assert found[0] == pytest.approx(exact, rel=1e-5)


def test_the_values_of_a_constant_are_read_without_writing_them() -> None:
    levels, dtype, scales, points, axis, wanted = FORMS["bytes with a zero point"]
    graph = Graph(flatbuffer.unpack(stored(dense(np.zeros((3, 3))), levels, dtype, scales, points, axis)))
    (index,) = (place for place, one in enumerate(graph.tensors) if one.name == b"weights")
    assert np.array_equal(values_of(graph, index), wanted.astype(np.float32))
    assert graph.tensors[index].type == TYPES.UINT8


def test_the_stored_weights_leave_the_file() -> None:
    given = stored(dense(np.zeros((64, 64)), 1), np.ones((64, 64), np.int8), TYPES.INT8, [0.5], [0])
    content, _ = with_float_weights(given)
    # 4 bytes for each of 4,096 weights in the place of one
    assert len(content) == pytest.approx(len(given) + 3 * 4096, abs=200)
    assert [tensor.name for tensor in flatbuffer.unpack(content).subgraphs[0].tensors] == [
        b"x",
        b"y0",
        b"weights;float",
    ]


def dequantized(levels: Any, dtype: int, scales: Any = (), points: Any = ()) -> bytes:
    """Give a dense layer whose weights a DEQUANTIZE unpacks, and one whose activation another makes a float."""
    tensors: dict[str, Any] = {
        "x": (1, 3),
        "weights": np.zeros((3, 3), np.float32),
        "floats": (3, 3),
        "y": (1, 3),
        "levels": (1, 3),
        "z": (1, 3),
    }
    operators = schema.BuiltinOperator
    quantize = Step(
        operators.QUANTIZE,
        ["y"],
        ["levels"],
        schema.BuiltinOptions.QuantizeOptions,
        schema.QuantizeOptionsT(),
    )
    unpack = [
        Step(
            operators.DEQUANTIZE,
            [given],
            [made],
            schema.BuiltinOptions.DequantizeOptions,
            schema.DequantizeOptionsT(),
        )
        for given, made in (("weights", "floats"), ("levels", "z"))
    ]
    layer = Step(operators.FULLY_CONNECTED, ["x", "floats"], ["y"], DENSE, schema.FullyConnectedOptionsT())
    made = assemble(tensors, [unpack[0], layer, quantize, unpack[1]], ["x"], ["z"])
    model = flatbuffer.unpack(stored(made, levels, dtype, scales, points))
    (activation,) = (one for one in model.subgraphs[0].tensors if one.name == b"levels")
    activation.type = TYPES.INT8
    activation.quantization = schema.QuantizationParametersT()
    activation.quantization.scale = np.array([0.5], np.float32)
    activation.quantization.zeroPoint = np.array([0], np.int64)
    return flatbuffer.pack(model)


@pytest.mark.parametrize(
    "form", ["half precision", "one scale", "a scale for each row", "bytes with a zero point"]
)
def test_constants_that_a_dequantize_unpacks_stand_in_its_place(form: str) -> None:
    levels, dtype, scales, points, _, wanted = FORMS[form]
    content, names = with_float_weights(dequantized(levels, dtype, scales, points))
    assert names == ["floats"]
    graph = Graph(flatbuffer.unpack(content))
    kinds = [graph.kind(operator) for operator in graph.operators]
    assert kinds == ["FULLY_CONNECTED", "QUANTIZE", "DEQUANTIZE"], "that of an activation stays"
    assert np.array_equal(graph.constant(graph.operators[0].inputs[1]), wanted.astype(np.float32))
    x = np.array([[0.5, 0.25, 0.125]], np.float32)
    (found,) = outputs_of(content, {"x": x}).values()
    exact = np.clip(np.rint(wanted.astype(np.float64) @ x[0] / 0.5), -128, 127) * 0.5
    assert found[0] == pytest.approx(exact, abs=1e-6)


def test_what_stores_floats_keeps_its_bytes() -> None:
    draft = Draft(x=(1, 4, 4, 2))
    draft.conv("seen", "x", 3)
    draft.reshape("flat", "seen", 1, 48)
    draft.dense("y", "flat", 2)
    content = draft.content("y")
    made, names = with_float_weights(content)
    assert made is content
    assert names == []


def test_a_layer_of_integers_keeps_its_weights() -> None:
    levels, dtype, scales, points, axis, _ = FORMS["one scale"]
    model = flatbuffer.unpack(stored(dense(np.zeros((3, 3)), 1), levels, dtype, scales, points, axis))
    model.subgraphs[0].tensors[0].type = TYPES.INT8
    content = flatbuffer.pack(model)
    made, names = with_float_weights(content)
    assert made is content
    assert names == []


def test_the_dynamic_file_of_a_quantizer_gives_the_products_of_its_own_weights(tmp_path: Path) -> None:
    """The kernels of such a file round activations too; its weights alone are what is left of it here."""

    draft = Draft(x=(1, 6, 6, 3))
    draft.conv("seen", "x", 8)
    draft.reshape("flat", "seen", 1, 288)
    draft.dense("y", "flat", 5)
    floats = draft.content("y")
    path = tmp_path / "float.tflite"
    path.write_bytes(floats)
    dynamic = quantize(path, "dynamic", float_input=True, float_output=True)
    content, names = with_float_weights(dynamic)
    assert names, "it stores weights in int8"
    graph = Graph(flatbuffer.unpack(content))
    assert {graph.tensors[int(operator.inputs[1])].type for operator in graph.weighted()} == {TYPES.FLOAT32}
    x = np.random.default_rng(0).uniform(-1, 1, (1, 6, 6, 3)).astype(np.float32)
    (exact,), (found,) = (outputs_of(one, {"x": x}).values() for one in (floats, content))
    assert found == pytest.approx(exact, abs=0.02 * float(np.abs(exact).max()))
