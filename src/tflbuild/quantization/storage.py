"""Count how a quantized `.tflite` stores its numbers, and check it against what was asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization import final_scores
from tflbuild.quantization.form import Form
from tflbuild.quantization.grid import bits_of
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of, zero_points_of
from tflbuild.tflite.weights import Weights, weights_in

INTEGERS = ("int8", "int4")


def stored(path: Path) -> dict[str, Any]:
    """Count the dtypes of weights and activations, and the layers whose weights have one scale, and one a channel."""
    found = weights_in(path)
    graph = Graph(flatbuffer.load(path))
    written = [int(index) for operator in graph.operators for index in operator.outputs]
    dtypes = Counter(weights.dtype for weights in found)
    scaled = Counter(_granularity(weights) for weights in found if weights.dtype in INTEGERS)
    return {
        "kernels": dict(sorted(dtypes.items())),
        "scales": dict(sorted(scaled.items())),
        "activations": dict(sorted(Counter(DTYPES[graph.tensors[index].type] for index in written).items())),
    }


def check_stored(path: Path, scheme: str, form: Form, *, least: int = 0) -> None:
    """Hold the weights of every layer to their dtype and number of scales, and activations to their zero point.

    Args:
        path: the quantized file.
        scheme: it was quantized by.
        form: it was asked for.
        least: number of weights below which those of a layer may stay float32.

    Raises:
        BrokenPromise: weights or an activation are stored otherwise; names them.
    """
    every = weights_in(path)
    found = [k for k in every if k.dtype != "float32" or k.values.size >= least]
    if every and not found:
        raise BrokenPromise(f"{scheme} weights were promised, but all of them are float32.")
    for weights in found:
        wanted = "float16" if scheme == "float16" else f"int{bits_of(weights.operator, form.weight_bits)}"
        if weights.dtype != wanted:
            raise BrokenPromise(
                f"{wanted} weights were promised, but those of {weights.operator} '{weights.output}' are "
                f"{weights.dtype}."
            )
        if wanted in INTEGERS and form.granularity not in (_granularity(weights), _only(weights)):
            raise BrokenPromise(
                f"one scale a {form.granularity} was promised, but {weights.operator} '{weights.output}' has "
                f"{len(weights.scales)} for {weights.values.shape[weights.axis]} channels."
            )
    if form.activations == "symmetric":
        _check_symmetric(Graph(flatbuffer.load(path)))


def _granularity(weights: Weights) -> str:
    return "tensor" if len(weights.scales) == 1 else "channel"


def _only(weights: Weights) -> str:
    """Give the granularity that weights of a single channel have as well."""
    return "channel" if weights.values.shape[weights.axis] == 1 else ""


def _check_symmetric(graph: Graph) -> None:
    """Look for zero points, but for scores, which are written from -128 in any case, and their copies."""
    fixed: set[int] = set()
    for operator in graph.operators:
        copies = graph.kind(operator) in flatbuffer.MOVING and int(operator.inputs[0]) in fixed
        if graph.kind(operator) in final_scores.KINDS or copies:
            fixed |= {int(index) for index in operator.outputs}
    for operator in graph.operators:
        for index in (int(i) for i in operator.outputs):
            tensor = graph.tensors[index]
            shifted = (
                DTYPES[tensor.type] == "int8" and bool(len(scales_of(tensor))) and zero_points_of(tensor)[0]
            )
            if shifted and index not in fixed:
                raise BrokenPromise(
                    f"symmetric activations were promised, but {graph.kind(operator)} '{graph.name(index)}' has the "
                    f"zero point {int(zero_points_of(tensor)[0])}."
                )
