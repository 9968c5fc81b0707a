"""Quantized `.tflite` files of one operator each, with every shape, dtype, scale and option that a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from placement_files import Told, file_of, operator
from tflbuild.tflite import flatbuffer

Shape = tuple[int, ...]


class Held(NamedTuple):
    """A tensor: its shape, what it is held in, and the values of a constant.

    Attributes:
        shape: sizes of its axes.
        dtype: e.g. "int8".
        scale: one or one for each channel; None for none.
        point: the zero point.
        values: of a constant.
        axis: of the channels that have a scale each.
        signature: shape with -1 for an open axis.
    """

    shape: Shape
    dtype: str = "int8"
    scale: Any = 0.1
    point: int = 0
    values: Any = None
    axis: int = 0
    signature: Shape | None = None


class Operator(NamedTuple):
    """An operator, by the names of its tensors; an input that is left out is ""."""

    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    options: Mapping[str, Any] = {}
    kind: str = ""


def whole(values: Any, dtype: str = "int32") -> Held:
    """Give a constant without a scale, such as a shape or axes."""
    found = np.asarray(values, dtype)
    return Held(found.shape, dtype, None, values=found)


def weights(*shape: int, dtype: str = "int8", value: int = 1) -> Held:
    """Give weights that are all one value."""
    return Held(shape, dtype, 0.01, values=np.full(shape, value, dtype))


def bias(channels: int, dtype: str = "int32", value: int = 0) -> Held:
    """Give a bias that is all one value."""
    return Held((channels,), dtype, 0.001, values=np.full(channels, value, dtype))


def one(
    name: str,
    inputs: Sequence[Held | None],
    outputs: Sequence[Held],
    kind: str = "",
    **options: Any,
) -> bytes:
    """Give the file of one operator.

    Args:
        name: of the operator; one that TensorFlow Lite does not have is a custom operator.
        inputs: None for one that is left out.
        outputs: its outputs.
        kind: of its options, e.g. "Conv2D"; "" for none.
        options: by the names of the schema.
    """
    tensors = {f"in{place}": held for place, held in enumerate(inputs) if held is not None}
    tensors |= {f"out{place}": held for place, held in enumerate(outputs)}
    names = ["" if held is None else f"in{place}" for place, held in enumerate(inputs)]
    made = [f"out{place}" for place in range(len(outputs))]
    return network(tensors, [Operator(name, names, made, options, kind)])


def network(tensors: Mapping[str, Held], operators: Sequence[Operator]) -> bytes:
    """Give a file; what no operator makes and no constant is, is an input, and what nobody reads is an output."""
    read = {name for one in operators for name in one.inputs}
    made = {name for one in operators for name in one.outputs}
    inputs = [name for name in tensors if tensors[name].values is None and name not in made]
    outputs = [name for name in tensors if name in made and name not in read]
    steps = [
        operator(one.name, one.inputs, one.outputs, f"{one.kind}Options" if one.kind else "", **one.options)
        for one in operators
    ]
    return file_of({name: _told(held) for name, held in tensors.items()}, steps, inputs, outputs)


def side_by_side(files: Sequence[bytes]) -> bytes:
    """Put the graphs of files beside each other in one file, in order; nothing joins them."""
    whole_model, *others = [flatbuffer.unpack(content) for content in files]
    graph = whole_model.subgraphs[0]
    for number, other in enumerate(others, 1):
        (added,) = other.subgraphs
        tensors, buffers, codes = len(graph.tensors), len(whole_model.buffers), len(whole_model.operatorCodes)
        for tensor in added.tensors:
            tensor.name = f"{number}/{tensor.name.decode()}"
            tensor.buffer += buffers if tensor.buffer else 0
        for step in added.operators:
            step.opcodeIndex += codes
            step.inputs = [index + tensors if index >= 0 else -1 for index in step.inputs]
            step.outputs = [index + tensors for index in step.outputs]
        graph.tensors += added.tensors
        graph.operators += added.operators
        graph.inputs = [*graph.inputs, *(index + tensors for index in added.inputs)]
        graph.outputs = [*graph.outputs, *(index + tensors for index in added.outputs)]
        whole_model.buffers += other.buffers
        whole_model.operatorCodes += other.operatorCodes
    return flatbuffer.pack(whole_model)


def _told(held: Held) -> Told:
    scales = () if held.scale is None else held.scale
    return Told(held.shape, held.dtype, scales, held.point, held.axis, held.values, held.signature or ())
