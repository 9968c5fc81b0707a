"""Operators along axes that they take out: sums, extremes and where these lie; and products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError
from tflbuild.tflite.flatbuffer import DTYPES


def reduced(kind: str) -> Any:
    """Give the function that writes an operator along constant axes, e.g. "ReduceSum"."""

    def write(made: Translation, operator: Any) -> None:
        rank = len(made.shape(operator.inputs[0]))
        axes = sorted({int(axis) % rank for axis in np.ravel(made.numbers(operator.inputs[1]))})
        given = [made.read(operator.inputs[0]), made.writer.constant(np.array(axes, np.int64), "axes")]
        wish, kept = f"{made.graph.name(operator.outputs[0])}_reduced", bool(operator.builtinOptions.keepDims)
        made.give(operator.outputs[0], made.writer.add(kind, given, wish, keepdims=int(kept)))

    return write


def extreme(kind: str) -> Any:
    """Give the function that writes where the extreme lies, "ArgMax" or "ArgMin"; of equal ones the first."""

    def write(made: Translation, operator: Any) -> None:
        axis = int(np.ravel(made.numbers(operator.inputs[1]))[0]) % len(made.shape(operator.inputs[0]))
        wish = f"{made.graph.name(operator.outputs[0])}_place"
        name = made.writer.add(kind, [made.read(operator.inputs[0])], wish, axis=axis, keepdims=0)
        made.give(operator.outputs[0], made.writer.add("Cast", [name], wish, to=1))

    return write


def matmul(made: Translation, operator: Any) -> None:
    """Write BATCH_MATMUL; a matrix that is said to be turned is turned first."""
    options, names = operator.builtinOptions, []
    for index, turned in zip(operator.inputs, (options.adjX, options.adjY), strict=True):
        name, rank = made.read(index), len(made.shape(index))
        if turned:
            order = (*range(rank - 2), rank - 1, rank - 2)
            name = made.writer.add("Transpose", [name], f"{made.graph.name(int(index))}_turned", perm=order)
        names.append(name)
    wish = f"{made.graph.name(operator.outputs[0])}_product"
    made.give(operator.outputs[0], made.writer.add("MatMul", names, wish))


def cast(made: Translation, operator: Any) -> None:
    """Write CAST: to whole numbers by cutting off, as C does; whole numbers are floats already.

    Raises:
        PassError: to bool, which is no number.
    """
    index, output = int(operator.inputs[0]), int(operator.outputs[0])
    name, wish = made.read(index), f"{made.graph.name(output)}_cast"
    wanted = str(DTYPES[made.graph.tensors[output].type])
    if "bool" in (wanted, made.dtype(index)):
        raise PassError("a CAST of truth values has no form in ONNX here.")
    if wanted.startswith(("int", "uint")):
        name = made.writer.add("Cast", [name], wish, to=made.writer.number(wanted))
        name = made.writer.add("Cast", [name], wish, to=1)
    made.give(output, name)
