"""ARG_MAX on integers: the same place as on the floats that they stand for, and no floats left."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from quantized_files import Held, held
from tflbuild.tflite import order
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph

OPERATORS = schema.BuiltinOperator


def content(kind: int, *, kept: bool = False, **grid: Any) -> bytes:
    """Give the place of the extreme of five int8 numbers, read as floats; with `kept` these are an output, too."""
    arg_max = schema.BuiltinOptions.ArgMaxOptions, schema.ArgMaxOptionsT()
    if kind == OPERATORS.ARG_MIN:
        arg_max = schema.BuiltinOptions.ArgMinOptions, schema.ArgMinOptionsT()
    arg_max[1].outputType = schema.TensorType.INT32
    tensors: dict[str, Any] = {"x": (1, 5), "floats": (1, 5), "axis": np.int32([1]), "place": (1,)}
    steps = [
        Step(OPERATORS.DEQUANTIZE, ["x"], ["floats"]),
        Step(kind, ["floats", "axis"], ["place"], *arg_max),
    ]
    made = assemble(tensors, steps, ["x"], ["place", "floats"] if kept else ["place"])
    return held(made, {"x": Held("int8", 0.1, 3), "place": Held("int32")} | grid)


def run(given: bytes) -> int:
    interpreter = Interpreter(model_content=given)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.int8([[-9, 4, 100, -128, 7]]))
    interpreter.invoke()
    return int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])


def changed(given: bytes) -> tuple[bytes, list[str], list[str]]:
    graph = Graph.unpacked(given)
    names = order.without_floats(graph)
    return graph.packed(), names, [graph.kind(one) for one in graph.operators]


def test_the_place_is_found_among_integers() -> None:
    for kind, name, place in ((OPERATORS.ARG_MAX, "ARG_MAX", 2), (OPERATORS.ARG_MIN, "ARG_MIN", 3)):
        made, names, kinds = changed(content(kind))
        assert (names, kinds) == (["place"], [name])
        assert run(made) == run(content(kind)) == place


def test_floats_that_somebody_else_reads_stay() -> None:
    _, names, kinds = changed(content(OPERATORS.ARG_MAX, kept=True))
    assert (names, kinds) == (["place"], ["DEQUANTIZE", "ARG_MAX"])


def test_integers_whose_kernel_does_not_exist_stay_behind_floats() -> None:
    _, names, kinds = changed(content(OPERATORS.ARG_MAX, x=Held("int16", 0.1)))
    assert (names, kinds) == ([], ["DEQUANTIZE", "ARG_MAX"])
