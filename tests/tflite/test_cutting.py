"""Operators cut out of a graph: alone, and side by side; what they give is by hand."""

from __future__ import annotations

import numpy as np
import pytest

from conv_network import FUSED, SIDE, Network
from litert_files import outputs_of
from tflbuild.tflite.check import check
from tflbuild.tflite.cutting import activations_of, cut_out, separable, side_by_side
from tflbuild.tflite.graph import Graph
from tflite_files import network, step


def chain() -> Graph:
    """Three times the input, then the sum of that and the input, then a custom operator."""
    made = Network(channels=1)
    made.conv("thrice", "image", 1, fused=FUSED.NONE, weights=np.full((1, 1, 1, 1), 3.0), bias=np.zeros(1))
    made.add("sum", "thrice", "image")
    return Graph.unpacked(made.content("sum"))


def test_an_operator_alone_has_the_inputs_that_are_computed_and_its_own_constants() -> None:
    graph = chain()
    layer, addition = graph.operators
    cut = cut_out(graph, layer)
    content = cut.packed()
    check(content)
    assert [tensor.name.decode() for tensor in cut.tensors] == [
        "image",
        "thrice/weights",
        "thrice/bias",
        "thrice",
    ]
    assert len(cut.model.operatorCodes) == 1
    image = np.full((1, SIDE, SIDE, 1), 2.0, np.float32)
    assert outputs_of(content, {"image": image})["thrice"] == pytest.approx(6.0)
    both = cut_out(graph, addition)
    found = outputs_of(both.packed(), {"thrice": image, "image": 5 * image})
    assert found["sum"] == pytest.approx(12.0), "two inputs of its own"
    assert len(graph.operators) == 2, "the graph itself stays"
    assert [graph.name(index) for index in activations_of(graph, addition)] == ["thrice", "image"]


def test_operators_side_by_side_depend_on_nothing_that_another_gave() -> None:
    graph = chain()
    made, given, outputs = side_by_side(graph, separable(graph))
    assert [graph.name(index) for index in given] == ["image", "thrice"]
    assert [graph.name(index) for index in outputs] == ["thrice", "sum"]
    one = np.ones((1, SIDE, SIDE, 1), np.float32)
    found = outputs_of(made.packed(), {"image;given": 2 * one, "thrice;given": 100 * one})
    assert found["thrice"] == pytest.approx(6.0)
    assert found["sum"] == pytest.approx(102.0), "of what it was given, not of six"


def test_an_operator_that_reads_one_tensor_twice_has_one_input() -> None:
    shape = (1, 4)
    graph = Graph.unpacked(
        network({"image": shape, "out": shape}, [step("ADD", ["image"] * 2, ["out"])], ["image"], ["out"])
    )
    cut = cut_out(graph, graph.operators[0])
    assert [int(index) for index in cut.model.subgraphs[0].inputs] == [0]
    found = outputs_of(cut.packed(), {"image": np.full(shape, 4, np.float32)})
    assert found["out"].tolist() == [[8.0] * 4]


def test_what_keeps_a_state_or_is_nobodys_own_is_not_run_alone() -> None:
    shape = (1, 4)
    tensors = {"image": shape, "a": shape, "b": shape}
    steps = [step("LOGISTIC", ["image"], ["a"]), step("SomebodysOwn", ["a"], ["b"])]
    graph = Graph.unpacked(network(tensors, steps, ["image"], ["b"]))
    assert [graph.kind(one) for one in separable(graph)] == ["LOGISTIC"]

    def variable(model: object) -> None:
        model.subgraphs[0].tensors[1].isVariable = True  # type: ignore[attr-defined]

    graph = Graph.unpacked(network(tensors, steps, ["image"], ["b"], change=variable))
    assert separable(graph) == []
