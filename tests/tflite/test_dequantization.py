"""The float graph that a quantized file computes; the arithmetic by hand, and LiteRT's own kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from quantized_files import Held, held
from tflbuild.core.errors import PassError
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.dequantization import Dequantized, dequantize, quantized_names
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

OPERATORS, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
FUSED = schema.ActivationFunctionType


def dense(activation: int = FUSED.NONE) -> bytes:
    """Give y = W x + b of three inputs and two outputs, in floats that do not matter."""
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    tensors: dict[str, Any] = {
        "x": (1, 3),
        "w": np.zeros((2, 3), np.float32),
        "b": np.zeros(2, np.float32),
        "y": (1, 2),
    }
    step = Step(OPERATORS.FULLY_CONNECTED, ["x", "w", "b"], ["y"], OPTIONS.FullyConnectedOptions, options)
    return assemble(tensors, [step], ["x"], ["y"])


LEVELS = np.array([[130, 120, 200], [0, 255, 100]])
UINT8 = {
    "x": Held("uint8", 0.5, 128),
    "w": Held("uint8", 0.25, 100, levels=LEVELS),
    "b": Held("int32", 9.0, levels=[8, -16]),  # names a scale that its kernel never looks at
    "y": Held("uint8", 0.5, 100),
}
"""A layer of 2018: one asymmetric scale for all weights."""

SYMMETRIC = np.array([[-3, 7, 1], [5, -128, 127]])


def made_of(content: bytes) -> tuple[Any, Dequantized]:
    graph = Graph.unpacked(content)
    found = dequantize(graph)
    return graph.model, found


def constants(model: Any) -> list[Any]:
    """Give the weights and the bias of the one layer."""
    graph = Graph(model)
    return [graph.constant(int(index)) for index in graph.operators[0].inputs[1:]]


def run(content: bytes, x: Any) -> Any:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_weights_are_their_levels_without_the_zero_point_and_biases_take_the_scales_of_input_and_weights() -> (
    None
):
    model, found = made_of(held(dense(), UINT8))
    weights, bias = constants(model)
    np.testing.assert_array_equal(weights, [[7.5, 5, 25], [-25, 38.75, 0]])  # (level - 100) / 4
    np.testing.assert_array_equal(bias, [1, -2])  # levels times 0.5 times 0.25, and not times 9
    assert found.layers == ["y"]
    assert found.grids == {"x": Grid(-64, 63.5, 0.5, 8), "y": Grid(-50, 77.5, 0.5, 8)}
    assert quantized_names(Graph(model)) == []


def test_each_channel_has_its_own_scale_for_weights_and_bias() -> None:
    weights = Held("int8", [0.5, 2.0], levels=SYMMETRIC)
    bias = Held("int32", [0.125, 0.5], levels=[8, -16])
    whole = {"x": Held("int8", 0.25, 3), "w": weights, "b": bias, "y": Held("int8", 1.0, 0)}
    found = constants(made_of(held(dense(), whole))[0])
    np.testing.assert_array_equal(found[0], [[-1.5, 3.5, 0.5], [10, -256, 254]])
    np.testing.assert_array_equal(found[1], [1, -8])


def test_a_bias_that_is_in_floats_already_stays_as_it_is() -> None:
    model = flatbuffer.unpack(held(dense(), {name: UINT8[name] for name in ("x", "w", "y")}))
    graph = Graph(model)
    place = int(graph.operators[0].inputs[2])
    model.buffers[graph.tensors[place].buffer].data = np.frombuffer(np.float32([3, -5]).tobytes(), np.uint8)
    dequantize(graph)
    np.testing.assert_array_equal(constants(model)[1], [3, -5])


def test_a_bias_that_is_computed_stays_as_it_is() -> None:
    model = flatbuffer.unpack(held(dense(), {name: UINT8[name] for name in ("x", "w", "y")}))
    graph = Graph(model)
    tensor = graph.tensors[int(graph.operators[0].inputs[2])]
    tensor.buffer = 0
    model.subgraphs[0].inputs = np.append(model.subgraphs[0].inputs, graph.operators[0].inputs[2])
    graph.reindex()
    place = int(graph.operators[0].inputs[2])
    dequantize(graph)
    assert graph.name(int(graph.operators[0].inputs[2])) == graph.name(place) == "b"


def test_a_single_stored_number_becomes_a_float_though_it_is_zero() -> None:
    """By hand: a row of one weight, level 100 of a scale whose zero point is 100."""
    options = schema.FullyConnectedOptionsT()
    tensors: dict[str, Any] = {"x": (1, 1), "w": np.zeros((1, 1), np.float32), "y": (1, 1)}
    step = Step(OPERATORS.FULLY_CONNECTED, ["x", "w"], ["y"], OPTIONS.FullyConnectedOptions, options)
    content = assemble(tensors, [step], ["x"], ["y"])
    whole = {
        "x": Held("uint8", 0.5, 128),
        "w": Held("uint8", 0.25, 0, levels=np.array([[0]])),
        "y": UINT8["y"],
    }
    model, _ = made_of(held(content, whole))
    assert Graph(model).tensors[1].type == schema.TensorType.FLOAT32
    np.testing.assert_array_equal(constants(model)[0], [[0.0]])


def test_activations_of_16_bits_and_their_biases_of_64_become_floats() -> None:
    whole = {
        "x": Held("int16", 0.5),
        "w": Held("int8", 0.5, levels=SYMMETRIC),
        "b": Held("int64", 0.25, levels=[4, -8]),
        "y": Held("int16", 1.0),
    }
    model, found = made_of(held(dense(), whole))
    np.testing.assert_array_equal(constants(model)[1], [1, -2])
    assert found.grids["x"] == Grid(-16384, 16383.5, 0.5, 16)


def test_the_float_file_gives_what_the_kernels_of_the_quantized_one_give_where_nothing_is_clipped() -> None:
    content = held(dense(), UINT8)
    levels = np.array([[129, 131, 126]], np.uint8)
    wanted = (run(content, levels).astype(np.float32) - 100) * 0.5
    given = run(flatbuffer.pack(made_of(content)[0]), (levels.astype(np.float32) - 128) * 0.5)
    by_hand = np.array([[7.5 * 0.5 + 5 * 1.5 - 25 + 1, -25 * 0.5 + 38.75 * 1.5 - 2]])
    np.testing.assert_allclose(given, by_hand, rtol=1e-6)
    assert np.abs(given - wanted).max() <= 0.25  # half a step of the output


@pytest.mark.parametrize(
    ("given", "scale", "point", "kept"),
    [
        (FUSED.NONE, 6 / 255, 0, "RELU6"),  # what the converter of 2018 made of RELU6
        (FUSED.RELU, 6 / 255, 0, "RELU6"),
        (FUSED.NONE, 0.1, 0, "RELU"),
        (FUSED.NONE, 2 / 255, 127, "RELU_N1_TO_1"),
        (FUSED.NONE, 6 / 255, 1, ""),
        (FUSED.RELU, 0.1, 0, ""),  # has it
        (FUSED.RELU6, 0.01, 0, ""),
    ],
)
def test_an_activation_that_is_folded_into_a_range_is_fused_again(
    given: int, scale: float, point: int, kept: str
) -> None:
    model, found = made_of(held(dense(given), UINT8 | {"y": Held("uint8", scale, point)}))
    assert found.activations == ({"y": kept} if kept else {})
    fused = Graph(model).operators[0].builtinOptions.fusedActivationFunction
    assert fused == (getattr(FUSED, kept) if kept else given)


def passing(*kinds: int, fake: bool = False) -> bytes:
    """Give operators one behind the other, from `t0` to the last."""
    tensors: dict[str, Any] = {f"t{number}": (1, 4) for number in range(len(kinds) + 1)}
    steps = []
    for number, kind in enumerate(kinds):
        step = Step(kind, [f"t{number}"], [f"t{number + 1}"])
        if kind == OPERATORS.FAKE_QUANT:
            options = schema.FakeQuantOptionsT()
            options.min, options.max, options.numBits = -0.9, 5.2, 8
            step = step._replace(kind=OPTIONS.FakeQuantOptions, options=options)
        steps.append(step)
    return assemble(tensors, steps, ["t0"], [f"t{len(kinds)}"])


def ends_and_kinds(model: Any) -> tuple[list[str], list[str], list[str]]:
    graph, (inputs, outputs) = Graph(model), flatbuffer.ends_of(model)
    return list(inputs), list(outputs), [graph.kind(operator) for operator in graph.operators]


def test_operators_that_only_requantize_go_and_the_ends_keep_their_names() -> None:
    kinds = (OPERATORS.QUANTIZE, OPERATORS.RELU, OPERATORS.DEQUANTIZE)
    content = held(passing(*kinds), {"t1": Held("int8", 0.5, -128), "t2": Held("int8", 0.25, -128)})
    model, found = made_of(content)
    assert ends_and_kinds(model) == (["t0"], ["t3"], ["RELU"])
    assert found.grids == {"t0": Grid(0, 127.5, 0.5, 8), "t3": Grid(0, 63.75, 0.25, 8)}
    np.testing.assert_array_equal(
        run(flatbuffer.pack(model), np.float32([[-1, 0.5, 2, 500]])), [[0, 0.5, 2, 500]]
    )


def test_of_two_grids_that_meet_the_narrower_counts() -> None:
    kinds = (OPERATORS.RELU, OPERATORS.QUANTIZE)
    grids = {"t0": Held("int8", 4.0), "t1": Held("int8", 1.0, -128), "t2": Held("int8", 0.5, -128)}
    model, found = made_of(held(passing(*kinds), grids))
    assert ends_and_kinds(model) == (["t0"], ["t2"], ["RELU"])
    assert found.grids["t2"] == Grid(0, 127.5, 0.5, 8)


def test_an_operator_from_an_input_to_an_output_copies() -> None:
    model, _ = made_of(
        held(passing(OPERATORS.QUANTIZE), {"t0": Held("int8", 1.0), "t1": Held("uint8", 1.0, 128)})
    )
    assert ends_and_kinds(model) == (["t0"], ["t1"], ["RESHAPE"])
    np.testing.assert_array_equal(
        run(flatbuffer.pack(model), np.float32([[1, 2.5, -3, 4]])), [[1, 2.5, -3, 4]]
    )


def test_fake_quantization_goes_and_its_range_is_moved_to_hold_a_zero() -> None:
    model, found = made_of(passing(OPERATORS.RELU, OPERATORS.FAKE_QUANT, OPERATORS.ABS))
    assert ends_and_kinds(model) == (["t0"], ["t3"], ["RELU", "ABS"])
    step = 6.1 / 255  # 0.9 / step is 37.6: the grid begins 38 steps below zero
    assert found.grids["t1"] == pytest.approx((-38 * step, 217 * step, step, 8))


def test_the_range_of_fake_quantization_is_fused_where_it_is_an_activation() -> None:
    options = schema.FakeQuantOptionsT()
    options.min, options.max, options.numBits = 0.0, 6.0, 8
    content = assemble(
        {"x": (1, 3), "w": np.eye(2, 3, dtype=np.float32), "y": (1, 2), "z": (1, 2)},
        [
            Step(
                OPERATORS.FULLY_CONNECTED,
                ["x", "w"],
                ["y"],
                OPTIONS.FullyConnectedOptions,
                schema.FullyConnectedOptionsT(),
            ),
            Step(OPERATORS.FAKE_QUANT, ["y"], ["z"], OPTIONS.FakeQuantOptions, options),
        ],
        ["x"],
        ["z"],
    )
    model, found = made_of(content)
    assert ends_and_kinds(model) == (["x"], ["z"], ["FULLY_CONNECTED"])
    assert found.activations == {"z": "RELU6"}
    np.testing.assert_array_equal(run(flatbuffer.pack(model), np.float32([[-2, 9, 1]])), [[0, 6]])


def test_the_range_of_one_reader_clips_no_other() -> None:
    """t1 is rounded to 0..1 on the way to t2 alone; t3 reads it as it is."""
    fake = schema.FakeQuantOptionsT()
    fake.min, fake.max, fake.numBits = 0.0, 1.0, 8
    tensors: dict[str, Any] = {f"t{number}": (1, 4) for number in range(4)}
    steps = [
        Step(OPERATORS.QUANTIZE, ["t0"], ["t1"]),
        Step(OPERATORS.FAKE_QUANT, ["t1"], ["t2"], OPTIONS.FakeQuantOptions, fake),
        Step(OPERATORS.RELU, ["t1"], ["t3"]),
    ]
    content = assemble(tensors, steps, ["t0"], ["t3", "t2"])
    _, found = made_of(held(content, {"t0": Held("int8", 1.0), "t1": Held("int8", 1.0)}))
    assert all(grid.width == 255 for grid in found.grids.values() if grid.step == 1)
    assert Grid(-128, 127, 1, 8) in found.grids.values()


def test_weights_stored_in_float16_or_integers_behind_a_float_input_become_floats() -> None:
    halves = np.array([[0.5, -2, 3], [1, 2.25, -7]])
    model, found = made_of(held(dense(), {"w": Held("int8", [0.5, 0.25], levels=SYMMETRIC)}))
    np.testing.assert_array_equal(constants(model)[0], [[-1.5, 3.5, 0.5], [1.25, -32, 31.75]])
    assert (found.layers, found.hybrid, found.grids) == (["y"], ["x"], {})
    content = assemble(
        {"x": (1, 3), "stored": np.zeros((2, 3), np.float32), "w": (2, 3), "y": (1, 2)},
        [
            Step(OPERATORS.DEQUANTIZE, ["stored"], ["w"]),
            Step(
                OPERATORS.FULLY_CONNECTED,
                ["x", "w"],
                ["y"],
                OPTIONS.FullyConnectedOptions,
                schema.FullyConnectedOptionsT(),
            ),
        ],
        ["x"],
        ["y"],
    )
    model, found = made_of(held(content, {"stored": Held("float16", levels=halves)}))
    assert ends_and_kinds(model)[2] == ["FULLY_CONNECTED"]
    np.testing.assert_array_equal(constants(model)[0], halves)
    assert (found.layers, found.hybrid) == (["y"], [])


def test_a_cast_of_quantized_integers_is_refused_by_name() -> None:
    options = schema.CastOptionsT()
    step = Step(OPERATORS.CAST, ["x"], ["y"], OPTIONS.CastOptions, options)
    content = held(assemble({"x": (1, 4), "y": (1, 4)}, [step], ["x"], ["y"]), {"x": Held("uint8", 0.5, 3)})
    with pytest.raises(PassError, match=r"the operator CAST 'y' takes integers of the file as they are"):
        made_of(content)
    made_of(assemble({"x": (1, 4), "y": (1, 4)}, [step], ["x"], ["y"]))  # of floats it is no matter


def test_quantized_tensors_of_a_second_graph_are_refused() -> None:
    model = flatbuffer.unpack(held(dense(), UINT8))
    model.subgraphs.append(flatbuffer.unpack(held(dense(), UINT8)).subgraphs[0])
    with pytest.raises(PassError, match="several graphs with quantized tensors"):
        dequantize(Graph(model))
