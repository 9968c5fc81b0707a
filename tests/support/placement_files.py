"""Files of one operator or a few, whose every tensor is told: dtype, grid, constant or not. For rules of devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble

PACKED = {"int4": 4, "int2": 2}
"""Bits of the dtypes of which several numbers share a byte."""


class Told(NamedTuple):
    """A tensor: shape, dtype, scales and zero points (of an axis, where there are several), values of a constant."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    scales: Any = ()
    points: Any = 0
    axis: int = 0
    values: Any = None
    open_shape: tuple[int, ...] = ()
    block: int = 0


def constant(values: Any, dtype: str = "float32", scales: Any = (), points: Any = 0, axis: int = 0) -> Told:
    """Give a constant tensor."""
    array = np.asarray(values)
    return Told(array.shape, dtype, scales, points, axis, array)


def filled(
    shape: tuple[int, ...], dtype: str = "float32", scales: Any = (), points: Any = 0, axis: int = 0
) -> Told:
    """Give a constant whose values are small numbers of either sign."""
    values = (np.arange(int(np.prod(shape))) % 3 - 1).reshape(shape)
    return constant(values, dtype, scales, points, axis)


def operator(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], table: str = "", **values: Any
) -> Step:
    """Give an operator with options by the name of their table; a kind that TensorFlow Lite has not is a custom one."""
    ends = ([*inputs], [*outputs])
    number = getattr(schema.BuiltinOperator, kind, None)
    if number is None:
        return Step(schema.BuiltinOperator.CUSTOM, *ends, custom=kind)
    if not table:
        return Step(number, *ends)
    made = getattr(schema, f"{table}T")()
    for name, value in values.items():
        assert hasattr(made, name), (table, name)
        setattr(made, name, np.array(value, np.int32) if isinstance(value, list) else value)
    return Step(number, *ends, getattr(schema.BuiltinOptions, table), made)


def file_of(
    tensors: Mapping[str, Told],
    steps: Sequence[Step],
    inputs: Sequence[str],
    outputs: Sequence[str],
    versions: Mapping[int, int] | None = None,
) -> bytes:
    """Give a `.tflite` of these tensors and operators; an input "" is one that is left out.

    Args:
        tensors: by name.
        steps: operators in order.
        inputs: names of tensors.
        outputs: names of tensors.
        versions: of operators, by their place; 1 where nothing is said.
    """
    shapes = {
        name: np.zeros(one.shape, np.float32) if one.values is not None else one.shape
        for name, one in tensors.items()
    }
    whole = [step._replace(inputs=[name or next(iter(tensors)) for name in step.inputs]) for step in steps]
    model = flatbuffer.unpack(assemble(shapes, whole, inputs, outputs))
    graph = model.subgraphs[0]
    for held, told in zip(graph.tensors, tensors.values(), strict=True):
        held.type = getattr(schema.TensorType, told.dtype.upper())
        held.quantization = _grid(told, list(tensors))
        held.shapeSignature = np.array(told.open_shape, np.int32) if told.open_shape else None
        if told.values is not None:
            model.buffers[held.buffer].data = np.frombuffer(_bytes(told), np.uint8)
    for place, (made, step) in enumerate(zip(graph.operators, steps, strict=True)):
        made.inputs = [list(tensors).index(name) if name else -1 for name in step.inputs]
        model.operatorCodes[place].version = (versions or {}).get(place, 1)
    return bytes(flatbuffer.pack(model))


def by_rows(content: bytes, name: str) -> bytes:
    """Say of a constant of two axes that it is sparse, row by row; every value of it is stored."""
    model = flatbuffer.unpack(content)
    (tensor,) = [one for one in model.subgraphs[0].tensors if one.name.decode() == name]
    rows, columns = (int(side) for side in tensor.shape)
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder = np.array([0, 1], np.int32)
    whole, each = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    whole.format, whole.denseSize = schema.DimensionType.DENSE, rows
    each.format = schema.DimensionType.SPARSE_CSR
    each.arraySegmentsType = each.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    each.arraySegments, each.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
    each.arraySegments.values = np.arange(rows + 1, dtype=np.int32) * columns
    each.arrayIndices.values = np.tile(np.arange(columns, dtype=np.int32), rows)
    tensor.sparsity.dimMetadata = [whole, each]
    return bytes(flatbuffer.pack(model))


def _grid(told: Told, names: list[str]) -> Any:
    grid = schema.QuantizationParametersT()
    if told.block:
        grid.detailsType = schema.QuantizationDetails.BlockwiseQuantization
        grid.details = schema.BlockwiseQuantizationT()
        grid.details.scales, grid.details.blockSize = names.index("scales"), told.block
        grid.details.zeroPoints = -1
        return grid
    if not len(np.atleast_1d(told.scales)):
        return None
    grid.scale = np.atleast_1d(np.asarray(told.scales, np.float32))
    grid.zeroPoint = np.broadcast_to(np.asarray(told.points, np.int64), grid.scale.shape).copy()
    grid.quantizedDimension = told.axis
    return grid


def _bytes(told: Told) -> bytes:
    if told.dtype not in PACKED:
        return np.asarray(told.values).astype(told.dtype).tobytes()
    bits = PACKED[told.dtype]
    flat = np.asarray(told.values).ravel().astype(np.int64) & ((1 << bits) - 1)
    a_byte = 8 // bits
    rows = np.pad(flat, (0, -len(flat) % a_byte)).reshape(-1, a_byte)
    return np.bitwise_or.reduce(rows << (bits * np.arange(a_byte)), axis=1).astype(np.uint8).tobytes()


def told(shape: tuple[int, ...], dtype: str = "float32", scale: float = 0.02, **more: Any) -> Told:
    """Give a tensor; one of 8 or 16 bits has a grid."""
    if dtype in ("int8", "uint8", "int16") and "scales" not in more:
        more = {"scales": scale, "points": 128 if dtype == "uint8" else 0, **more}
    return Told(shape, dtype, **more)


def one(
    kind: str,
    inputs: Sequence[Told | None],
    outputs: Sequence[Told],
    table: str = "",
    version: int = 1,
    **values: Any,
) -> bytes:
    """Give a file of one operator, whose inputs that are no constants are those of the file."""
    names = [f"in{place}" if tensor else "" for place, tensor in enumerate(inputs)]
    made = [f"out{place}" for place in range(len(outputs))]
    tensors = {name: tensor for name, tensor in zip(names, inputs, strict=True) if tensor is not None}
    ends = [name for name, tensor in tensors.items() if tensor.values is None]
    tensors |= dict(zip(made, outputs, strict=True))
    return file_of(tensors, [operator(kind, names, made, table, **values)], ends, made, {0: version})


class Cases(dict[str, Callable[[], bytes]]):
    """Makers of files by a name that says what is special in them."""

    def add(self, name: str, make: Callable[..., bytes], *given: Any, **more: Any) -> None:
        """Name a file."""
        assert name not in self, name
        self[name] = partial(make, *given, **more)
