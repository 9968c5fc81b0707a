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


def of_pairs() -> tuple[bytes, int, list[int]]:
    """Give pairs with numbers for each place of the axis, with one number for all, and of fewer axes."""
    made = Assembly({"x": (1, 4, 6, 3)})
    numbers = made.join([made.part("x", 0, 2), made.unary("LOGISTIC", "x")], -1)
    by_place = RNG.normal(size=(1, 1, 1, 5)).astype(np.float32)
    scaled = made.binary("MUL", numbers, by_place)
    scaled = made.binary("ADD", scaled, RNG.normal(size=5).astype(np.float32))
    scaled = made.binary("MAXIMUM", scaled, -0.5)
    scaled = made.binary("SUB", scaled, RNG.normal(size=(4, 6, 1)).astype(np.float32))
    return written(made, scaled), 3, [2, 3]


def of_pairs_over_rows() -> tuple[bytes, int, list[int]]:
    """Part the rows, an axis that values of fewer axes do not have."""
    made = Assembly({"x": (1, 4, 6, 3)})
    rows = made.join([made.unary("EXP", "x"), made.unary("TANH", "x"), made.unary("LOGISTIC", "x")], 1)
    rows = made.binary("ADD", rows, RNG.normal(size=(6, 3)).astype(np.float32))
    rows = made.softmax(rows)  # over another axis
    return written(made, rows), 1, [8, 4]


def across_inputs() -> tuple[bytes, int, list[int]]:
    """Part an axis elsewhere than where it was joined: a part is of the end of one tensor and the start of another."""
    made = Assembly({"x": (1, 4, 6, 3)})
    same = {"w": RNG.normal(size=(4, 1, 1, 3)).astype(np.float32)}
    layers = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        weights = made.constant(rng.normal(size=same["w"].shape).astype(np.float32))
        bias = made.constant(rng.normal(size=4).astype(np.float32))
        made.add(step("CONV_2D", ["x", weights, bias], [f"y{seed}"]), {f"y{seed}": (1, 4, 6, 4)})
        layers.append(f"y{seed}")
    return written(made, made.join(layers, -1)), 3, [3, 3, 2]


def of_a_dense_layer() -> tuple[bytes, int, list[int]]:
    made = Assembly({"x": (1, 4, 6, 3)})
    weights = made.constant(RNG.normal(size=(5, 72)).astype(np.float32))
    flat = made.reshape("x", (1, 72))
    made.add(step("FULLY_CONNECTED", [flat, weights], ["y"]), {"y": (1, 5)})
    return written(made, made.unary("TANH", "y")), 1, [1, 4]


def with_a_constant() -> tuple[bytes, int, list[int]]:
    """Join a tensor with values that are in the file."""
    made = Assembly({"x": (1, 4, 6, 3)})
    values = made.constant(RNG.normal(size=(1, 4, 6, 4)).astype(np.float32))
    return written(made, made.join(["x", values], -1)), 3, [3, 1, 3]


@pytest.mark.parametrize(
    "made",
    [
        joined,
        over_strides,
        turned,
        of_a_layer,
        of_pairs,
        of_pairs_over_rows,
        across_inputs,
        of_a_dense_layer,
        with_a_constant,
    ],
)
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


def between_zero_and_one(made: Assembly) -> str:
    """Join two parts, of 2 and 3 channels, of numbers that every operator takes."""
    parts = [made.unary("LOGISTIC", made.part("x", 0, 2)), made.unary("LOGISTIC", "x")]
    return made.join(parts, -1)


