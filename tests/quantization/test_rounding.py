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
from conv_network import FUSED, Network
from on_bytes import check_rounded, exposed, learned_rounding, quantize
from samples import Samples, samples
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.quantization import rounding
from tflbuild.quantization.grid import grid_of, off_grid
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.patches import shape_of
from tflbuild.quantization.soft_rounding import Problem, learn
from tflbuild.quantization.stepwise import Stepwise
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.weights import weights_in

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
    (wanted,) = Executable(content).run({"image": image})
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


def noise(count: int) -> Samples:
    """Give images whose neighbouring pixels go together."""
    rng = np.random.default_rng(2)
    small = rng.uniform(-1, 1, (count, 2, 2, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return samples((small + 0.1 * rng.normal(size=small.shape)).astype(np.float32))


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
    floats = {kernel.name: kernel.values for kernel in weights_in(path)}
    made = tmp_path / "int8.tflite"
    made.write_bytes(quantize(path, "int8", small_network.ranges(), float_input=False, float_output=True))
    for kernel in weights_in(made):
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


def dense_layer(weights: Any, bias: Any, fused: int = 0) -> bytes:
    """Give a float model of one dense layer on a (2, 2, 3) image."""
    made = schema.FullyConnectedOptionsT()
    made.fusedActivationFunction = fused
    tensors: Tensors = {
        "image": (1, 2, 2, 3),
        "weights": np.asarray(weights, np.float32),
        "bias": np.asarray(bias, np.float32),
        "output": (1, len(weights)),
    }
    options = schema.BuiltinOptions.FullyConnectedOptions
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    step = Step(dense, ["image", "weights", "bias"], ["output"], options, made)
    return assemble(tensors, [step], ["image"], ["output"])


WEIGHTS = np.random.default_rng(4).normal(size=(3, 12)).astype(np.float32)
DENSE = dense_layer(WEIGHTS, [0.1, -0.2, 0.3])
SMALL = list(np.random.default_rng(6).normal(size=(40, 2, 2, 3)).astype(np.float32))


def rows_of(problem: Problem) -> set[tuple[float, ...]]:
    return {tuple(row) for row in problem.inputs[0].tolist()}


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """What is learned from, while nearest rounding is given back."""
    found: list[Problem] = []

    def learn(problem: Problem, steps: int) -> Any:
        found.append(problem)
        return problem.nearest

    monkeypatch.setattr(rounding, "learn", learn)
    return found


def test_nothing_is_learned_from_the_rows_that_rounding_is_judged_on(
    studied: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[Problem] = []
    error = Problem.error

    def watched(self: Problem, levels: Any) -> float:
        judged.append(self)
        return error(self, levels)

    monkeypatch.setattr(Problem, "error", watched)
    _, (layer,) = learned_rounding(DENSE, samples(SMALL), bits=4)
    one, other = judged
    assert rows_of(one) == rows_of(other), "both ways to round are compared on the same rows"
    assert rows_of(one).isdisjoint(rows_of(studied[0]))
    assert rows_of(one) | rows_of(studied[0]) == {tuple(image.ravel().tolist()) for image in SMALL}
    assert (len(rows_of(one)), len(rows_of(studied[0]))) == (5, 35), "an eighth of 40"
    assert layer.nearest_error == layer.learned_error == pytest.approx(by_numpy(rows_of(one)), rel=1e-4)


def by_numpy(rows: Any) -> float:
    """Give the mean squared error of the dense layer with nearest rounding to 4 bits, summed over its outputs."""
    scale = np.abs(WEIGHTS).max(axis=1, keepdims=True) / 7
    rounded = np.rint(WEIGHTS / scale) * scale
    missed = np.array(sorted(rows)) @ (rounded - WEIGHTS).T
    return float(np.square(missed).sum(axis=1).mean())


@pytest.mark.parametrize("better", [True, False])
def test_learned_rounding_is_kept_only_where_it_is_better_on_rows_that_it_was_not_learned_from(
    monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    """With pixels of about 1 errors of weights add up, so that one at its other level can make up for the rest."""
    images = samples(np.float32(1) + image / 1000 for image in SMALL)
    scale = np.abs(WEIGHTS).max(axis=1, keepdims=True) / 7
    nearest = np.rint(WEIGHTS / scale)
    missed = (nearest - WEIGHTS / scale).sum(axis=1)
    row = int(np.abs(missed).argmax())
    assert abs(missed[row]) > 0.6, "so that a whole level makes it less"
    place = int(np.abs(nearest[row]).argmin())
    other = nearest.copy()
    other[row, place] -= np.sign(missed[row]) * (1 if better else -1)
    monkeypatch.setattr(rounding, "learn", lambda problem, steps: other.T[None].astype(np.float32))
    made, (layer,) = learned_rounding(DENSE, images, bits=4)
    graph = Graph(flatbuffer.unpack(made))
    found, kept = graph.constant(graph.operators[0].inputs[1]), other if better else nearest
    np.testing.assert_allclose(found, kept * scale, rtol=1e-5)  # type: ignore[arg-type]
    assert layer.nearest_error is not None
    assert layer.learned_error is not None
    assert (layer.learned_error < layer.nearest_error) == better
    assert (layer.turned, layer.weights, layer.reason) == (int(better), 36, "")


def test_what_is_no_better_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight of a pixel that is always 0 may be at any level."""

    def learn(problem: Problem, steps: int) -> Any:
        levels = problem.nearest.copy()
        levels[0, 0, 0] += 1
        return levels

    monkeypatch.setattr(rounding, "learn", learn)
    _, (layer,) = learned_rounding(
        DENSE, samples(image * (np.arange(12) > 0).reshape(2, 2, 3) for image in SMALL), bits=4
    )
    assert (layer.turned, layer.learned_error) == (0, layer.nearest_error)


def test_one_row_is_held_out_at_least(studied: list[Problem]) -> None:
    learned_rounding(DENSE, samples(SMALL)[:3])
    assert studied[0].inputs.shape == (1, 2, 12)


def test_a_layer_reads_what_the_rounded_ones_leave_and_is_held_to_the_float_model(
    studied: list[Problem],
) -> None:
    """Two layers in a row: the second's inputs are the rounded first one's outputs, its targets the float model's."""
    network = Network(channels=2, seed=1)
    network.conv("one", "image", 3, fused=FUSED.NONE)
    network.conv("two", "one", 2, fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(3)
    told: list[tuple[float, float]] = []
    made, layers = learned_rounding(
        content, images, bits=4, progress=lambda done, total: told.append((done, total))
    )
    rounded = np.concatenate(
        [Executable(exposed(made, ["one"])).run(image)[0].reshape(-1, 3) for image in images]
    )
    exact = np.concatenate([Executable(content).run(image)[0].reshape(-1, 2) for image in images])
    places = [int(np.abs(rounded - row).sum(axis=1).argmin()) for row in studied[1].inputs[0]]
    np.testing.assert_allclose(studied[1].inputs[0], rounded[places], atol=1e-5)
    np.testing.assert_allclose(studied[1].targets[0], exact[places], atol=1e-5)
    assert len(set(places)) == len(places) == 108 - 14, (
        "an eighth of three images of 6 x 6 places is held out"
    )
    assert [layer.layer for layer in layers] == ["one", "two"]
    assert told == [(1, 2), (2, 2)]


def test_at_most_4096_places_are_looked_at_and_as_many_of_each_image(studied: list[Problem]) -> None:
    content = one_layer("CONV_2D", (2, 1, 1, 1), (1, 50, 50, 1))
    images = samples(np.full((50, 50, 1), number, np.float32) for number in range(3))
    learned_rounding(content, images)
    # 4096 / 3 rounded up are 1366 of each; an eighth of 4098 is 512
    assert studied[0].inputs.shape == (1, 4098 - 512, 1)
    counts = np.unique(studied[0].inputs, return_counts=True)[1]
    assert np.all(np.abs(counts - 1366 * 7 / 8) < 100), (
        "the order is random, so what is held out is of all images"
    )


def test_the_seed_chooses_the_places(studied: list[Problem]) -> None:
    content = one_layer("CONV_2D", (2, 1, 1, 1), (1, 70, 70, 1))
    images = samples([RNG.normal(size=(70, 70, 1)).astype(np.float32)])
    for seed in (0, 1, 0):
        learned_rounding(content, images, seed=seed)
    first, second, again = (rows_of(problem) for problem in studied)
    assert first == again != second


@pytest.mark.parametrize(
    ("fused", "low", "high"), [(0, -np.inf, np.inf), (1, 0.0, np.inf), (2, -1.0, 1.0), (3, 0.0, 6.0)]
)  # by schema.fbs: NONE, RELU, RELU_N1_TO_1, RELU6
def test_the_layers_activation_is_part_of_the_problem(
    studied: list[Problem], fused: int, low: float, high: float
) -> None:
    learned_rounding(dense_layer(WEIGHTS * 4, [0.0] * 3, fused), samples(SMALL))
    (problem,) = studied
    assert (problem.low, problem.high, problem.most) == (low, high, 127)
    assert (problem.targets.min() >= low, problem.targets.max() <= high) == (True, True)


def test_a_layer_whose_activation_bends_is_left_as_it_is(studied: list[Problem]) -> None:
    with pytest.raises(PassError, match="no layer has float weights to round"):
        learned_rounding(dense_layer(WEIGHTS, [0.0] * 3, fused=4), samples(SMALL))  # 4: TANH, by schema.fbs


def test_the_steps_of_the_optimizer_are_those_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(rounding, "learn", lambda problem, steps: asked.append(steps) or problem.nearest)
    learned_rounding(DENSE, samples(SMALL), steps=7)
    learned_rounding(DENSE, samples(SMALL))
    assert asked == [7, 500]


def test_errors_that_are_no_numbers_keep_nearest_rounding_with_the_reason(studied: list[Problem]) -> None:
    images = samples(image * np.float32(1e32) for image in SMALL)  # 1e39 is no float32
    made, (layer,) = learned_rounding(dense_layer(WEIGHTS * 1e7, [0.0] * 3), images, bits=4)
    assert (layer.nearest_error, layer.learned_error, layer.turned, layer.weights) == (None, None, 0, 36)
    assert (layer.bits, layer.operator) == (4, "FULLY_CONNECTED")
    assert layer.reason == "its error is too large for a number"
    check_rounded(dense_layer(WEIGHTS * 1e7, [0.0] * 3), made, 4, "channel")


def test_behind_an_operator_that_does_not_run_weights_go_to_their_nearest_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Stepwise.run

    def failing(self: Stepwise, operator: Any) -> None:
        if self._graph.name(int(operator.outputs[0])) == "stem/Relu":
            raise PassError("LiteRT cannot execute it.")
        run(self, operator)

    monkeypatch.setattr(Stepwise, "run", failing)
    content = small_network.convolutional()
    made, layers = learned_rounding(content, noise(4), bits=4, steps=3)
    assert [(layer.layer, layer.bits, layer.reason) for layer in layers] == [
        ("stem/Relu", 4, ""),
        ("middle/Relu6", 8, "LiteRT cannot execute it"),
        ("head/BiasAdd", 4, "LiteRT cannot execute it"),
    ]
    head = [Graph(flatbuffer.unpack(each)) for each in (made, nearest(content, "channel"))]
    found, wanted = (graph.constant(graph.operators[-2].inputs[1]) for graph in head)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)  # type: ignore[arg-type]
    check_rounded(content, made, 4, "channel")


@pytest.mark.parametrize(
    ("place", "levels", "message"),
    [(0, 2, "is at none of its two neighbouring levels"), (1, 1, "weights that were zero are not any more")],
)
def test_a_weight_that_went_too_far_is_noticed(place: int, levels: int, message: str) -> None:
    weights = WEIGHTS.copy()
    weights[0, 1] = 0.0
    content = dense_layer(weights, [0.0] * 3)
    made, _ = learned_rounding(content, samples(SMALL), steps=1)
    graph = Graph(flatbuffer.unpack(made))
    found = graph.constant(graph.operators[0].inputs[1])
    assert found is not None
    found[0, place] += levels * np.abs(weights[0]).max() / 127
    graph.set_input(graph.operators[0], 1, found)
    with pytest.raises(BrokenPromise, match=f"^FULLY_CONNECTED 'output': .*{message}"):
        check_rounded(content, flatbuffer.pack(graph.model), 8, "channel")
    check_rounded(content, made, 8, "channel")


def test_what_nothing_reads_any_more_is_forgotten_on_the_way(
    studied: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Activations of all images at once would be more than a machine has."""
    held: list[int] = []
    run = Stepwise.run

    def watched(self: Stepwise, operator: Any) -> None:
        run(self, operator)
        held.append(len(self._values))

    monkeypatch.setattr(Stepwise, "run", watched)
    learned_rounding(small_network.convolutional(), noise(2))
    assert held == [2, 2, 2, 2, 2], "what an operator read, and what it wrote"
