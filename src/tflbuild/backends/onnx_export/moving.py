"""Operators that move numbers: shapes, pads, joins, cuts, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.backends.onnx_export.translation import FIRST, Translation
from tflbuild.core.errors import PassError


def reshape(made: Translation, operator: Any) -> None:
    """Write RESHAPE, SQUEEZE or EXPAND_DIMS: the shape is that of the result."""
    output = operator.outputs[0]
    shape = made.writer.constant(np.array(made.shape(output), np.int64), "shape")
    name = made.writer.add(
        "Reshape", [made.read(operator.inputs[0]), shape], f"{made.graph.name(output)}_reshaped"
    )
    made.give(output, name)


def transpose(made: Translation, operator: Any) -> None:
    """Write TRANSPOSE."""
    output, order = operator.outputs[0], [int(axis) for axis in made.numbers(operator.inputs[1])]
    given = made.read(operator.inputs[0])
    made.give(output, made.writer.add("Transpose", [given], f"{made.graph.name(output)}_moved", perm=order))


def pad(made: Translation, operator: Any) -> None:
    """Write PAD or PADV2."""
    sides = made.numbers(operator.inputs[1]).astype(np.int64)  # (axes, 2)
    first = len(sides) == 4
    if first:
        sides = sides[list(FIRST)]
    inputs = [
        made.read(operator.inputs[0], first=first),
        made.writer.constant(sides.T.reshape(-1), "pads"),
    ]
    if len(operator.inputs) > 2:
        inputs.append(
            made.writer.constant(np.float32(made.numbers(operator.inputs[2]).reshape(-1)[0]), "value")
        )
    wish = f"{made.graph.name(operator.outputs[0])}_padded"
    made.give(operator.outputs[0], made.writer.add("Pad", inputs, wish), first=first)


def concatenate(made: Translation, operator: Any) -> None:
    """Write CONCATENATION; with channels first where all that is computed has them so."""
    rank = len(made.shape(operator.outputs[0]))
    axis = int(operator.builtinOptions.axis) % rank
    computed = [int(index) for index in operator.inputs if made.constant(index) is None]
    first = rank == 4 and bool(computed) and all(made.values[index].first for index in computed)
    names = [made.read(index, first=first) for index in operator.inputs]
    place = FIRST.index(axis) if first else axis
    name = made.writer.add("Concat", names, f"{made.graph.name(operator.outputs[0])}_joined", axis=place)
    made.give(operator.outputs[0], name, first=first)


def gather(made: Translation, operator: Any) -> None:
    """Write GATHER of constant places."""
    options = operator.builtinOptions
    if options.batchDims:
        raise PassError("a GATHER with batches has no form in ONNX.")
    places = made.writer.constant(made.numbers(operator.inputs[1]).astype(np.int64), "places")
    wish = f"{made.graph.name(operator.outputs[0])}_gathered"
    name = made.writer.add("Gather", [made.read(operator.inputs[0]), places], wish, axis=int(options.axis))
    made.give(operator.outputs[0], name)


def strided_slice(made: Translation, operator: Any) -> None:
    """Write STRIDED_SLICE, with axes that it takes out."""
    options, shape = operator.builtinOptions, made.shape(operator.inputs[0])
    if options.ellipsisMask or options.newAxisMask:
        raise PassError("a STRIDED_SLICE with an ellipsis or new axes has no form in ONNX.")
    begin, end, step = (made.numbers(index).astype(np.int64).copy() for index in operator.inputs[1:4])
    for axis in range(len(begin)):
        if options.beginMask >> axis & 1:
            begin[axis] = 0 if step[axis] > 0 else shape[axis] - 1
        if options.endMask >> axis & 1:
            end[axis] = shape[axis] if step[axis] > 0 else -shape[axis] - 1
        if options.shrinkAxisMask >> axis & 1:
            begin[axis] %= shape[axis]
            end[axis], step[axis] = begin[axis] + 1, 1
    _sliced(made, operator, begin, end, step)


def plain_slice(made: Translation, operator: Any) -> None:
    """Write SLICE."""
    begin, size = (made.numbers(index).astype(np.int64) for index in operator.inputs[1:3])
    shape = np.array(made.shape(operator.inputs[0]), np.int64)
    _sliced(made, operator, begin, np.where(size < 0, shape, begin + size), np.ones_like(begin))


def _sliced(made: Translation, operator: Any, begin: Any, end: Any, step: Any) -> None:
    output, axes = operator.outputs[0], np.arange(len(begin), dtype=np.int64)
    constants = [made.writer.constant(values, "slice") for values in (begin, end, axes, step)]
    name = made.writer.add(
        "Slice", [made.read(operator.inputs[0]), *constants], f"{made.graph.name(output)}_cut"
    )
    shape = made.writer.constant(np.array(made.shape(output), np.int64), "shape")
    made.give(output, made.writer.add("Reshape", [name, shape], f"{made.graph.name(output)}_reshaped"))


def resize(kind: str) -> Any:
    """Give the function that writes a RESIZE: "linear" or "nearest"."""

    def write(made: Translation, operator: Any) -> None:
        options, output = operator.builtinOptions, operator.outputs[0]
        _, height, width, channels = made.shape(output)
        sizes = made.writer.constant(np.array([1, channels, height, width], np.int64), "sizes")
        corners, centres = bool(options.alignCorners), bool(options.halfPixelCenters)
        place = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
        rounding = (
            {}
            if kind == "linear"
            else {"nearest_mode": "round_prefer_ceil" if corners or centres else "floor"}
        )
        name = made.writer.add(
            "Resize",
            [made.read(operator.inputs[0], first=True), "", "", sizes],
            f"{made.graph.name(output)}_resized",
            mode=kind,
            coordinate_transformation_mode=place,
            **rounding,
        )
        made.give(output, name, first=True)

    return write


def pack(made: Translation, operator: Any) -> None:
    """Write PACK: tensors of one shape side by side along a new axis."""
    output = operator.outputs[0]
    shape = made.shape(output)
    axis = int(operator.builtinOptions.axis) % len(shape)
    one = made.writer.constant(np.array([*shape[:axis], 1, *shape[axis + 1 :]], np.int64), "shape")
    wish = f"{made.graph.name(output)}_packed"
    names = [made.writer.add("Reshape", [made.read(index), one], wish) for index in operator.inputs]
    made.give(output, made.writer.add("Concat", names, wish, axis=axis))


def unpack(made: Translation, operator: Any) -> None:
    """Write UNPACK: the parts along an axis, without it."""
    rank = len(made.shape(operator.inputs[0]))
    axis = int(operator.builtinOptions.axis) % rank
    names = _split(made, operator, operator.inputs[0], axis, [1] * len(operator.outputs), first=False)
    for output, name in zip(operator.outputs, names, strict=True):
        shape = made.writer.constant(np.array(made.shape(output), np.int64), "shape")
        made.give(output, made.writer.add("Reshape", [name, shape], f"{name}_alone"))


def split(made: Translation, operator: Any) -> None:
    """Write SPLIT, whose axis comes first, or SPLIT_V, whose axis comes last."""
    even = made.graph.kind(operator) == "SPLIT"
    data, place = (operator.inputs[1], 0) if even else (operator.inputs[0], 2)
    rank = len(made.shape(data))
    axis = int(np.ravel(made.numbers(operator.inputs[place]))[0]) % rank
    first = made.constant(data) is None and made.values[int(data)].first
    sizes = [made.shape(output)[axis] for output in operator.outputs]
    names = _split(made, operator, data, FIRST.index(axis) if first else axis, sizes, first=first)
    for output, name in zip(operator.outputs, names, strict=True):
        made.give(output, name, first=first)


def _split(
    made: Translation, operator: Any, data: int, axis: int, sizes: list[int], *, first: bool
) -> list[str]:
    wishes = [f"{made.graph.name(output)}_part" for output in operator.outputs]
    inputs = [made.read(data, first=first), made.writer.constant(np.array(sizes, np.int64), "sizes")]
    return made.writer.add_many("Split", inputs, wishes, axis=axis)


def blocks(kind: str) -> Any:
    """Give the function that writes "SpaceToDepth" or "DepthToSpace", whose blocks lie outside of the channels."""

    def write(made: Translation, operator: Any) -> None:
        output, side = operator.outputs[0], int(operator.builtinOptions.blockSize)
        given = made.read(operator.inputs[0], first=True)
        name = made.writer.add(kind, [given], f"{made.graph.name(output)}_blocks", blocksize=side)
        made.give(output, name, first=True)

    return write


def tile(made: Translation, operator: Any) -> None:
    """Write TILE."""
    output = operator.outputs[0]
    times = made.writer.constant(made.numbers(operator.inputs[1]).astype(np.int64), "times")
    name = made.writer.add("Tile", [made.read(operator.inputs[0]), times], f"{made.graph.name(output)}_tiled")
    made.give(output, name)


def broadcast(made: Translation, operator: Any) -> None:
    """Write BROADCAST_TO."""
    output = operator.outputs[0]
    shape = made.writer.constant(np.array(made.shape(output), np.int64), "shape")
    name = made.writer.add(
        "Expand", [made.read(operator.inputs[0]), shape], f"{made.graph.name(output)}_wide"
    )
    made.give(output, name)


def mirror_pad(made: Translation, operator: Any) -> None:
    """Write MIRROR_PAD that leaves the edge itself out.

    Raises:
        PassError: it repeats the edge.
    """
    if operator.builtinOptions.mode:
        raise PassError("a MIRROR_PAD that repeats the edge has no form in ONNX.")
    sides = made.numbers(operator.inputs[1]).astype(np.int64)  # (axes, 2)
    inputs = [made.read(operator.inputs[0]), made.writer.constant(sides.T.reshape(-1), "pads")]
    wish = f"{made.graph.name(operator.outputs[0])}_mirrored"
    made.give(operator.outputs[0], made.writer.add("Pad", inputs, wish, mode="reflect"))