@pytest.mark.parametrize(
    "kind",
    [
        "LOGISTIC",
        "TANH",
        "RELU",
        "RELU6",
        "HARD_SWISH",
        "EXP",
        "LOG",
        "SQRT",
        "RSQRT",
        "SQUARE",
        "ABS",
        "NEG",
        "ELU",
    ],
)
def test_an_operator_that_maps_each_value_by_itself_is_split(kind: str) -> None:
    made = Assembly({"x": (1, 4, 6, 3)})
    made.add(step(kind, [between_zero_and_one(made)], ["y"]), {"y": (1, 4, 6, 5)})
    check_alike(written(made, "y"))


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "POW"])
def test_an_operator_that_pairs_values_is_split(kind: str) -> None:
    made = Assembly({"x": (1, 4, 6, 3)})
    by_place = made.constant(RNG.uniform(0.2, 0.8, 5).astype(np.float32))
    made.add(step(kind, [between_zero_and_one(made), by_place], ["y"]), {"y": (1, 4, 6, 5)})
    check_alike(written(made, "y"))


def check_alike(content: bytes) -> None:
    value = RNG.normal(size=(1, 4, 6, 3)).astype(np.float32)
    again = flatbuffer.pack(parted(content, 3, [2, 3]).model)
    np.testing.assert_array_equal(run(again, value), run(content, value))


def test_a_graph_whose_parts_are_made_together_stays_as_it_is() -> None:
    made = Assembly({"x": (1, 4, 6, 5)})
    content = written(made, made.softmax("x"))
    graph = Graph(flatbuffer.unpack(content))
    (index,) = graph.outputs
    with pytest.raises(NotAlone, match="SOFTMAX"):
        join_in_floats(graph, index, 3, [2, 3])
    assert flatbuffer.pack(graph.model) == flatbuffer.pack(flatbuffer.unpack(content))


def depthwise() -> tuple[bytes, str]:
    tensors: dict[str, Any] = {
        "x": (1, 4, 6, 5),
        "w": RNG.normal(size=(1, 1, 1, 5)).astype(np.float32),
        "b": RNG.normal(size=5).astype(np.float32),
        "y": (1, 4, 6, 5),
    }
    content = network(tensors, [step("DEPTHWISE_CONV_2D", ["x", "w", "b"], ["y"])], ["x"], ["y"])
    return content, "DEPTHWISE_CONV_2D 'y'"


def an_input() -> tuple[bytes, str]:
    made = Assembly({"x": (1, 4, 6, 5)})
    return written(made, made.unary("TANH", "x")), "the model's input"


def reshaped_apart() -> tuple[bytes, str]:
    """Make an axis of 5 of one of 15 and others: none of them is it."""
    made = Assembly({"x": (1, 4, 2, 15)})
    return written(made, made.reshape(made.unary("TANH", "x"), (1, 4, 6, 5))), "RESHAPE 'reshape_"


@pytest.mark.parametrize("make", [depthwise, an_input, reshaped_apart])
def test_what_cannot_be_split_is_named(make: Any) -> None:
    content, named = make()
    with pytest.raises(NotAlone) as raised:
        parted(content, 3, [2, 3])
    assert str(raised.value).startswith(named)


def test_a_part_that_two_read_is_made_once() -> None:
    made = Assembly({"x": (1, 4, 6, 3)})
    both = made.join([made.part("x", 0, 2), made.unary("LOGISTIC", "x")], -1)
    content = written(made, made.binary("MUL", both, made.unary("TANH", both)))
    assert _kinds(parted(content, 3, [2, 3])) == [
        "SLICE",
        "LOGISTIC",
        "TANH",
        "MUL",
        "TANH",
        "MUL",
        "CONCATENATION",
    ]


def _kinds(graph: Graph) -> list[str]:
    return [graph.kind(one) for one in graph.operators]


def test_what_nothing_reads_any_more_is_dropped() -> None:
    content, axis, sides = of_a_layer()
    graph = parted(content, axis, sides)
    assert [graph.kind(one) for one in graph.operators] == ["CONV_2D", "CONV_2D", "CONCATENATION"]
    held = sum(0 if one.data is None else len(one.data) for one in graph.model.buffers)
    assert held == 5 * 3 * 4 + 5 * 4  # weights and biases, once
