"""A model run operator by operator, against the interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
import stateful_files
from on_bytes import exposed
from samples import Samples, samples
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.stepwise import Stepwise
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def images(count: int) -> Samples:
    rng = np.random.default_rng(0)
    return samples(rng.uniform(-1, 1, (8, 8, 3)).astype(np.float32) for _ in range(count))


def test_every_tensor_is_what_the_interpreter_gives(tmp_path: Path) -> None:
    content = small_network.quantized(tmp_path).read_bytes()
    graph = Graph(flatbuffer.unpack(content))
    under_way = Stepwise(graph, images(3))
    names = [graph.name(int(operator.outputs[0])) for operator in graph.operators]
    running = Executable(exposed(content, names))
    wanted = [running.run(image) for image in images(3)]
    for place, operator in enumerate(graph.operators):
        under_way.run(operator)
        exact = np.stack([row[place] for row in wanted])
        channels = exact.reshape(-1, exact.shape[-1])
        index = int(operator.outputs[0])
        np.testing.assert_allclose(under_way.mean(index), channels.mean(axis=0), rtol=1e-5, atol=1e-6)
        under_way.leave(operator)


def test_an_operator_that_changed_gives_something_else_to_those_behind_it(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.unpack(small_network.quantized(tmp_path).read_bytes()))
    first = graph.operators[0]
    under_way = Stepwise(graph, images(1))
    under_way.run(first)
    before = under_way.mean(int(first.outputs[0]))
    bias = graph.constant(first.inputs[2])
    graph.set_input(first, 2, bias + 1000)  # type: ignore[operator]
    under_way.run(first)
    assert np.all(under_way.mean(int(first.outputs[0])) > before)


def test_what_nothing_reads_any_more_is_forgotten(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.unpack(small_network.quantized(tmp_path).read_bytes()))
    under_way = Stepwise(graph, images(1))
    first = graph.operators[0]
    under_way.run(first)
    under_way.leave(first)
    with pytest.raises(KeyError):
        under_way.values(int(first.inputs[0]))
    assert len(under_way.values(int(first.outputs[0]))) == 1


def test_an_operator_that_xnnpack_refuses_runs_without_it(tmp_path: Path) -> None:
    path = small_network.quantized(tmp_path)

    def coarse(graph: Graph) -> None:
        for name in ("stem/Conv2D", "stem/bias"):
            quantization = small_network.tensor(graph, name).quantization
            quantization.scale = np.asarray(quantization.scale) * 1e6

    graph = Graph(flatbuffer.load(small_network.spoilt(path, coarse)))
    under_way = Stepwise(graph, samples([np.zeros((8, 8, 3), np.float32)]))
    for operator in graph.operators:
        under_way.run(operator)
    assert under_way.values(int(graph.operators[-1].outputs[0]))


def model(steps: list[Step], *outputs: str, **tensors: Any) -> Graph:
    """Give a float model on a (2, 3) image."""
    content = assemble({"image": (1, 2, 3), **tensors}, steps, ["image"], list(outputs))
    return Graph(flatbuffer.unpack(content))


def test_what_an_operator_reads_twice_is_forgotten_behind_it() -> None:
    add = Step(
        schema.BuiltinOperator.ADD,
        ["image", "image"],
        ["sum"],
        schema.BuiltinOptions.AddOptions,
        schema.AddOptionsT(),
    )
    graph = model([add], "sum", sum=(1, 2, 3))
    image = np.arange(6, dtype=np.float32).reshape(2, 3)
    under_way = Stepwise(graph, samples([image]))
    under_way.run(graph.operators[0])
    assert under_way.values(1)[0].tolist() == [(2 * image).tolist()]
    under_way.leave(graph.operators[0])
    with pytest.raises(KeyError):
        under_way.values(0)


def test_what_another_operator_is_going_to_read_stays() -> None:
    relu = [Step(schema.BuiltinOperator.RELU, ["image"], [name]) for name in ("one", "two")]
    graph = model(relu, "one", "two", one=(1, 2, 3), two=(1, 2, 3))
    under_way = Stepwise(graph, samples([np.ones((2, 3), np.float32)]))
    for place, operator in enumerate(graph.operators):
        under_way.run(operator)
        under_way.leave(operator)
        assert (0 in under_way._values) == (place == 0)


def test_a_layer_without_a_bias_runs_alone() -> None:
    dense, kind = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
    weights = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]], np.float32)
    step = Step(schema.BuiltinOperator.FULLY_CONNECTED, ["image", "weights"], ["out"], kind, dense)
    graph = model([step], "out", weights=weights, out=(2, 2))
    operator = graph.operators[0]
    operator.inputs = np.array([*operator.inputs, -1], np.int32)
    images = [np.array([[1, 0, 2], [3, 1, 0]], np.float32), np.array([[0, 0, 1], [1, 1, 1]], np.float32)]
    under_way = Stepwise(graph, samples(images))
    under_way.run(operator)
    found = under_way.values(int(operator.outputs[0]))
    for image, value in zip(images, found, strict=True):
        np.testing.assert_allclose(value, image @ weights.T)
    # by hand: over both rows of both images
    np.testing.assert_allclose(
        under_way.mean(int(operator.outputs[0])), [(7 + 5 + 3 + 6) / 4, (2 - 1 + 1 + 0) / 4]
    )


def test_a_mean_is_exact_where_float32_would_lose_digits() -> None:
    graph = model([Step(schema.BuiltinOperator.RELU, ["image"], ["out"])], "out", out=(1, 2, 3))
    values = np.array([[2.0**24, 1, 1], [1, 1, 1]], np.float32)
    under_way = Stepwise(graph, samples([values]))
    under_way.run(graph.operators[0])
    assert under_way.mean(1).tolist() == [(2.0**24 + 1) / 2, 1.0, 1.0]


def test_an_operator_that_keeps_state_starts_afresh_with_each_sample() -> None:
    graph = Graph.unpacked(stateful_files.lstm(6, clip=0.0, peepholes=False))
    rows = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    under_way = Stepwise(graph, samples([rows, -rows, rows], "rows"))
    (operator,) = graph.operators
    under_way.run(operator)
    first, other, again = under_way.values(int(operator.outputs[0]))
    assert not np.array_equal(other, first)
    np.testing.assert_array_equal(again, first)
