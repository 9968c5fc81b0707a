"""Constant tensors of an unpacked `.tflite` as dense arrays, whatever way they are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

DTYPES: dict[int, Any] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT4: np.int8,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
}
"""NumPy types of constants by the type of their tensor; 4-bit integers are widened."""


def values_of(model: Any, tensor: Any) -> npt.NDArray[Any] | None:
    """Give a tensor's constant values, a copy shaped as the tensor; None where it is computed.

    Args:
        model: what `flatbuffer.unpack` gave.
        tensor: one of its tensors; 4-bit ones are unpacked, sparse ones made dense.
    """
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data) or tensor.type not in DTYPES:
        return None
    shape = tuple(int(side) for side in tensor.shape) if tensor.shape is not None else ()
    stored = np.frombuffer(bytes(data), np.uint8)
    packed = tensor.type == schema.TensorType.INT4
    values: npt.NDArray[Any] = _nibbles(stored) if packed else stored.view(DTYPES[tensor.type])
    if tensor.sparsity is not None:
        return _dense(values, tensor.sparsity, shape)
    return values[: int(np.prod(shape))].reshape(shape).copy()


def stored(values: npt.NDArray[Any], tensor: Any) -> npt.NDArray[np.uint8]:
    """Give the bytes that hold values as a tensor stores them.

    Args:
        values: of the dtype in `DTYPES`; 4-bit ones are packed.
        tensor: it is theirs.
    """
    if tensor.type == schema.TensorType.INT4:
        return _packed(values)
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)


def sparse_names(model: Any) -> list[str]:
    """Name the constants of an unpacked model that are stored without their zeros."""
    tensors = (tensor for graph in model.subgraphs for tensor in graph.tensors)
    return [tensor.name.decode() for tensor in tensors if tensor.sparsity is not None]


def _nibbles(stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Unpack two signed 4-bit integers a byte, the lower half first."""
    signed = stored.view(np.int8)
    low, high = (signed << 4).astype(np.int8) >> 4, signed >> 4
    return np.stack([low, high], axis=-1).ravel()


def _packed(values: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Undo `_nibbles`; an odd count leaves the last upper half zero."""
    flat = values.ravel().view(np.uint8) & 15
    pairs = np.concatenate([flat, np.zeros(len(flat) % 2, np.uint8)]).reshape(-1, 2)
    return np.asarray(pairs[:, 0] | pairs[:, 1] << 4, np.uint8)


def _dense(values: npt.NDArray[Any], sparsity: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Spread the stored values of a sparse tensor over zeros.

    The tensor is stored as a tree of levels in `traversalOrder`, each dense or compressed to the coordinates that are
    there; levels behind the tensor's own axes are inside of blocks of the axes in `blockMap`.
    """
    blocks = [] if sparsity.blockMap is None else [int(axis) for axis in sparsity.blockMap]
    order = [int(level) for level in sparsity.traversalOrder]
    paths: list[tuple[int, ...]] = [()]
    for metadata in sparsity.dimMetadata:
        if metadata.format == schema.DimensionType.DENSE:
            paths = [(*path, place) for path in paths for place in range(metadata.denseSize)]
        else:
            starts, places = metadata.arraySegments.values, metadata.arrayIndices.values
            paths = [
                (*path, int(place))
                for number, path in enumerate(paths)
                for place in places[starts[number] : starts[number + 1]]
            ]
    coordinates = np.asarray(paths, np.int64)[:, np.argsort(order)]
    whole = coordinates[:, : len(shape)].copy()
    for position, axis in enumerate(blocks):
        level = order.index(len(shape) + position)
        size = int(sparsity.dimMetadata[level].denseSize)
        whole[:, axis] = whole[:, axis] * size + coordinates[:, len(shape) + position]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(whole.T)] = values[: len(whole)]
    return dense
