"""Learned rounding, against LiteRT's own arithmetic, a search over every rounding, and finite differences."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from tflbuild.backends import flatbuffer
from tflbuild.backends.assemble import Step, Tensors, assemble
from tflbuild.backends.graph import Graph
from tflbuild.backends.kernels import kernels
from tflbuild.backends.quantization import quantizer
from tflbuild.backends.quantization.grid import grid_of, off_grid
from tflbuild.backends.quantization.observation import Executable, exposed
from tflbuild.backends.quantization.patches import shape_of
from tflbuild.backends.quantization.rounding import check_rounded, learned_rounding
from tflbuild.backends.quantization.soft_rounding import Problem, learn
from tflbuild.core.errors import BrokenPromise, PassError

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")

RNG = np.random.default_rng(0)


def one_layer(kind: str, weights: tuple[int, ...], entry: tuple[int, ...], **options: Any) -> bytes:
    """Give a float model of one layer with random weights and bias, and without an activation."""
    made: Any = {
        "CONV_2D": schema.Conv2DOptionsT,
        "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptionsT,
        "FULLY_CONNECTED": schema.FullyConnectedOptionsT,
    }[kind]()
    usual = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": 0}
    for name, value in (usual | options).items():
        setattr(made, name, value)
    code = getattr(schema.BuiltinOperator, kind)
    union = getattr(schema.BuiltinOptions, type(made).__name__.removesuffix("T"))
    channels = weights[-1] if kind == "DEPTHWISE_CONV_2D" else weights[0]
    tensors: Tensors = {
        "image": entry,
        "weights": RNG.normal(size=weights).astype(np.float32),
        "bias": RNG.normal(size=channels).astype(np.float32),
        "output": (1, channels),
    }
    step = Step(code, ["image", "weights", "bias"], ["output"], union, made)
    return assemble(tensors, [step], ["image"], ["output"])


LAYERS = [
    ("CONV_2D", (5, 3, 3, 3), (1, 9, 7, 3), {"strideH": 2, "strideW": 2}),
    ("CONV_2D", (5, 3, 2, 3), (1, 9, 8, 3), {"padding": 1, "strideW": 2}),
    ("CONV_2D", (4, 3, 3, 2), (1, 9, 9, 2), {"dilationHFactor": 2, "dilationWFactor": 3}),
    ("CONV_2D", (6, 1, 1, 2), (1, 4, 4, 4), {}),
    ("DEPTHWISE_CONV_2D", (1, 3, 3, 6), (1, 8, 8, 3), {"depthMultiplier": 2, "strideH": 2, "strideW": 2}),
    ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), (1, 7, 7, 4), {"depthMultiplier": 1}),
    ("FULLY_CONNECTED", (3, 48), (1, 4, 4, 3), {}),
]


@pytest.mark.parametrize(("kind", "weights", "entry", "options"), LAYERS, ids=lambda value: str(value))
def test_a_layer_is_a_product_of_matrices(
    kind: str, weights: tuple[int, ...], entry: tuple[int, ...], options: dict[str, int]
) -> None:
    content = one_layer(kind, weights, entry, **options)
    image = RNG.normal(size=entry[1:]).astype(np.float32)
    (wanted,) = Executable(content).run(image)
    graph = Graph(flatbuffer.unpack(content))
    (operator,) = graph.operators
    shape, values = shape_of(graph, operator), graph.constant(operator.inputs[1])
    assert values is not None
    plane = wanted.reshape(-1, wanted.shape[-1])
    places = RNG.permutation(len(plane))[:10]
    product = shape.rows(image, places) @ shape.to_matrices(values)
    bias = graph.constant(operator.inputs[2])
    assert product + shape.columns(np.asarray(bias)[None]) == pytest.approx(
        shape.columns(plane[places]), abs=1e-4
    )
    assert np.array_equal(shape.from_matrices(shape.to_matrices(values)), values)


def correlated(groups: int, rows: int, taps: int, channels: int, most: int = 7) -> Problem:
    """Give a layer whose inputs go together, so that rounding each weight by itself is far from best."""
    rng = np.random.default_rng(1)
    common = rng.normal(1.0, 0.3, (groups, rows, 1))
    inputs = (common + 0.1 * rng.normal(size=(groups, rows, taps))).astype(np.float32)
    ratios = rng.uniform(-most + 1, most - 1, (groups, taps, channels)).astype(np.float32)
    scales = np.full((groups, 1, channels), 0.1, np.float32)
    bias = 2 - (inputs @ (ratios * scales)).mean(axis=1, keepdims=True)
    outputs = (inputs @ (ratios * scales) + bias).clip(0.0, 6.0)
    return Problem(
        inputs=inputs,
        targets=outputs,
        ratios=ratios,
        scales=scales,
        bias=bias,
        low=0.0,
        high=6.0,
        most=most,
    )


def test_learned_rounding_comes_near_the_best_of_every_rounding() -> None:
    problem = correlated(1, 512, 10, 1)
    below = np.floor(problem.ratios)
    every = [
        problem.error(below + np.array(up, np.float32).reshape(1, 10, 1))
        for up in itertools.product((0, 1), repeat=10)
    ]
    learned = problem.error(learn(problem, 600))
    assert learned <= 1.5 * min(every)
    assert learned < 0.1 * problem.error(problem.nearest), "nearest is the hundredth best or so"
    assert sum(found < learned for found in every) <= 5, "of 1024"


def test_the_slope_is_that_of_the_error() -> None:
    problem = replace(correlated(2, 40, 3, 2), low=2.0)
    assert 0.2 < np.mean(problem.targets > problem.low) < 0.8, "the activation cuts some of them off"
    levels = problem.ratios + 0.3
    slope, step = problem.slope(levels, slice(None)), 1e-2
    for place in itertools.product(range(2), range(3), range(2)):
        moved = np.zeros_like(levels)
        moved[place] = step
        difference = problem.error(levels + moved) - problem.error(levels - moved)
        assert 2 * slope[place] == pytest.approx(difference / (2 * step), rel=0.05, abs=1e-4)


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_weights_on_a_level_stay_and_all_others_go_to_a_neighbour(shift: float) -> None:
    problem = correlated(1, 512, 12, 3)
    problem.ratios[0, :4, 0] = (
        6.99999,
        -6.99999,
        0.0,
        3.00001,
    )  # as float32 leaves what is divided by its scale
    problem.targets[:] += shift  # so that every weight would rather go to one side
    levels = learn(problem, 300)
    assert levels[0, :4, 0].tolist() == [7.0, -7.0, 0.0, 3.0]
    assert np.all(np.abs(levels - problem.ratios) < 1)
    assert np.array_equal(levels, np.rint(levels))


def noise(count: int) -> list[Any]:
    """Give images whose neighbouring pixels go together."""
    rng = np.random.default_rng(2)
    small = rng.uniform(-1, 1, (count, 2, 2, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return list((small + 0.1 * rng.normal(size=small.shape)).astype(np.float32))


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_quantization_finds_the_grid_again_and_the_output_comes_nearer(
    tmp_path: Path, granularity: Any
) -> None:
    content = small_network.convolutional()
    images = noise(160)
    made, layers = learned_rounding(content, images[:120], bits=4, granularity=granularity, steps=200)
    check_rounded(content, made, 4, granularity)
    assert [(layer.operator, layer.bits) for layer in layers] == [
        ("CONV_2D", 4),
        ("DEPTHWISE_CONV_2D", 8),
        ("FULLY_CONNECTED", 4),
    ]
    assert error(content, made, images[120:]) < 0.8 * error(
        content, nearest(content, granularity), images[120:]
    )


def test_what_is_rounded_is_what_the_int8_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "rounded.tflite"
    path.write_bytes(learned_rounding(small_network.convolutional(), noise(20), steps=50)[0])
    floats = {kernel.name: kernel.values for kernel in kernels(path)}
    made = tmp_path / "int8.tflite"
    made.write_bytes(
        quantizer.quantize(path, "int8", small_network.ranges(), float_input=False, float_output=True)
    )
    for kernel in kernels(made):
        assert kernel.dequantized() == pytest.approx(floats[kernel.name], rel=1e-5, abs=1e-7)


def error(content: bytes, other: bytes, images: list[Any]) -> float:
    logits = [Executable(exposed(model, ["head/BiasAdd"])) for model in (content, other)]
    pairs = [[model.run(image)[0] for model in logits] for image in images]
    return float(np.mean([np.abs(a - b).mean() for a, b in pairs]))


def nearest(content: bytes, granularity: Any) -> bytes:
    """Round every weight by itself, with a grid derived by hand."""
    model = flatbuffer.unpack(content)
    graph = Graph(model)
    for operator in graph.weighted():
        kind, weights = graph.kind(operator), graph.constant(operator.inputs[1])
        assert weights is not None
        axes = (0, 1, 2) if kind == "DEPTHWISE_CONV_2D" else tuple(range(1, weights.ndim))
        size = np.abs(weights).max(axis=None if granularity == "tensor" else axes, keepdims=True)
        scale = size / (127 if kind == "DEPTHWISE_CONV_2D" else 7)
        graph.set_input(operator, 1, (np.rint(weights / scale) * scale).astype(np.float32))
    return flatbuffer.pack(model)


def test_pruned_weights_stay_zero() -> None:
    weights = small_network.constants()["stem/Conv2D"]
    weights[np.abs(weights) < 0.2] = 0
    made, _ = learned_rounding(
        small_network.convolutional({"stem/Conv2D": weights}), noise(20), bits=4, steps=50
    )
    graph = Graph(flatbuffer.unpack(made))
    found = graph.constant(graph.operators[0].inputs[1])
    assert found is not None
    assert np.all(found[weights == 0] == 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w * np.float32(1.01), "its scale would be another"),
        (lambda w: w + np.float32(1e-3) * (np.abs(w) != np.abs(w).max()), "lie between two levels of 8 bits"),
    ],
    ids=["scaled", "off the grid"],
)
def test_a_file_that_is_not_on_its_grid_is_noticed(change: Any, message: str) -> None:
    content = small_network.convolutional()
    model = flatbuffer.unpack(learned_rounding(content, noise(4), granularity="tensor", steps=5)[0])
    graph = Graph(model)
    weights = graph.constant(graph.operators[0].inputs[1])
    graph.set_input(graph.operators[0], 1, change(weights))
    with pytest.raises(BrokenPromise, match=f"CONV_2D 'stem/Relu': .*{message}"):
        check_rounded(content, flatbuffer.pack(model), 8, "tensor")


def test_the_grid_is_that_of_the_largest_weight() -> None:
    weights = np.array([[0.5, -1.27], [0.0, 0.0]], np.float32)
    grid = grid_of("FULLY_CONNECTED", weights, 8, "channel")
    assert grid.scales == pytest.approx([0.01, 1e-9 / 127])
    assert grid.ratios(weights)[0] == pytest.approx([50, -127])
    assert off_grid(grid, weights) == 0
    assert off_grid(grid, weights + np.array([[0.005], [0.0]], np.float32)) == 2


def test_a_quantized_model_cannot_be_rounded(tmp_path: Path) -> None:
    content = small_network.quantized(tmp_path).read_bytes()
    with pytest.raises(PassError, match="comes before 'quantize'"):
        learned_rounding(content, noise(2))
