"""Small `.tflite` files of every kind, and TFLite metadata, written without TensorFlow."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble

IMAGE = (1, 8, 8, 3)


class Typed(NamedTuple):
    """Dtype and quantization of a tensor that is no plain float."""

    dtype: str
    scale: float = 0.0
    zero_point: int = 0


def step(kind: str, inputs: Sequence[str], outputs: Sequence[str], activation: str = "NONE") -> Step:
    """Give an operator; a name that no built-in one has is a custom operator's."""
    operator = getattr(schema.BuiltinOperator, kind, None)
    if operator is None:
        return Step(schema.BuiltinOperator.CUSTOM, list(inputs), list(outputs), custom=kind)
    name = {"FULLY_CONNECTED": "FullyConnected", "ADD": "Add", "SOFTMAX": "Softmax", "CONV_2D": "Conv2D"}.get(
        kind, ""
    )
    name = name or {"DEPTHWISE_CONV_2D": "DepthwiseConv2D", "AVERAGE_POOL_2D": "Pool2D"}.get(kind, "")
    if not name:
        return Step(operator, list(inputs), list(outputs))
    options = getattr(schema, f"{name}OptionsT")()
    for field, value in (
        ("strideW", 1),
        ("strideH", 1),
        ("filterWidth", 1),
        ("filterHeight", 1),
        ("beta", 1.0),
    ):
        if hasattr(options, field):
            setattr(options, field, value)
    for field in ("dilationWFactor", "dilationHFactor"):
        if hasattr(options, field):
            setattr(options, field, 1)
    if hasattr(options, "fusedActivationFunction"):
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    return Step(
        operator, list(inputs), list(outputs), getattr(schema.BuiltinOptions, f"{name}Options"), options
    )


def network(
    tensors: Tensors,
    steps: Sequence[Step],
    inputs: Sequence[str],
    outputs: Sequence[str],
    typed: Mapping[str, Typed] | None = None,
    change: Callable[[Any], None] | None = None,
) -> bytes:
    """Give a file whose one signature has the given tensors.

    Args:
        tensors: constants, or shapes, by name.
        steps: operators in order.
        inputs: names of tensors.
        outputs: names of tensors.
        typed: of tensors that are no floats.
        change: what else is done to the unpacked model.
    """
    model = flatbuffer.unpack(assemble(tensors, steps, inputs, outputs))
    for tensor in model.subgraphs[0].tensors:
        found = (typed or {}).get(tensor.name.decode())
        if found is None:
            continue
        tensor.type = getattr(schema.TensorType, found.dtype.upper())
        if found.scale:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([found.scale], np.float32)
            tensor.quantization.zeroPoint = np.array([found.zero_point], np.int64)
    if change:
        change(model)
    return flatbuffer.pack(model)


def classifier(
    *ends: str,
    shape: tuple[int, ...] = IMAGE,
    classes: int = 3,
    activation: str = "NONE",
    typed: Mapping[str, Typed] | None = None,
    change: Callable[[Any], None] | None = None,
) -> bytes:
    """Give a dense layer from `image` to one row, and operators behind it to `scores`.

    Args:
        ends: kinds of operators behind the dense layer; without any, its own output is `scores`.
        shape: of the input.
        classes: numbers of the row.
        activation: fused into the dense layer.
        typed: of tensors that are no floats.
        change: what else is done to the unpacked model.
    """
    values = int(np.prod(shape))
    names = [f"row_{number}" for number in range(len(ends))] + ["scores"]
    tensors: Tensors = {
        "image": shape,
        "weights": np.full((classes, values), 0.5, np.float32),
        "bias": np.zeros(classes, np.float32),
        "shape": np.array([1, classes], np.int32),
        **dict.fromkeys(names, (1, classes)),
    }
    steps = [step("FULLY_CONNECTED", ["image", "weights", "bias"], names[:1], activation)]
    for kind, given, made in zip(ends, names[:-1], names[1:], strict=True):
        steps.append(step(kind, [given, "shape"] if kind in ("RESHAPE", "EXPAND_DIMS") else [given], [made]))
    return network(tensors, steps, ["image"], ["scores"], typed, change)


def without_signature(model: Any) -> None:
    """Leave a model's signature out."""
    model.signatureDefs = None


def signature(key: str, inputs: Mapping[str, int], outputs: Mapping[str, int], graph: int = 0) -> Any:
    """Give a signature: tensors by name."""
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = key, graph
    made.inputs, made.outputs = _maps(inputs), _maps(outputs)
    return made


def _maps(tensors: Mapping[str, int]) -> list[Any]:
    entries = []
    for name, index in tensors.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries


def written(folder: Path, content: bytes, name: str = "model.tflite") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(content)
    return path


class Tensor(NamedTuple):
    """What metadata say of a tensor: content 1 features, 2 image, 3 box; colour 1 RGB, 2 grey; files by kind."""

    content: int = 0
    colour: int = 0
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    files: Sequence[tuple[str, int]] = ()
    name: str = "named"
    unit: int = 1  # kind of the process unit: 1 normalizes


def metadata(
    inputs: Sequence[Tensor] = (), outputs: Sequence[Tensor] = (), files: Sequence[tuple[str, int]] = ()
) -> bytes:
    """Give a metadata flatbuffer, by the slots of metadata_schema.fbs 1.1.0."""
    builder = flatbuffers.Builder(256)
    tables = [_vector(builder, [_tensor(builder, one) for one in ends]) for ends in (inputs, outputs)]
    graph = _table(builder, 5, {2: tables[0], 3: tables[1], 4: _files(builder, files)})
    graphs = _vector(builder, [graph])
    name = builder.CreateString("a model")
    builder.Finish(_table(builder, 8, {0: name, 3: graphs}), b"M001")
    return bytes(builder.Output())


def _tensor(builder: Any, one: Tensor) -> int:
    fields = {0: builder.CreateString(one.name), 6: _files(builder, one.files)}
    if one.content:
        kind = _table(builder, 2, {}, {0: one.colour} if one.content == 2 and one.colour else {})
        fields[3] = _table(builder, 3, {1: kind}, {0: one.content})
    if one.mean or one.std:
        options = _table(builder, 2, {0: _floats(builder, one.mean), 1: _floats(builder, one.std)})
        fields[4] = _vector(builder, [_table(builder, 2, {1: options}, {0: one.unit})])
    return _table(builder, 7, fields)


def _files(builder: Any, files: Sequence[tuple[str, int]]) -> int:
    return _vector(builder, [_table(builder, 4, {0: builder.CreateString(n)}, {2: k}) for n, k in files])


def _table(
    builder: Any, slots: int, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None
) -> int:
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in (numbers or {}).items():
        builder.PrependInt8Slot(slot, number, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, numbers: Sequence[float]) -> int:
    return int(builder.CreateNumpyVector(np.array(numbers, np.float32)))


def with_metadata(
    content: bytes, made: bytes, files: Mapping[str, bytes] | None = None, name: str = "TFLITE_METADATA"
) -> bytes:
    """Put a metadata flatbuffer into a file, and pack files behind it as TFLite Support does."""
    model = flatbuffer.unpack(content)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(made, np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = name, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    packed = flatbuffer.pack(model)
    return packed if files is None else packed_behind(packed, files)


def packed_behind(content: bytes, files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Append a zip archive to a file; places in it count from the beginning of the file."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a", compression) as archive:
        for name, member in files.items():
            archive.writestr(name, member)
    return target.getvalue()
