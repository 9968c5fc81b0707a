"""Constants of every type as they lie in a file, there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.tflite import constants

STORED = {
    "FLOAT32": "<f4",
    "FLOAT16": "<f2",
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
}


def held(data: Any, kind: int, shape: Any) -> tuple[Any, Any]:
    model, tensor, buffer = schema.ModelT(), schema.TensorT(), schema.BufferT()
    buffer.data = data
    model.buffers = [schema.BufferT(), buffer]
    tensor.buffer, tensor.type, tensor.shape = 1, kind, shape
    return model, tensor


@pytest.mark.parametrize("name", STORED)
def test_values_of_every_type_are_read_and_stored_as_they_lie(name: str) -> None:
    kind = getattr(schema.TensorType, name)
    values = np.array([[1, 2, 3], [100, 5, 6]], STORED[name])
    model, tensor = held(np.frombuffer(values.tobytes(), np.uint8), kind, [2, 3])
    found = constants.values_of(model, tensor)
    assert found is not None
    assert found.dtype == np.dtype(STORED[name])
    np.testing.assert_array_equal(found, values)
    assert constants.stored(found, tensor).tobytes() == values.tobytes()
    assert constants.stored(found.T, tensor).tobytes() == values.T.tobytes()  # in the order of its axes
    found[0, 0] = 9  # a copy
    np.testing.assert_array_equal(constants.values_of(model, tensor), values)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.lists(st.integers(-8, 7), min_size=1, max_size=9))
def test_four_bits_come_back_whatever_their_count(values: list[int]) -> None:
    kind = schema.TensorType.INT4
    _, tensor = held(None, kind, [len(values)])
    data = constants.stored(np.array(values, np.int8), tensor)
    assert len(data) == (len(values) + 1) // 2
    model, tensor = held(data, kind, [len(values)])
    found = constants.values_of(model, tensor)
    assert found is not None
    assert (found.tolist(), found.dtype) == (values, np.int8)


def test_four_bits_by_hand() -> None:
    # the lower half first: 1 and -1 (1111) are 1111 0001; 7 alone is 0000 0111
    _, tensor = held(None, schema.TensorType.INT4, [3])
    assert constants.stored(np.array([1, -1, 7], np.int8), tensor).tolist() == [0xF1, 0x07]


def test_what_is_computed_or_of_another_type_has_no_values() -> None:
    four = np.zeros(4, np.uint8)
    assert constants.values_of(*held(None, schema.TensorType.FLOAT32, [1])) is None
    assert constants.values_of(*held(four[:0], schema.TensorType.FLOAT32, [1])) is None
    assert constants.values_of(*held(four, schema.TensorType.STRING, [1])) is None
    scalar = constants.values_of(*held(four, schema.TensorType.INT32, None))
    assert scalar is not None
    assert (scalar.shape, int(scalar)) == ((), 0)


def test_sparse_constants_are_named_in_every_graph() -> None:
    model = schema.ModelT()
    graphs = []
    for name in (b"first", b"second"):
        dense, sparse, graph = schema.TensorT(), schema.TensorT(), schema.SubGraphT()
        dense.name, sparse.name, sparse.sparsity = b"dense", name, schema.SparsityParametersT()
        graph.tensors = [dense, sparse]
        graphs.append(graph)
    model.subgraphs = graphs
    assert constants.sparse_names(model) == ["first", "second"]
