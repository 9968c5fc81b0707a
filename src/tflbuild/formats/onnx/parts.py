"""Parts that an output of an ONNX file, or of a program of PyTorch, is joined of.

Of maps they are told by the layers that make them, since few ONNX files tell shapes within; of rows, by their shapes.
"""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.formats.onnx.view import View
from tflbuild.formats.tflite.graph import Operator

Shape = tuple[int, ...]

LAYER = "CONV_2D"

KEEPING = ("LOGISTIC", "SOFTMAX", "RELU", "RESHAPE")
"""Operators behind which there are as many channels; transpositions are among what is called RESHAPE."""

DEEPEST = 8


def parts_of(view: View, outputs: Mapping[str, str]) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Give, of each output that is joined of several tensors, the axis, and how much of it each takes.

    Args:
        view: of the file.
        outputs: the names of tensors, by the names of the outputs.
    """
    found = {}
    for name, tensor in outputs.items():
        maker, sides = view.maker(view.numbers[tensor]), view.spec(view.numbers[tensor]).shape
        if maker is None or maker.kind != "CONCATENATION" or len(maker.inputs) < 2:
            continue
        parts = _of_map(view, maker, sides) if len(sides) == 4 else _of_rows(view, maker, sides)
        if parts:
            found[name] = parts
    return found


def _of_map(view: View, maker: Operator, sides: Shape) -> tuple[int, Shape] | None:
    """Read what a map takes of each part along its channels, which come last in the `.tflite`."""
    joined = tuple(_channels(view, index) for index in maker.inputs)
    return (len(sides) - 1, joined) if all(joined) and sum(joined) == sides[-1] else None


def _of_rows(view: View, maker: Operator, sides: Shape) -> tuple[int, Shape] | None:
    """Read it off the shapes of the parts, which are those of the output but for one side."""
    shapes = [view.spec(index).shape for index in maker.inputs if index >= 0]
    if len(shapes) != len(maker.inputs) or any(len(shape) != len(sides) for shape in shapes):
        return None
    for axis in range(len(sides)):
        joined = tuple(shape[axis] for shape in shapes)
        others = all(shape[:axis] + shape[axis + 1 :] == sides[:axis] + sides[axis + 1 :] for shape in shapes)
        if others and min(joined) > 0 and sum(joined) == sides[axis]:
            return axis, joined
    return None


def _channels(view: View, index: int) -> int:
    """Count the channels of a tensor by the layer that they come from; 0 where that does not show."""
    for _ in range(DEEPEST):
        maker = view.maker(index) if index >= 0 else None
        if maker is None:
            return 0
        if maker.kind == LAYER and len(maker.inputs) > 1:
            weights = view.spec(maker.inputs[1]).shape
            return weights[0] if len(weights) == 4 else 0
        if maker.kind not in KEEPING:
            return 0
        index = maker.inputs[0]
    return 0
