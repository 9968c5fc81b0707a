"""Write a `.tflite` as ONNX: floats as they are, integers as QDQ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflbuild.backends.onnx_export import arithmetic, layers, moving
from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.backends.onnx_export.writer import Writer, end
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.formats.onnx.own import SIGNATURE
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

PRODUCER = "tflbuild"

SUPPRESSION = "TFLite_Detection_PostProcess"


def requantize(made: Translation, operator: Any) -> None:
    """Write QUANTIZE or DEQUANTIZE: between operators all is floats, so that only the steps of the result count."""
    index = int(operator.inputs[0])
    if made.constant(operator.outputs[0]) is not None:
        return  # weights in float16, which are written as who reads them wants them
    first = made.constant(index) is None and made.values[index].first
    made.give(operator.outputs[0], made.read(index, first=first), first=first)


OPERATORS: Mapping[str, Callable[[Translation, Any], None]] = {
    "CONV_2D": layers.conv,
    "DEPTHWISE_CONV_2D": layers.depthwise,
    "FULLY_CONNECTED": layers.dense,
    "AVERAGE_POOL_2D": layers.pool("AveragePool"),
    "MAX_POOL_2D": layers.pool("MaxPool"),
    "ADD": arithmetic.binary("Add"),
    "SUB": arithmetic.binary("Sub"),
    "MUL": arithmetic.binary("Mul"),
    "DIV": arithmetic.binary("Div"),
    "MAXIMUM": arithmetic.binary("Max"),
    "MINIMUM": arithmetic.binary("Min"),
    "RELU": arithmetic.unary("Relu"),
    "RELU6": arithmetic.clip(0.0, 6.0),
    "RELU_N1_TO_1": arithmetic.clip(-1.0, 1.0),
    "LEAKY_RELU": arithmetic.leaky,
    "LOGISTIC": arithmetic.unary("Sigmoid"),
    "TANH": arithmetic.unary("Tanh"),
    "HARD_SWISH": arithmetic.unary("HardSwish"),
    "ABS": arithmetic.unary("Abs"),
    "EXP": arithmetic.unary("Exp"),
    "SQRT": arithmetic.unary("Sqrt"),
    "SOFTMAX": arithmetic.softmax,
    "LOG_SOFTMAX": arithmetic.unary_last("LogSoftmax", axis=-1),
    "MEAN": arithmetic.mean,
    "RESHAPE": moving.reshape,
    "SQUEEZE": moving.reshape,
    "EXPAND_DIMS": moving.reshape,
    "TRANSPOSE": moving.transpose,
    "PAD": moving.pad,
    "PADV2": moving.pad,
    "CONCATENATION": moving.concatenate,
    "GATHER": moving.gather,
    "STRIDED_SLICE": moving.strided_slice,
    "SLICE": moving.plain_slice,
    "RESIZE_BILINEAR": moving.resize("linear"),
    "RESIZE_NEAREST_NEIGHBOR": moving.resize("nearest"),
    "QUANTIZE": requantize,
    "DEQUANTIZE": requantize,
}
"""The function that writes each operator."""


def export(path: Path) -> bytes:
    """Write a file as ONNX: inputs and outputs keep their names, dtypes, shapes and order of axes.

    Args:
        path: a `.tflite` with fixed shapes.

    Raises:
        PassError: one of its operators is not written; names it.
    """
    graph = Graph.unpacked(flatbuffer.check(path))
    missing = sorted({graph.kind(one) for one in graph.operators} - OPERATORS.keys())
    if missing:
        listed = ", ".join(f"'{plain(name, 60)}'" for name in missing)
        hint = "; model.head.suppression=caller leaves it to the caller" if SUPPRESSION in missing else ""
        raise PassError(f"the file has operators that are not written as ONNX: {listed}{hint}.")
    inputs, outputs = flatbuffer.ends_of(graph.model)
    writer = Writer([*inputs, *outputs])
    made = Translation(graph, writer)
    for name, index in inputs.items():
        made.given(index, name)
    for operator in graph.operators:
        OPERATORS[graph.kind(operator)](made, operator)
    for name, index in outputs.items():
        _finish(made, name, index)
    given, left = (
        [end(name, made.dtype(index), made.shape(index)) for name, index in ends.items()]
        for ends in (inputs, outputs)
    )
    return writer.model(given, left, PRODUCER, _properties(graph, path))


def _properties(graph: Graph, path: Path) -> dict[str, str]:
    """Give what the file means, and how its ends are quantized, which ONNX has no field for."""
    facts = flatbuffer.read_facts(path)
    kept = {flatbuffer.FACTS: facts} if facts else {}
    stored = {**kept, SIGNATURE: flatbuffer.signature_of(graph.model)}
    return {name: json.dumps(value, sort_keys=True) for name, value in stored.items()}


def _finish(made: Translation, name: str, index: int) -> None:
    """Write an output under its name: as integers where the `.tflite` gives integers."""
    if index in made.stored:
        value = made.stored[index]
        found = made.turned(value.name, first=False) if value.first else value.name
    else:
        found = made.read(index)
    made.writer.add_named("Identity", [found], name)
