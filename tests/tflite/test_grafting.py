"""Operators grafted onto the end of a float file: names, outputs, and what stays float when it is quantized."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.quantization import quantizer, sharing
from tflbuild.quantization.observation import Executable, observe
from tflbuild.quantization.ranges import ranges_of
from tflbuild.tflite import flatbuffer, float_ends, grafting
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflite_files import network, step

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

RNG = np.random.default_rng(2)
SAMPLES = [{"x": RNG.normal(size=(4, 4, 3)).astype(np.float32)} for _ in range(4)]


def layer() -> bytes:
    """Give a file of two outputs, one of them called as a grafted tensor would be."""
    tensors = {
        "x": (1, 4, 4, 3),
        "w": RNG.normal(size=(2, 1, 1, 3)).astype(np.float32) / 4,
        "b": np.zeros(2, np.float32),
        "exp_1": (1, 4, 4, 2),
        "in_floats/exp_2": (1, 4, 4, 2),
    }
    steps = [step("CONV_2D", ["x", "w", "b"], ["exp_1"]), step("LOGISTIC", ["exp_1"], ["in_floats/exp_2"])]
    return network(tensors, steps, ["x"], ["exp_1", "in_floats/exp_2"])


LAYER = layer()


def grafted() -> Graph:
    graph = Graph.unpacked(LAYER)
    made = Assembly({"exp_1": (1, 4, 4, 2)})
    first = made.unary("EXP", "exp_1")
    grafting.graft(graph, made, {"sides": made.unary("EXP", first)})
    return graph


def test_outputs_are_those_of_what_was_grafted_and_the_rest_goes() -> None:
    graph = grafted()
    assert list(flatbuffer.ends_of(graph.model)[1]) == ["sides"]
    assert [graph.kind(one) for one in graph.operators] == ["CONV_2D", "EXP", "EXP"]
    before = Executable(LAYER).run(SAMPLES[0])[0]
    np.testing.assert_allclose(
        Executable(graph.packed()).run(SAMPLES[0])[0], np.exp(np.exp(before)), rtol=1e-5
    )


def test_every_tensor_has_a_name_of_its_own() -> None:
    graph = grafted()
    names = [graph.name(index) for index in range(len(graph.tensors))]
    assert len(set(names)) == len(names)
    assert len(float_ends.kept(graph)) == 2


def test_what_was_grafted_stays_float_in_an_int8_file() -> None:
    packed = Packed(grafted())
    ranges = ranges_of(observe(packed.graph, SAMPLES), "minmax", sharing.shared(packed.graph))
    made = quantizer.quantize(packed, "int8", ranges, float_input=False, float_output=True)
    types = {
        made.kind(one): flatbuffer.DTYPES[made.tensors[int(one.outputs[0])].type] for one in made.operators
    }
    assert (types["CONV_2D"], types["EXP"]) == ("int8", "float32")
    names = [made.name(int(one.outputs[0])) for one in made.operators]
    assert [one.reason for one in float_ends.islands(names)] == ["it joins or decodes outputs"]
    assert float_ends.islands(["a", "b"]) == []


def test_a_moving_operator_that_stays_float_shares_no_range() -> None:
    made = Assembly({"x": (1, 4, 4, 3)})
    joined = made.join([made.binary("MUL", "x", 100.0), made.unary("LOGISTIC", "x")], -1)
    graph = Graph.unpacked(made.content([joined]))
    assert max(len(one.names) for one in sharing.shared(graph)) == 3
    (index,) = graph.outputs
    graph.tensors[index].name = float_ends.marked(graph.name(index)).encode()
    assert max(len(one.names) for one in sharing.shared(graph)) == 1
