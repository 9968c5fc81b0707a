"""What nothing refers to leaves a file; what something does keeps its place in the computation."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from foreign_networks import two_inputs, two_outputs
from litert_files import outputs_of
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.unread import drop_unread


def added(model: Any, name: str, values: Any = None, place: int | None = None) -> None:
    """Add a tensor that nothing reads."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), np.array([4], np.int32), 0, 0
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    tensors = model.subgraphs[0].tensors
    tensors.append(tensor)
    if place is not None:
        _shift(model, place)


def _shift(model: Any, place: int) -> None:
    """Move the last tensor to another place, and count all others anew."""
    graph = model.subgraphs[0]
    graph.tensors.insert(place, graph.tensors.pop())

    def moved(index: int) -> int:
        return index + 1 if index >= place else index

    graph.inputs, graph.outputs = (
        np.array([moved(int(i)) for i in one]) for one in (graph.inputs, graph.outputs)
    )
    for operator in graph.operators:
        operator.inputs = np.array([moved(int(i)) for i in operator.inputs], np.int32)
        operator.outputs = np.array([moved(int(i)) for i in operator.outputs], np.int32)
    for entry in (*model.signatureDefs[0].inputs, *model.signatureDefs[0].outputs):
        entry.tensorIndex = moved(entry.tensorIndex)


def names(model: Any) -> list[str]:
    return [tensor.name.decode() for tensor in model.subgraphs[0].tensors]


def test_a_tensor_in_the_middle_that_nothing_reads_goes_with_its_values() -> None:
    content = two_inputs()
    model = flatbuffer.unpack(content)
    before = names(model)
    added(model, "lost", np.arange(4000, dtype=np.float32), place=3)
    large = flatbuffer.pack(model)
    drop_unread(model)
    assert names(model) == before
    made = flatbuffer.pack(model)
    assert len(large) > len(content) + 16_000
    assert len(made) < len(content) + 200
    rng = np.random.default_rng(0)
    given = {
        "numbers": rng.normal(size=(1, 3)).astype(np.float32),
        "map": rng.normal(size=(1, 4, 4, 2)).astype(np.float32),
    }
    for name, wanted in outputs_of(content, given).items():
        assert np.array_equal(outputs_of(made, given)[name], wanted)
    ends = [list(one) for one in flatbuffer.ends_of(flatbuffer.unpack(made))]
    assert ends == [list(one) for one in flatbuffer.ends_of(flatbuffer.unpack(content))]


def test_a_file_in_which_all_is_read_keeps_its_bytes() -> None:
    model = flatbuffer.unpack(two_outputs())
    packed = flatbuffer.pack(model)
    drop_unread(model)
    assert flatbuffer.pack(model) == packed


def test_a_file_without_a_signature_and_an_input_that_is_left_out_are_read_too() -> None:
    model = flatbuffer.unpack(two_outputs())
    model.signatureDefs = None
    convolution = model.subgraphs[0].operators[0]
    convolution.inputs = np.array([*convolution.inputs[:2], -1], np.int32)  # no bias
    before = len(names(model))
    drop_unread(model)
    assert len(names(model)) == before - 1
    assert convolution.inputs[2] == -1


def test_values_of_metadata_and_of_other_graphs_stay() -> None:
    model = flatbuffer.unpack(two_outputs())
    told = schema.BufferT()
    told.data = np.frombuffer(b"told", np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = "mine", len(model.buffers)
    model.buffers.append(told)
    model.metadata = [entry]
    kept = model.subgraphs[0].tensors[1]
    other = schema.SubGraphT()
    other.tensors, other.inputs, other.outputs, other.operators = [kept], [0], [0], []
    model.subgraphs.append(other)
    added(model, "lost", np.ones(8, np.float32))
    lost = len(model.buffers) - 1
    drop_unread(model)
    assert bytes(model.buffers[entry.buffer].data) == b"told"
    assert model.subgraphs[1].tensors == [kept]
    assert model.buffers[lost].data is None
    assert all(model.buffers[tensor.buffer].data is not None for tensor in (kept,))


def test_a_variable_between_two_calls_is_an_operators_own() -> None:
    model = flatbuffer.unpack(two_outputs())
    added(model, "state")
    operator = model.subgraphs[0].operators[0]
    operator.intermediates = np.array([len(names(model)) - 1], np.int32)
    added(model, "lost")
    drop_unread(model)
    assert names(model)[-1] == "state"
    assert names(model)[int(operator.intermediates[0])] == "state"
