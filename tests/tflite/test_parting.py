"""Parts of a tensor that get a tensor each: what they hold stays, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.parting import NotAlone, join_in_floats
from tflite_files import network, step

RNG = np.random.default_rng(5)


def run(content: bytes, value: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def parted(content: bytes, axis: int, sides: list[int]) -> Graph:
    graph = Graph(flatbuffer.unpack(content))
    (index,) = graph.outputs
    return join_in_floats(graph, index, axis, sides)


def written(assembly: Assembly, output: str) -> bytes:
    return assembly.content([output])


def joined() -> tuple[bytes, int, list[int]]:
    made = Assembly({"x": (1, 4, 6, 3)})
    boxes = made.binary("MUL", made.part("x", 0, 2), 640.0)
    return written(made, made.join([boxes, made.unary("LOGISTIC", "x")], -1)), 3, [2, 3]


def over_strides() -> tuple[bytes, int, list[int]]:
    """Give (1, rows of two strides, 2 + 3), each stride joined and flattened before the strides are."""
    made = Assembly({"x": (1, 4, 6, 3)})
    rows = []
    for factor in (8.0, 16.0):
        boxes = made.binary("MUL", made.part("x", 0, 2), factor)
        rows.append(made.reshape(made.join([boxes, made.unary("LOGISTIC", "x")], -1), (1, 24, 5)))
    return written(made, made.join(rows, 1)), 2, [2, 3]


def turned() -> tuple[bytes, int, list[int]]:
    """Give (1, 2 + 3, boxes), as YOLOv8 does, whose numbers were (1, boxes, numbers) before."""
    made = Assembly({"x": (1, 4, 6, 3)})
    boxes = made.binary("MUL", made.part("x", 0, 2), 8.0)
    rows = made.reshape(made.join([boxes, made.unary("LOGISTIC", "x")], -1), (1, 24, 5))
    return written(made, made.unary("LOGISTIC", made.transpose(rows, (0, 2, 1)))), 1, [2, 3]


def of_a_layer() -> tuple[bytes, int, list[int]]:
    tensors: dict[str, Any] = {
        "x": (1, 4, 6, 3),
        "w": RNG.normal(size=(5, 1, 1, 3)).astype(np.float32),
        "b": RNG.normal(size=5).astype(np.float32),
        "y": (1, 4, 6, 5),
    }
    return network(tensors, [step("CONV_2D", ["x", "w", "b"], ["y"])], ["x"], ["y"]), 3, [2, 3]


@pytest.mark.parametrize("made", [joined, over_strides, turned, of_a_layer])
def test_parts_are_made_alone_and_joined_to_the_same_numbers(made: Any) -> None:
    content, axis, sides = made()
    value = RNG.normal(size=(1, 4, 6, 3)).astype(np.float32)
    graph = parted(content, axis, sides)
    again = flatbuffer.pack(graph.model)
    assert np.array_equal(run(content, value), run(again, value))
    (index,) = graph.outputs
    joining = graph.maker(index)
    assert joining is not None
    assert (graph.kind(joining), graph.name(index).startswith("in_floats/")) == ("CONCATENATION", True)
    assert [int(graph.tensors[i].shape[axis]) for i in joining.inputs] == sides
    assert list(flatbuffer.ends_of(graph.model)[1]) == list(flatbuffer.ends_of(flatbuffer.unpack(content))[1])


def test_a_graph_whose_parts_are_made_together_stays_as_it_is() -> None:
    made = Assembly({"x": (1, 4, 6, 5)})
    content = written(made, made.softmax("x"))
    graph = Graph(flatbuffer.unpack(content))
    (index,) = graph.outputs
    with pytest.raises(NotAlone, match="SOFTMAX"):
        join_in_floats(graph, index, 3, [2, 3])
    assert flatbuffer.pack(graph.model) == flatbuffer.pack(flatbuffer.unpack(content))


def test_what_nothing_reads_any_more_is_dropped() -> None:
    content, axis, sides = of_a_layer()
    graph = parted(content, axis, sides)
    assert [graph.kind(one) for one in graph.operators] == ["CONV_2D", "CONV_2D", "CONCATENATION"]
    held = sum(0 if one.data is None else len(one.data) for one in graph.model.buffers)
    assert held == 5 * 3 * 4 + 5 * 4  # weights and biases, once
