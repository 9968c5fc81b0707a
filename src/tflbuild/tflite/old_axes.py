"""Mend the axis of channels that old converters wrote for biases: that of the weights, which a bias does not have."""

from __future__ import annotations

from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of


def mended_axes(graph: Graph) -> list[str]:
    """Let the scales of a tensor with one side lie along that side, where its file names an axis that is not there.

    LiteRT refuses such a file when it is loaded; LiteRT for microcontrollers takes it.

    Args:
        graph: edited in place.

    Returns:
        Names of the tensors.
    """
    names = []
    for tensor in graph.tensors:
        sides = () if tensor.shape is None else tuple(int(side) for side in tensor.shape)
        given = tensor.quantization
        if given is not None and given.quantizedDimension and sides == (len(scales_of(tensor)),):
            given.quantizedDimension = 0
            names.append(tensor.name.decode("utf-8", "replace"))
    return names
