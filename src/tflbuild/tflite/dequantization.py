"""Give the float graph that a quantized file computes: weights, biases and activations as the numbers they stand for.

A weight is what its levels stand for, a bias its level times the scales of input and weights, as its kernel takes it,
whatever scale the bias itself names. What an operator gives is clipped to what its integers hold: where these begin at
zero, or end at 6, a fused activation keeps that. QUANTIZE, DEQUANTIZE and FAKE_QUANT stand for what they read.

References:
    Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018:
    the arithmetic, and activations that are folded into the range of what they give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.tflite.flatbuffer import DTYPES, WEIGHTED, bias_place, given_place
from tflbuild.tflite.float_weights import values_of
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid, grid_of
from tflbuild.tflite.reshapes import reshape
from tflbuild.tflite.scales import scales_of
from tflbuild.tflite.unread import drop_unread

STORED = ("int8", "uint8", "int16", "int4", "float16")
"""Dtypes of constants that stand for other numbers."""

PASSING = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT")
"""Operators that give the numbers that they read, in another form."""

CODES = (
    "CAST",
    "BITCAST",
    "HASHTABLE_LOOKUP",
    "ASSIGN_VARIABLE",
    "READ_VARIABLE",
    "BITWISE_XOR",
    "RIGHT_SHIFT",
)
"""Operators that take the integers of a quantized tensor for what they are, whatever they stand for."""

INDEXED_BIASES = {
    "SVDF": (3,),
    "RNN": (3,),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (3,),
    "LSTM": tuple(range(12, 18)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(range(12, 18)),
}
"""Places of biases of operators with several weights, whose scale is that of the bias itself."""

FLOAT32 = schema.TensorType.FLOAT32
FUSED = schema.ActivationFunctionType


@dataclass(frozen=True, kw_only=True)
class Dequantized:
    """The float graph's relation to the quantized one.

    Attributes:
        grids: by tensor, the integers that the quantized file held it in.
        layers: names of what layers with weights give.
        activations: by tensor, the fused activation that keeps what its integers did.
        hybrid: float tensors that layers with stored weights read, which their kernels round while they run.
    """

    grids: dict[str, Grid] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)
    activations: dict[str, str] = field(default_factory=dict)
    hybrid: list[str] = field(default_factory=list)


def dequantize(graph: Graph) -> Dequantized:
    """Make a quantized graph a float one.

    Args:
        graph: edited in place.

    Raises:
        PassError: an operator reads integers of the file as such; names it.
    """
    model = graph.model
    _refuse(graph)
    found = Dequantized()
    grids = dict(_grids(graph))
    found.hybrid.extend(_hybrid(graph))
    found.layers.extend(_with_float_biases(graph))
    _with_float_constants(graph)
    for index in grids:
        graph.tensors[index].type, graph.tensors[index].quantization = FLOAT32, None
    _without_passing(graph, grids)
    for operator in model.subgraphs[0].operators:
        _keep_clipping(graph, operator, grids, found)
        operator.intermediates = None
    found.grids.update({graph.name(index): grid for index, grid in grids.items()})
    drop_unread(model)
    graph.reindex()
    return found


def _refuse(graph: Graph) -> None:
    if any(_quantized(tensor) for other in graph.model.subgraphs[1:] for tensor in other.tensors):
        raise PassError("the file has several graphs with quantized tensors, and only one is made float.")
    for operator in graph.operators:
        kind, ends = graph.kind(operator), (*operator.inputs, *operator.outputs)
        if kind in CODES and any(_quantized(graph.tensors[int(index)]) for index in ends if index >= 0):
            name = plain(graph.name(int(operator.outputs[0])), 60) if len(operator.outputs) else kind
            raise PassError(
                f"the operator {kind} '{name}' takes integers of the file as they are, whatever numbers they stand "
                f"for, so there is no float model of the same values."
            )
        options = operator.builtinOptions
        if getattr(options, "weightsFormat", 0):
            name = plain(graph.name(int(operator.outputs[0])), 60)
            raise PassError(f"the weights of '{name}' are stored shuffled, which only old kernels read.")


def _quantized(tensor: Any) -> bool:
    return DTYPES[tensor.type] in ("int8", "uint8", "int16", "int32") and len(scales_of(tensor)) > 0


def _grids(graph: Graph) -> Iterator[tuple[int, Grid]]:
    """Give the integers that computed tensors are held in, by their index."""
    read = {int(index) for one in graph.operators for index in (*one.inputs, *one.outputs) if index >= 0}
    for index in sorted(read):
        tensor = graph.tensors[index]
        if graph.constant(index) is None and _quantized(tensor):
            yield index, grid_of(tensor)
    for operator in graph.operators:
        if graph.kind(operator) == "FAKE_QUANT":
            options = operator.builtinOptions
            yield int(operator.outputs[0]), Grid.between(options.min, options.max, options.numBits)


def _hybrid(graph: Graph) -> list[str]:
    """Name the float tensors that a layer with integer weights reads."""
    places = [(int(one.inputs[given_place(graph.kind(one))]), int(one.inputs[1])) for one in graph.weighted()]
    integer = ("int8", "uint8", "int4")
    return [
        graph.name(given)
        for given, weight in dict(places).items()
        if graph.tensors[given].type == FLOAT32 and DTYPES[graph.tensors[weight].type] in integer
    ]


def _with_float_biases(graph: Graph) -> Iterator[str]:
    for operator in graph.operators:
        kind = graph.kind(operator)
        if kind in WEIGHTED:
            place = bias_place(kind)
            scales = _product(graph, operator, given_place(kind))
            if _is_stored(graph, int(operator.inputs[1])):
                yield graph.name(int(operator.outputs[0]))
            if scales is not None and len(operator.inputs) > place:
                _set_bias(graph, operator, place, scales)
        for place in INDEXED_BIASES.get(kind, ()):
            if len(operator.inputs) > place and operator.inputs[place] >= 0:
                _set_bias(graph, operator, place, scales_of(graph.tensors[int(operator.inputs[place])]))


def _is_stored(graph: Graph, index: int) -> bool:
    """Say whether a weight is stored otherwise than in floats: itself, or what a DEQUANTIZE makes of it."""
    maker = graph.maker(index)
    index = int(maker.inputs[0]) if maker is not None and graph.kind(maker) == "DEQUANTIZE" else index
    return graph.constant(index) is not None and DTYPES[graph.tensors[index].type] in STORED


def _product(graph: Graph, operator: Any, given: int) -> npt.NDArray[np.float64] | None:
    """Give the scales of what a layer sums up; None where it computes in floats."""
    scales = [
        scales_of(graph.tensors[int(operator.inputs[place])]).astype(np.float64) for place in (given, 1)
    ]
    return scales[0] * scales[1] if len(scales[0]) == 1 and len(scales[1]) else None


def _set_bias(graph: Graph, operator: Any, place: int, scales: npt.NDArray[Any]) -> None:
    index = int(operator.inputs[place])
    levels = graph.constant(index)
    if levels is None or levels.dtype.kind != "i" or not len(scales):
        return
    values = (levels.astype(np.float64) * scales.astype(np.float64)).astype(np.float32)
    tensor = schema.TensorT()
    tensor.name = f"{graph.name(index)};{graph.name(int(operator.outputs[0]))}".encode()
    tensor.shape = np.array(levels.shape, np.int32)
    _write(graph, tensor, values)
    graph.tensors.append(tensor)
    operator.inputs = np.array(operator.inputs, np.int32)
    operator.inputs[place] = len(graph.tensors) - 1


def _with_float_constants(graph: Graph) -> None:
    """Let constants hold what they stand for."""
    for index, tensor in enumerate(graph.tensors):
        dtype = DTYPES[tensor.type]
        stands = dtype == "float16" or len(scales_of(tensor)) > 0
        if dtype in STORED and stands and graph.constant(index) is not None:
            _write(graph, tensor, values_of(graph, index))


def _write(graph: Graph, tensor: Any, values: npt.NDArray[np.float32]) -> None:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    tensor.buffer = len(graph.model.buffers) - 1
    tensor.type, tensor.quantization, tensor.sparsity = FLOAT32, None, None


def _keep_clipping(graph: Graph, operator: Any, grids: dict[int, Grid], found: Dequantized) -> None:
    """Fuse the activation that an operator's integers stand for, where it has a place for one."""
    options, grid = (
        operator.builtinOptions,
        grids.get(int(operator.outputs[0])) if len(operator.outputs) else None,
    )
    given = getattr(options, "fusedActivationFunction", None)
    if (
        grid is None
        or given is None
        or graph.kind(operator) in ("CONCATENATION", "MAX_POOL_2D", "AVERAGE_POOL_2D")
    ):
        return
    kept = grid.activation
    wider = {FUSED.NONE: ("RELU", "RELU6", "RELU_N1_TO_1"), FUSED.RELU: ("RELU6",)}.get(given, ())
    if kept in wider:
        options.fusedActivationFunction = getattr(FUSED, kept)
        found.activations[graph.name(int(operator.outputs[0]))] = kept


