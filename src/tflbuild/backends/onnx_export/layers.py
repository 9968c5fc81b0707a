"""Layers with weights, and pools: their channels come first in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.onnx_export.activations import activated
from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError


def conv(made: Translation, operator: Any) -> None:
    """Write a CONV_2D, of one group or several."""
    weights = made.numbers(operator.inputs[1]).transpose(0, 3, 1, 2)  # (output, input, height, width)
    groups = made.shape(operator.inputs[0])[3] // weights.shape[1]
    _convolve(made, operator, weights, groups)


def depthwise(made: Translation, operator: Any) -> None:
    """Write a DEPTHWISE_CONV_2D: as many groups as channels go in."""
    weights = made.numbers(operator.inputs[1]).transpose(3, 0, 1, 2)  # (output, 1, height, width)
    _convolve(made, operator, weights, made.shape(operator.inputs[0])[3])


def transposed_conv(made: Translation, operator: Any) -> None:
    """Write TRANSPOSE_CONV, whose output is as large as it says."""
    options, output = operator.builtinOptions, operator.outputs[0]
    weights = made.numbers(operator.inputs[1]).transpose(3, 0, 1, 2)  # (input, output, height, width)
    steps, sides = (options.strideH, options.strideW), weights.shape[2:]
    given, wanted = made.shape(operator.inputs[2])[1:3], made.shape(output)[1:3]
    spare = [
        (size - 1) * step + side - out
        for size, step, side, out in zip(given, steps, sides, wanted, strict=True)
    ]
    bias = operator.inputs[3] if len(operator.inputs) > 3 else -1
    inputs = [made.read(operator.inputs[2], first=True), made.weights(operator.inputs[1], weights, 1)]
    inputs += [made.weights(bias, made.numbers(bias), 0)] if int(bias) >= 0 else []
    cut = [max(total, 0) for total in spare]
    name = made.writer.add(
        "ConvTranspose",
        inputs,
        f"{made.graph.name(output)}_convolved",
        kernel_shape=sides,
        strides=steps,
        pads=(*(total // 2 for total in cut), *(total - total // 2 for total in cut)),
        output_padding=[max(-total, 0) for total in spare],
    )
    made.give(output, activated(made, name, options.fusedActivationFunction or 0, output), first=True)


def dense(made: Translation, operator: Any) -> None:
    """Write a FULLY_CONNECTED as Gemm on rows."""
    options = operator.builtinOptions
    if options is not None and options.weightsFormat:
        raise PassError("a layer's weights are stored in another order, which is not written as ONNX.")
    weights = made.numbers(operator.inputs[1])  # (output, input)
    rows, output = made.read(operator.inputs[0]), operator.outputs[0]
    if len(made.shape(operator.inputs[0])) != 2:
        rows = _reshaped(made, rows, (-1, weights.shape[1]))
    inputs = [rows, made.weights(operator.inputs[1], weights, 0), *_bias(made, operator)]
    name = made.writer.add("Gemm", inputs, f"{made.graph.name(output)}_linear", transB=1)
    name = activated(made, name, options.fusedActivationFunction if options is not None else 0, output)
    if len(made.shape(output)) != 2:
        name = _reshaped(made, name, made.shape(output))
    made.give(output, name)


def pool(kind: str) -> Any:
    """Give the function that writes a pool: "AveragePool" or "MaxPool"."""

    def write(made: Translation, operator: Any) -> None:
        options = operator.builtinOptions
        sides, steps = (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
        pads = _pads(made, operator, sides, steps, (1, 1), options.padding)
        counted = {"count_include_pad": 0} if kind == "AveragePool" else {}
        name = made.writer.add(
            kind,
            [made.read(operator.inputs[0], first=True)],
            f"{made.graph.name(operator.outputs[0])}_pooled",
            kernel_shape=sides,
            strides=steps,
            pads=pads,
            **counted,
        )
        output = operator.outputs[0]
        made.give(output, activated(made, name, options.fusedActivationFunction, output), first=True)

    return write


def _convolve(made: Translation, operator: Any, weights: Any, groups: int) -> None:
    options = operator.builtinOptions
    sides, steps = (weights.shape[2], weights.shape[3]), (options.strideH, options.strideW)
    apart = (options.dilationHFactor or 1, options.dilationWFactor or 1)
    inputs = [
        made.read(operator.inputs[0], first=True),
        made.weights(operator.inputs[1], weights, 0),
        *_bias(made, operator),
    ]
    name = made.writer.add(
        "Conv",
        inputs,
        f"{made.graph.name(operator.outputs[0])}_convolved",
        kernel_shape=sides,
        strides=steps,
        dilations=apart,
        group=groups,
        pads=_pads(made, operator, sides, steps, apart, options.padding),
    )
    output = operator.outputs[0]
    made.give(output, activated(made, name, options.fusedActivationFunction, output), first=True)


def _bias(made: Translation, operator: Any) -> list[str]:
    if len(operator.inputs) < 3 or int(operator.inputs[2]) < 0:
        return []
    return [made.weights(operator.inputs[2], made.numbers(operator.inputs[2]), 0)]


def _pads(
    made: Translation, operator: Any, sides: Any, steps: Any, apart: Any, padding: int
) -> tuple[int, ...]:
    """Give the pads (top, left, bottom, right) of a layer; those of SAME follow from the shapes."""
    if padding == schema.Padding.VALID:
        return (0, 0, 0, 0)
    given, wanted = made.shape(operator.inputs[0])[1:3], made.shape(operator.outputs[0])[1:3]
    totals = [
        max((out - 1) * step + (side - 1) * by + 1 - size, 0)
        for size, out, side, step, by in zip(given, wanted, sides, steps, apart, strict=True)
    ]
    return (*(total // 2 for total in totals), *(total - total // 2 for total in totals))


def _reshaped(made: Translation, name: str, shape: tuple[int, ...]) -> str:
    return made.writer.add("Reshape", [name, made.writer.constant(np.array(shape, np.int64))], f"{name}_rows")
