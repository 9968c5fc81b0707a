"""What conversion from channels first leaves in a graph: late activations, wide paddings, transpositions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.last_transposes import without_last_transposes
from tflbuild.tflite.late_activations import fuse_activations
from tflbuild.tflite.paddings import use_pad

OPERATOR = schema.BuiltinOperator
SHAPE = (1, 6, 5, 4)
TURNED = (1, 4, 6, 5)


def conv(given: str, made: str, activation: int = 0) -> Step:
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = activation
    return Step(
        OPERATOR.CONV_2D, [given, "kernel", "bias"], [made], schema.BuiltinOptions.Conv2DOptions, options
    )


def move(given: str, made: str) -> Step:
    kind, options = schema.BuiltinOptions.TransposeOptions, schema.TransposeOptionsT()
    return Step(OPERATOR.TRANSPOSE, [given, "perm"], [made], kind, options)


def one(kind: str, given: str, made: str) -> Step:
    return Step(getattr(OPERATOR, kind), [given], [made])


def graph(tensors: Tensors, steps: list[Step], *outputs: str) -> Graph:
    rng = np.random.default_rng(2)
    known: Tensors = {
        "image": (1, 6, 5, 3),
        "kernel": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "bias": rng.normal(size=4).astype(np.float32),
        "perm": np.array([0, 3, 1, 2], np.int32),
        "seen": SHAPE,
        **tensors,
    }
    made = Graph.unpacked(assemble(known, steps, ["image"], list(outputs)))
    made.model.signatureDefs = None
    return made


def run(found: Graph, folder: Path) -> list[Any]:
    path = folder / "graph.tflite"
    path.write_bytes(found.packed())
    image = np.random.default_rng(0).normal(size=(1, 6, 5, 3)).astype(np.float32)
    loaded = Loaded(path, kernels="reference")
    return list(loaded.run({"image": image}).values())


def kinds(found: Graph) -> list[str]:
    return [found.kind(operator) for operator in found.operators]


@pytest.mark.parametrize("kind", ["RELU", "RELU6"])
def test_an_activation_behind_a_transposition_goes_into_its_layer(kind: str, tmp_path: Path) -> None:
    steps = [
        conv("image", "seen"),
        move("seen", "turned"),
        one(kind, "turned", "end"),
        one("TANH", "end", "out"),
    ]
    found = graph({"turned": TURNED, "end": TURNED, "out": TURNED}, steps, "out")
    (before,) = run(found, tmp_path)
    assert fuse_activations(found) == ["end"]
    assert kinds(found) == ["CONV_2D", "TRANSPOSE", "TANH"]
    found.reindex()
    (after,) = run(found, tmp_path)
    assert (before == after).all()


def test_an_activation_stays_where_its_numbers_are_read_without_it_too(tmp_path: Path) -> None:
    steps = [
        conv("image", "seen"),
        one("RELU", "seen", "end"),
        one("TANH", "end", "out"),
        one("ABS", "seen", "raw"),
    ]
    found = graph({"end": SHAPE, "out": SHAPE, "raw": SHAPE}, steps, "out", "raw")
    assert fuse_activations(found) == []
    busy = [
        conv("image", "seen", schema.ActivationFunctionType.RELU),
        one("RELU6", "seen", "end"),
        one("TANH", "end", "out"),
    ]
    assert fuse_activations(graph({"end": SHAPE, "out": SHAPE}, busy, "out")) == []
    last = [conv("image", "seen"), one("RELU", "seen", "out")]
    assert fuse_activations(graph({"out": SHAPE}, last, "out")) == [], "it makes an output of the model"


def test_outputs_get_their_channels_last(tmp_path: Path) -> None:
    steps = [
        conv("image", "seen"),
        move("seen", "turned"),
        one("LOGISTIC", "turned", "left"),
        one("RELU", "turned", "right"),
    ]
    found = graph({"turned": TURNED, "left": TURNED, "right": TURNED}, steps, "left", "right", "turned")
    before = run(found, tmp_path)
    assert set(without_last_transposes(found)) == {"left", "right", "turned"}
    found.reindex()
    assert kinds(found) == ["CONV_2D", "LOGISTIC", "RELU"]
    ends = {one["name"]: one["shape"] for one in flatbuffer.signature_of(found.model)["outputs"]}
    assert ends == {name: list(SHAPE) for name in ("left", "right", "turned")}
    for one_before, one_after in zip(before, run(found, tmp_path), strict=True):
        assert (one_before.transpose(0, 2, 3, 1) == one_after).all()


def test_a_transposition_that_more_than_single_numbers_depend_on_stays(tmp_path: Path) -> None:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    softmax = Step(OPERATOR.SOFTMAX, ["turned"], ["out"], schema.BuiltinOptions.SoftmaxOptions, options)
    found = graph(
        {"turned": TURNED, "out": TURNED}, [conv("image", "seen"), move("seen", "turned"), softmax], "out"
    )
    assert without_last_transposes(found) == []
    assert kinds(found) == ["CONV_2D", "TRANSPOSE", "SOFTMAX"]


def padded(value: float, activation: int, behind: str = "MAX_POOL_2D") -> Graph:
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideH, pool.strideW = schema.Padding.VALID, 1, 1
    pool.filterHeight = pool.filterWidth = 3
    kind, options = schema.BuiltinOptions.PadV2Options, schema.PadV2OptionsT()
    steps = [
        conv("image", "seen", activation),
        Step(OPERATOR.PADV2, ["seen", "sides", "value"], ["wide"], kind, options),
        Step(getattr(OPERATOR, behind), ["wide"], ["out"], schema.BuiltinOptions.Pool2DOptions, pool),
    ]
    sides = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    tensors: Tensors = {
        "sides": sides,
        "value": np.array([value], np.float32),
        "wide": (1, 8, 7, 4),
        "out": SHAPE,
    }
    return graph(tensors, steps, "out")


RELU = schema.ActivationFunctionType.RELU
LOWEST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize(
    ("value", "activation", "behind", "replaced"),
    [
        (0.0, 0, "AVERAGE_POOL_2D", True),
        (LOWEST, RELU, "MAX_POOL_2D", True),
        (LOWEST, 0, "MAX_POOL_2D", False),
        (LOWEST, RELU, "AVERAGE_POOL_2D", False),
        (1.0, RELU, "MAX_POOL_2D", False),
    ],
)
def test_a_padding_becomes_one_of_zeros_where_that_computes_the_same(
    value: float, activation: int, behind: str, replaced: bool, tmp_path: Path
) -> None:
    found = padded(value, activation, behind)
    (before,) = run(found, tmp_path)
    assert use_pad(found) == (["wide"] if replaced else [])
    assert kinds(found)[1] == ("PAD" if replaced else "PADV2")
    found.reindex()
    (after,) = run(found, tmp_path)
    assert (before == after).all()
