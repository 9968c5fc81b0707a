"""Parts that an output of an ONNX file is joined of, by the layers that make them: few files tell shapes within."""

from __future__ import annotations

from collections.abc import Iterable

from tflbuild.formats.onnx.view import View

LAYER = "CONV_2D"

KEEPING = ("LOGISTIC", "SOFTMAX", "RELU", "RESHAPE")
"""Operators behind which there are as many channels; transpositions are among what is called RESHAPE."""

DEEPEST = 8


def parts_of(view: View, names: Iterable[str]) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Give, of each map that is joined along its channels, the axis, which is the last, and how much each part takes.

    Args:
        view: of the file.
        names: of its outputs.
    """
    found = {}
    for name in names:
        maker, sides = view.maker(view.numbers[name]), view.spec(view.numbers[name]).shape
        if maker is None or maker.kind != "CONCATENATION" or len(sides) != 4 or len(maker.inputs) < 2:
            continue
        joined = tuple(_channels(view, index) for index in maker.inputs)
        if all(joined) and sum(joined) == sides[-1]:
            found[name] = (len(sides) - 1, joined)
    return found


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
