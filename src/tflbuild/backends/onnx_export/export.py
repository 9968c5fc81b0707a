"""Write a `.tflite` as ONNX: floats as they are, integers as QDQ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflbuild.backends.onnx_export import arithmetic, layers, moving, recurrent, reductions, suppression
from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.backends.onnx_export.writer import DTYPES, Writer, end
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.formats.onnx.own import SIGNATURE
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

PRODUCER = "tflbuild"


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
    "TRANSPOSE_CONV": layers.transposed_conv,
    "BATCH_MATMUL": reductions.matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent.lstm,
    "PRELU": arithmetic.prelu,
    "ELU": arithmetic.unary("Elu"),
    "GELU": arithmetic.gelu,
    "NEG": arithmetic.unary("Neg"),
    "LOG": arithmetic.unary("Log"),
    "SIN": arithmetic.unary("Sin"),
    "COS": arithmetic.unary("Cos"),
    "FLOOR": arithmetic.unary("Floor"),
    "ROUND": arithmetic.unary("Round"),
    "SIGN": arithmetic.unary("Sign"),
    "POW": arithmetic.binary("Pow"),
    "RSQRT": arithmetic.chained("Sqrt", "Reciprocal"),
    "SQUARE": arithmetic.squared,
    "SQUARED_DIFFERENCE": arithmetic.squared,
    "SUM": reductions.reduced("ReduceSum"),
    "REDUCE_MAX": reductions.reduced("ReduceMax"),
    "REDUCE_MIN": reductions.reduced("ReduceMin"),
    "REDUCE_PROD": reductions.reduced("ReduceProd"),
    "ARG_MAX": reductions.extreme("ArgMax"),
    "ARG_MIN": reductions.extreme("ArgMin"),
    "CAST": reductions.cast,
    "PACK": moving.pack,
    "UNPACK": moving.unpack,
    "SPLIT": moving.split,
    "SPLIT_V": moving.split,
    "TILE": moving.tile,
    "BROADCAST_TO": moving.broadcast,
    "MIRROR_PAD": moving.mirror_pad,
    "SPACE_TO_DEPTH": moving.blocks("SpaceToDepth"),
    "DEPTH_TO_SPACE": moving.blocks("DepthToSpace"),
    suppression.NAME: suppression.suppress,
    "QUANTIZE": requantize,
    "DEQUANTIZE": requantize,
}
"""The function that writes each operator."""

WHOLE = {
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "PADV2", "CONCATENATION", "GATHER", "SLICE"),
    *(
        "STRIDED_SLICE",
        "PACK",
        "UNPACK",
        "SPLIT",
        "SPLIT_V",
        "TILE",
        "BROADCAST_TO",
        "CAST",
        "ARG_MAX",
        "ARG_MIN",
    ),
    *("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "NEG", "ABS", "SUM", "REDUCE_MAX", "REDUCE_MIN"),
}
"""Operators that give the same of whole numbers whether they are integers or floats; others would round otherwise."""


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
        raise PassError(f"the file has operators that are not written as ONNX: {listed}.")
    inputs, outputs = flatbuffer.ends_of(graph.model)
    writer = Writer([*inputs, *outputs])
    made = Translation(graph, writer)
    for name, index in (*inputs.items(), *outputs.items()):
        if made.dtype(index) not in DTYPES:
            raise PassError(f"'{plain(name, 60)}' is {made.dtype(index)}, which is not written as ONNX.")
    for name, index in inputs.items():
        made.given(index, name)
    for operator in graph.operators:
        _check_numbers(made, operator)
        OPERATORS[graph.kind(operator)](made, operator)
    for name, index in outputs.items():
        _finish(made, name, index)
    given, left = (
        [end(name, made.dtype(index), made.shape(index)) for name, index in ends.items()]
        for ends in (inputs, outputs)
    )
    return writer.model(given, left, PRODUCER, _properties(graph, path))


def _check_numbers(made: Translation, operator: Any) -> None:
    """Refuse to compute with integers as floats where the result would be another."""
    kind, index = made.graph.kind(operator), int(operator.outputs[0])
    whole = made.dtype(index) not in ("float32", "float16") and not made.quantized(index)
    if whole and kind not in WHOLE:
        raise PassError(
            f"the file has a '{kind}' that gives {made.dtype(index)}, which is not written as ONNX."
        )


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
        if made.dtype(index) != "float32":
            found = made.writer.add(
                "Cast", [found], f"{name}_stored", to=made.writer.number(made.dtype(index))
            )
    made.writer.add_named("Identity", [found], name)
