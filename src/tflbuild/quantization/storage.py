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
from tflbuild.tflite.kernels import Kernel, kernels
from tflbuild.tflite.scales import scales_of, zero_points_of

INTEGERS = ("int8", "int4")


def stored(path: Path) -> dict[str, Any]:
    """Count the dtypes of kernels and activations, and the kernels with one scale and with one a channel."""
    found = kernels(path)
    graph = Graph(flatbuffer.load(path))
    written = [int(index) for operator in graph.operators for index in operator.outputs]
    dtypes = Counter(kernel.dtype for kernel in found)
    scaled = Counter(_granularity(kernel) for kernel in found if kernel.dtype in INTEGERS)
    return {
        "kernels": dict(sorted(dtypes.items())),
        "scales": dict(sorted(scaled.items())),
        "activations": dict(sorted(Counter(DTYPES[graph.tensors[index].type] for index in written).items())),
    }


def check_stored(path: Path, scheme: str, form: Form, *, least: int = 0) -> None:
    """Hold every kernel to its dtype and its number of scales, and activations to their zero point.

    Args:
        path: the quantized file.
        scheme: it was quantized by.
        form: it was asked for.
        least: number of weights below which a kernel may stay float32.

    Raises:
        BrokenPromise: a kernel or an activation is stored otherwise; names it.
    """
    found = [k for k in kernels(path) if k.dtype != "float32" or k.values.size >= least]
    if not found:
        raise BrokenPromise(f"{scheme} weights were promised, but all of them are float32.")
    for kernel in found:
        wanted = "float16" if scheme == "float16" else f"int{bits_of(kernel.operator, form.weight_bits)}"
        if kernel.dtype != wanted:
            raise BrokenPromise(
                f"{wanted} weights were promised, but those of {kernel.operator} '{kernel.output}' are "
                f"{kernel.dtype}."
            )
        if wanted in INTEGERS and form.granularity not in (_granularity(kernel), _only(kernel)):
            raise BrokenPromise(
                f"one scale a {form.granularity} was promised, but {kernel.operator} '{kernel.output}' has "
                f"{len(kernel.scales)} for {kernel.values.shape[kernel.axis]} channels."
            )
    if form.activations == "symmetric":
        _check_symmetric(Graph(flatbuffer.load(path)))


def _granularity(kernel: Kernel) -> str:
    return "tensor" if len(kernel.scales) == 1 else "channel"


def _only(kernel: Kernel) -> str:
    """Give the granularity that a kernel of a single channel has as well."""
    return "channel" if kernel.values.shape[kernel.axis] == 1 else ""


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
