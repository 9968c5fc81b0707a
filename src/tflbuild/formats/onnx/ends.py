"""The inputs and outputs of an ONNX file, as those of the `.tflite` that is made of it: one sample, channels last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats.onnx.graph import OPEN, Node, Read

CHANNELS = (1, 3)
"""Numbers of channels of a picture."""

BEFORE = ("Pad", "Cast", "Identity", "Mul", "Div", "Add", "Sub", "Resize", "Clip")
"""Operators that leave the order of axes as it is."""

CONVOLUTIONS = ("Conv", "MaxPool", "AveragePool", "BatchNormalization")
"""Operators whose channels come first, always."""

TO_FIRST = (0, 3, 1, 2)
"""Permutation from channels last to channels first."""


class Ends(NamedTuple):
    """Inputs and outputs.

    Attributes:
        given: the inputs' shapes as the file lays them out, with every side fixed.
        signature: of the `.tflite`.
        first: inputs whose channels come first in the file, with what shows it.
        last: inputs of four axes whose channels come last in the file, with what shows it.
    """

    given: Mapping[str, tuple[int, ...]]
    signature: Signature
    first: Mapping[str, str]
    last: Mapping[str, str]


def ends_of(read: Read, said: str, shape: tuple[int, ...] = ()) -> Ends:
    """Fix every side of the inputs, and say how the `.tflite` will lay them out.

    Args:
        read: the file.
        said: the file, as a sentence names it.
        shape: of the one input, in the file's own order of axes, as the recipe says it; () for nothing.

    Raises:
        RecipeError: a side is open, or the batch is not one sample.
        ValueError: `shape` does not fit; "shape: ...".
    """
    if shape and len(read.inputs) != 1:
        raise ValueError(
            f"shape: {said} has {len(read.inputs)} inputs, but shape is for a single input; leave it out"
        )
    specs = {name: _fixed(name, spec, said, shape) for name, spec in read.inputs.items()}
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for name, spec in specs.items():
        if len(spec.shape) == 4:
            channels_first, evidence = _order(read, name, spec)
            (first if channels_first else last)[name] = evidence
    inputs = {
        name: _channels_last(spec, (spec.shape[0], *spec.shape[2:], spec.shape[1])) if name in first else spec
        for name, spec in specs.items()
    }
    outputs = {name: _output(spec, turned=bool(first)) for name, spec in read.outputs.items()}
    return Ends(
        given={name: spec.shape for name, spec in specs.items()},
        signature=Signature(inputs=inputs, outputs=outputs),
        first=first,
        last=last,
    )


def _fixed(name: str, spec: TensorSpec | None, said: str, shape: tuple[int, ...]) -> TensorSpec:
    """Give an input with its batch, one sample, and every other side known."""
    known = f"the input '{plain(name, 60)}' of {said}"
    if spec is None:
        if not shape:
            raise RecipeError(
                f"model.path: {known} has no shape; set it in the file's own order, e.g. model.shape=[1,3,224,224]."
            )
        return TensorSpec(shape, "float32")
    if shape:
        fits = len(shape) == len(spec.shape) and all(
            own in (OPEN, side) for own, side in zip(spec.shape, shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"shape: {list(shape)} does not fit {known}, which is {spec.text}; open sides are '?'"
            )
        return spec._replace(shape=shape)
    batch = spec.shape[0] if spec.shape else 0
    if batch not in (OPEN, 1):
        reason = f"takes {batch} samples at a time" if batch else "has no axis for the batch"
        raise RecipeError(
            f"model.path: {known} is {spec.text}, so it {reason}; export it again for one sample at a time, or "
            f"with an open batch."
        )
    sides = (1, *spec.shape[1:])
    if OPEN in sides:
        example = ",".join("SIDE" if side == OPEN else str(side) for side in sides)
        raise RecipeError(
            f"model.path: {known} is {spec._replace(shape=sides).text}, whose sides are not fixed; set "
            f"them in the file's own order of axes: model.shape=[{example}] with a number for each SIDE."
        )
    return spec._replace(shape=sides)


def _order(read: Read, name: str, spec: TensorSpec) -> tuple[bool, str]:
    """Say whether the channels of an input of four axes come first, and what shows it."""
    reader = _reader(read, name)
    if reader is not None and reader.kind == "Transpose" and reader.numbers("perm") == TO_FIRST:
        return False, "a Transpose to channels first reads it"
    if reader is not None and reader.kind in CONVOLUTIONS:
        return True, f"{reader.kind} reads it"
    if spec.shape[3] in CHANNELS and spec.shape[1] not in CHANNELS:
        return False, f"its last side is {spec.shape[3]}"
    reason = f"its second side is {spec.shape[1]}" if spec.shape[1] in CHANNELS else "as is usual in ONNX"
    return True, reason


def _reader(read: Read, name: str) -> Node | None:
    """Give the first operator behind an input that knows the order of axes; None where several read it."""
    for _ in read.nodes:
        readers = [one for one in read.nodes if name in one.inputs]
        if len(readers) != 1 or len(readers[0].outputs) != 1:
            return None
        if readers[0].kind not in BEFORE:
            return readers[0]
        (name,) = readers[0].outputs
    return None


def _channels_last(spec: TensorSpec, shape: tuple[int, ...]) -> TensorSpec:
    return spec._replace(shape=shape)


def _output(spec: TensorSpec | None, *, turned: bool) -> TensorSpec:
    """Give an output of one sample; one of four axes has its channels last where an input's are turned so."""
    if spec is None:
        return TensorSpec((), "float32")
    shape = spec.shape
    if shape and shape[0] == OPEN:
        shape = (1, *shape[1:])
    if turned and len(shape) == 4:
        shape = (shape[0], *shape[2:], shape[1])
    return spec._replace(shape=shape)
