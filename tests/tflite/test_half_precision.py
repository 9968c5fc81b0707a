"""What a float16 device computes, simulated in LiteRT: held to NumPy's float16, and to numbers by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from litert_files import outputs_of
from quantized_files import Held, held
from tflbuild.core.errors import PassError
from tflbuild.tflite.assemble import Step
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.half_precision import compute_in_float16, rounded, without_unread
from tflite_files import network, step

Arrays = Mapping[str, npt.NDArray[Any]]
RNG = np.random.default_rng(5)
FIRST, SECOND = (RNG.normal(size=shape).astype(np.float32) for shape in ((4, 3), (2, 4)))
BIASES = RNG.normal(size=4).astype(np.float32), RNG.normal(size=2).astype(np.float32)


def scaled() -> Step:
    """Give y = x * c."""
    options = schema.MulOptionsT()
    return Step(schema.BuiltinOperator.MUL, ["x", "c"], ["y"], schema.BuiltinOptions.MulOptions, options)


def dense_twice() -> bytes:
    """Give y = W2 relu(W1 x + b1) + b2."""
    tensors = {
        "x": (1, 3),
        "w1": FIRST,
        "b1": BIASES[0],
        "h": (1, 4),
        "w2": SECOND,
        "b2": BIASES[1],
        "y": (1, 2),
    }
    steps = [
        step("FULLY_CONNECTED", ["x", "w1", "b1"], ["h"], "RELU"),
        step("FULLY_CONNECTED", ["h", "w2", "b2"], ["y"]),
    ]
    return network(tensors, steps, ["x"], ["y"])


def half(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32).astype(np.float16).astype(np.float32)


def simulated(content: bytes, inputs: Arrays, **options: Any) -> dict[str, Any]:
    graph = Graph.unpacked(content)
    compute_in_float16(graph, **options)
    return outputs_of(without_unread(graph).packed(), inputs)


def times(factor: float) -> bytes:
    tensors = {"x": (1, 4), "c": np.array([factor], np.float32), "y": (1, 4)}
    return network(tensors, [scaled()], ["x"], ["y"])


def test_two_layers_give_what_numpy_gives_in_float16() -> None:
    x = RNG.normal(size=(1, 3)).astype(np.float32)
    hidden = half(np.maximum(half(x) @ half(FIRST).T + half(BIASES[0]), 0))
    wanted = half(hidden @ half(SECOND).T + half(BIASES[1]))
    found = simulated(dense_twice(), {"x": x})["y"]
    np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(outputs_of(dense_twice(), {"x": x})["y"], wanted), (
        "the file itself does not round"
    )


def test_operators_of_the_processor_are_not_rounded_and_the_ends_of_the_device_are() -> None:
    x = RNG.normal(size=(1, 3)).astype(np.float32)
    exact = np.maximum(x @ FIRST.T + BIASES[0], 0)
    wanted = half(half(exact) @ half(SECOND).T + half(BIASES[1]))
    np.testing.assert_array_equal(simulated(dense_twice(), {"x": x}, on={1})["y"], wanted)
    hidden = half(np.maximum(half(x) @ half(FIRST).T + half(BIASES[0]), 0))
    np.testing.assert_allclose(
        simulated(dense_twice(), {"x": x}, on={0})["y"], hidden @ SECOND.T + BIASES[1], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (65519.0, 65504.0),  # rounded down: less than half way to 65536
        (65520.0, np.inf),  # half way, to even, which float16 has not
        (-70000.0, -np.inf),
        (2049.0, 2048.0),  # halves to even, between 2048 and 2050
        (2051.0, 2052.0),
        (3e-8, 2.0**-25 * 2),  # 2^-24 is the smallest number
        (2.9e-8, 0.0),
        (6.0e-5, float(np.float16(6.0e-5))),  # below 2^-14 with fewer digits
    ],
)
def test_numbers_are_rounded_to_nearest_and_halves_to_even(value: float, wanted: float) -> None:
    found = simulated(times(1.0), {"x": np.full((1, 4), value, np.float32)})["y"]
    np.testing.assert_array_equal(found, np.full((1, 4), wanted, np.float32))
    np.testing.assert_array_equal(rounded(np.array([value], np.float32)), [np.float32(wanted)])


def test_small_numbers_become_zero_where_a_device_flushes_them() -> None:
    x = np.array([[6.0e-5, -6.0e-5, 6.2e-5, 70000.0]], np.float32)
    kept = simulated(times(1.0), {"x": x})["y"]
    flushed = simulated(times(1.0), {"x": x}, flush=True)["y"]
    np.testing.assert_array_equal(kept, half(x))
    np.testing.assert_array_equal(flushed, [[0, 0, half(x)[0, 2], np.inf]])
    hundred = np.full((1, 4), 100, np.float32)
    assert simulated(times(1e-5), {"x": hundred})["y"][0, 0] > 0.0009
    np.testing.assert_array_equal(
        simulated(times(1e-5), {"x": hundred}, flush=True)["y"],
        np.zeros((1, 4)),
        "a small weight is flushed, too",
    )


def test_a_constant_beyond_float16_is_named() -> None:
    graph = Graph.unpacked(times(1e6))
    found = compute_in_float16(graph)
    assert found.constants == ["c"]
    assert [graph.name(index) for index in found.exact] == ["y"]
    assert list(found.makers.values()) == ["MUL"]


LEVELS = {
    "x": Held("int8", 0.5, 3),
    "w": Held("int8", [0.1, 0.3], [0, 0], levels=[[10, -20, 30], [-128, 64, 127]]),
    "b": Held("int32", [0.05, 0.15], [0, 0], levels=[100, -7]),
    "y": Held("int8", 0.25, -5),
}


def integers() -> bytes:
    tensors = {"x": (1, 3), "w": np.zeros((2, 3), np.float32), "b": np.zeros(2, np.float32), "y": (1, 2)}
    return held(network(tensors, [step("FULLY_CONNECTED", ["x", "w", "b"], ["y"])], ["x"], ["y"]), LEVELS)


def test_integers_are_computed_as_floats_and_rounded_to_the_grid_of_their_tensor() -> None:
    x = np.array([[-20, 7, 33]], np.int8)
    values = half((x.astype(np.float32) - 3) * np.float32(0.5))
    weights = half(np.array([[10, -20, 30], [-128, 64, 127]]) * np.array([[0.1], [0.3]], np.float32))
    biases = half(np.array([100, -7]) * np.array([0.05, 0.15]))
    exact = half(values @ weights.T + biases)
    wanted = np.clip(np.rint(exact / 0.25) - 5, -128, 127).astype(np.int8)
    np.testing.assert_array_equal(simulated(integers(), {"x": x})["y"], wanted)


def test_integers_stay_as_they_are_on_a_device_that_computes_with_them() -> None:
    graph = Graph.unpacked(integers())
    found = compute_in_float16(graph, integers=False)
    assert [graph.kind(one) for one in graph.operators] == ["FULLY_CONNECTED"]
    assert found.exact == {}


def test_a_bias_without_a_scale_has_that_of_input_and_weights() -> None:
    bare = LEVELS | {"b": Held("int32", levels=[100, -7])}
    tensors = {"x": (1, 3), "w": np.zeros((2, 3), np.float32), "b": np.zeros(2, np.float32), "y": (1, 2)}
    content = held(network(tensors, [step("FULLY_CONNECTED", ["x", "w", "b"], ["y"])], ["x"], ["y"]), bare)
    x = np.array([[-20, 7, 33]], np.int8)
    np.testing.assert_array_equal(
        simulated(content, {"x": x})["y"], simulated(integers(), {"x": x})["y"], "0.5 x 0.1 and 0.5 x 0.3"
    )


def test_weights_in_integers_between_floats_are_unpacked() -> None:
    """A dynamic-range file: LiteRT rounds what the layer reads to 8 bits, and the GPU does not."""
    hybrid = {"w": Held("int8", 0.1, 0, levels=[[10, -20, 30], [-128, 64, 127]])}
    tensors = {"x": (1, 3), "w": np.zeros((2, 3), np.float32), "b": np.ones(2, np.float32), "y": (1, 2)}
    content = held(network(tensors, [step("FULLY_CONNECTED", ["x", "w", "b"], ["y"])], ["x"], ["y"]), hybrid)
    x = np.array([[0.123, -4.56, 7.89]], np.float32)
    weights = half(np.array([[10, -20, 30], [-128, 64, 127]]) * np.float32(0.1))
    np.testing.assert_array_equal(simulated(content, {"x": x})["y"], half(half(x) @ weights.T + 1))


def test_an_operator_that_only_moves_numbers_is_not_rounded_again() -> None:
    tensors = {
        "x": (1, 4),
        "c": np.ones(1, np.float32),
        "y": (1, 4),
        "shape": np.array([2, 2], np.int32),
        "z": (2, 2),
    }
    content = network(tensors, [scaled(), step("RESHAPE", ["y", "shape"], ["z"])], ["x"], ["z"])
    graph = Graph.unpacked(content)
    found = compute_in_float16(graph)
    assert [graph.name(index) for index in found.exact] == ["y"]
    assert [graph.kind(one) for one in graph.operators] == ["CAST", "CAST", "MUL", "CAST", "CAST", "RESHAPE"]


def test_an_operator_with_integers_between_its_parts_is_refused() -> None:
    graph = Graph.unpacked(integers())
    graph.operators[0].intermediates = np.array([0], np.int32)
    with pytest.raises(PassError, match="FULLY_CONNECTED 'y' keeps integers between its parts"):
        compute_in_float16(graph)
