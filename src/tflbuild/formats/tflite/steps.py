"""The steps in which a quantized file gives its outputs, also where it turns them into floats at the end."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.formats.tflite.graph import Graph

QUANTIZED = ("int8", "uint8", "int16")


def steps_of(graph: Graph, names: Sequence[str]) -> dict[str, float]:
    """Give the step of each output that has one: the difference of two neighbouring numbers that it can give.

    Args:
        graph: of the file.
        names: of its outputs, in order.
    """
    found = {}
    for name, index in zip(names, graph.outputs, strict=True):
        maker = graph.maker(index)
        last = maker.inputs[0] if maker is not None and maker.kind == "DEQUANTIZE" else index
        spec = graph.spec(last)
        if spec.dtype in QUANTIZED and spec.scale:
            found[name] = float(spec.scale)
    return found
