"""SQUEEZE and EXPAND_DIMS become RESHAPE, and compute what they did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from foreign_networks import two_outputs
from litert_files import outputs_of
from on_bytes import with_reshapes
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph

OPERATORS, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions


def squeeze(given: str, name: str, *axes: int) -> Step:
    options = schema.SqueezeOptionsT()
    options.squeezeDims = np.array(axes, np.int32)
    return Step(OPERATORS.SQUEEZE, [given], [name], OPTIONS.SqueezeOptions, options)


def expand(given: str, axis: str, name: str) -> Step:
    return Step(
        OPERATORS.EXPAND_DIMS, [given, axis], [name], OPTIONS.ExpandDimsOptions, schema.ExpandDimsOptionsT()
    )


def network() -> bytes:
    """Give a file that squeezes, expands and takes absolute values."""
    tensors: dict[str, Any] = {
        "x": (1, 1, 4, 1),
        "axis": np.array([0], np.int32),
        "flat": (1, 4),
        "wide": (1, 1, 4),
        "y": (1, 1, 4),
    }
    steps = [
        squeeze("x", "flat", 1, 3),
        expand("flat", "axis", "wide"),
        Step(OPERATORS.ABS, ["wide"], ["y"]),
    ]
    return assemble(tensors, steps, ["x"], ["y"])


def test_both_become_a_reshape_to_the_shape_that_they_gave() -> None:
    content, names = with_reshapes(network())
    assert names == ["flat", "wide"]
    graph = Graph(flatbuffer.unpack(content))
    assert [graph.kind(operator) for operator in graph.operators] == ["RESHAPE", "RESHAPE", "ABS"]
    shapes = []
    for operator in graph.operators[:2]:
        shape = graph.constant(operator.inputs[1])
        assert shape is not None
        assert shape.tolist() == operator.builtinOptions.newShape.tolist()
        shapes.append(shape.tolist())
    assert shapes == [[1, 4], [1, 1, 4]]
    x = np.array([1, -2, 3, -4], np.float32).reshape(1, 1, 4, 1)
    (found,) = outputs_of(content, {"x": x}).values()
    assert found.tolist() == [[[1, 2, 3, 4]]]
    assert "axis" not in [graph.name(index) for index in range(len(graph.tensors))], "nothing reads it"


def test_a_single_number_is_a_shape_too() -> None:
    content = assemble(
        {"x": (1, 1), "y": (), "z": ()}, [squeeze("x", "y"), Step(OPERATORS.ABS, ["y"], ["z"])], ["x"], ["z"]
    )
    made, names = with_reshapes(content)
    assert names == ["y"]
    (found,) = outputs_of(made, {"x": np.array([[-3]], np.float32)}).values()
    assert (found.shape, float(found)) == ((), 3.0)


def test_a_shape_that_is_open_stays_as_it_is() -> None:
    model = flatbuffer.unpack(network())
    model.subgraphs[0].tensors[2].shape = np.array([-1, 4], np.int32)
    content, names = with_reshapes(flatbuffer.pack(model))
    assert names == ["wide"]
    graph = Graph(flatbuffer.unpack(content))
    assert [graph.kind(operator) for operator in graph.operators] == ["SQUEEZE", "RESHAPE", "ABS"]


@pytest.mark.parametrize(
    "content",
    [two_outputs(), assemble({"x": (1, 2), "y": (1, 2)}, [Step(OPERATORS.ABS, ["x"], ["y"])], ["x"], ["y"])],
)
def test_a_file_without_them_keeps_its_bytes(content: bytes) -> None:
    made, names = with_reshapes(content)
    assert made is content
    assert names == []
