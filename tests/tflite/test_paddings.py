"""PADV2 in front of maxima, which onnx2tf writes: what becomes of it computes the same."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.quantization.observation import Executable
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.paddings import use_pad

LOWEST = float(np.finfo(np.float32).min)


def padded(value: float, *, rectified: bool = True, pooled: bool = True, pad: int = 1) -> bytes:
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideH, pool.strideW, pool.filterHeight, pool.filterWidth = 1, 2, 2, 3, 3
    side = 8 + 2 * pad
    tensors = {
        "x": (1, 8, 8, 2),
        "r": (1, 8, 8, 2),
        "pads": np.array([[0, 0], [pad, pad], [pad, pad], [0, 0]], np.int32),
        "value": np.array([value], np.float32),
        "p": (1, side, side, 2),
        "y": (1, (side - 3) // 2 + 1, (side - 3) // 2 + 1, 2),
    }
    kinds = schema.BuiltinOperator
    steps = [
        Step(kinds.RELU if rectified else kinds.TANH, ["x"], ["r"]),
        Step(
            kinds.PADV2,
            ["r", "pads", "value"],
            ["p"],
            schema.BuiltinOptions.PadV2Options,
            schema.PadV2OptionsT(),
        ),
    ]
    if pooled:
        steps.append(Step(kinds.MAX_POOL_2D, ["p"], ["y"], schema.BuiltinOptions.Pool2DOptions, pool))
    return assemble(tensors, steps, ["x"], ["y" if pooled else "p"])


@pytest.mark.parametrize("content", [padded(LOWEST), padded(0.0), padded(0.0, rectified=False, pooled=False)])
def test_zeros_do_as_well_and_give_the_same(content: bytes) -> None:
    graph = Graph.unpacked(content)
    names = use_pad(graph)
    changed = graph.packed()
    assert names == ["p"]
    assert "PAD" in {graph.kind(one) for one in graph.operators}
    rng = np.random.default_rng(1)
    for _ in range(4):
        sample = {"x": rng.normal(size=(8, 8, 2)).astype(np.float32)}
        assert np.array_equal(Executable(content).run(sample)[0], Executable(changed).run(sample)[0])


@pytest.mark.parametrize(
    "content",
    [
        padded(LOWEST, rectified=False),  # all values of a window may be negative
        padded(LOWEST, pooled=False),
        padded(-1.0),
        padded(LOWEST, pad=3),  # a window of nothing but padding
    ],
)
def test_other_values_stay(content: bytes) -> None:
    graph = Graph.unpacked(content)
    assert use_pad(graph) == []
    assert graph.packed() == Graph.unpacked(content).packed()