def _without_passing(graph: Graph, grids: dict[int, Grid]) -> None:
    """Take operators out that give the numbers they read."""
    ends, left = {int(index) for index in graph.model.subgraphs[0].outputs}, []
    inputs = {int(index) for index in graph.model.subgraphs[0].inputs}
    moved: dict[int, int] = {}
    for operator in graph.operators:
        operator.inputs = np.array([moved.get(int(index), int(index)) for index in operator.inputs], np.int32)
        if graph.kind(operator) not in PASSING or not _float(graph, operator):
            left.append(operator)
            continue
        before, after = int(operator.inputs[0]), int(operator.outputs[0])
        if after not in ends:
            moved[after] = before
        elif _renamed(graph, left, before, after, inputs | ends):
            moved[before] = after
        else:
            left.append(_copying(graph, operator))
            continue
        kept, gone = (before, after) if after not in ends else (after, before)
        both = [grids[index] for index in (kept, gone) if index in grids]
        if both:  # others that read the tensor were not given the narrower one
            nearest = min if len(graph.readers(before)) == 1 else max
            grids[kept] = nearest(both, key=lambda grid: grid.width)
        grids.pop(gone, None)
    graph.model.subgraphs[0].operators = left


def _float(graph: Graph, operator: Any) -> bool:
    return all(
        graph.tensors[int(index)].type == FLOAT32 for index in (operator.inputs[0], operator.outputs[0])
    )


def _renamed(graph: Graph, operators: list[Any], before: int, after: int, ends: set[int]) -> bool:
    """Let whoever makes a tensor, and reads it, use another in its place; False for one that is an end or constant."""
    if before in ends or graph.maker(before) is None:
        return False
    for one in operators:
        one.inputs = np.array(
            [after if int(index) == before else int(index) for index in one.inputs], np.int32
        )
        one.outputs = np.array(
            [after if int(index) == before else int(index) for index in one.outputs], np.int32
        )
    return True


def _copying(graph: Graph, operator: Any) -> Any:
    """Let an operator from one end of the graph to another copy floats: a RESHAPE to the same shape."""
    reshape(graph, operator, graph.tensors[int(operator.outputs[0])].shape)
    return operator


def quantized_names(graph: Graph) -> list[str]:
    """Name the tensors of a graph that are quantized."""
    return [graph.name(index) for index, tensor in enumerate(graph.tensors) if _quantized(tensor)]
