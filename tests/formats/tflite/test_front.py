"""Scaling of pixels at the front of a graph."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.formats.tflite.front import Front, front_of
from tflbuild.formats.tflite.graph import Graph
from tflbuild.tflite.model import Model
from tflite_files import network, step

IMAGE = (1, 8, 8, 3)


def read(*operators: tuple[str, float | None], first: bool = True, activation: str = "NONE") -> Front:
    """Read a chain of operators, each with a constant, or without."""
    tensors = {"image": IMAGE, **{f"t{number}": IMAGE for number in range(len(operators) + 1)}}
    steps, given = [], "image"
    for number, (kind, value) in enumerate(operators):
        inputs = [given]
        if value is not None:
            tensors[f"c{number}"] = np.full((1,), value, np.float32)
            inputs = [given, f"c{number}"] if first else [f"c{number}", given]
        given = f"t{number}"
        steps.append(step(kind, inputs, [given], activation))
    steps.append(step("TANH", [given], [f"t{len(operators)}"]))
    graph = Graph(Model(network(tensors, steps, ["image"], [f"t{len(operators)}"])))
    return front_of(graph, graph.inputs[0])


@pytest.mark.parametrize(
    ("operators", "takes", "evidence"),
    [
        ([("MUL", 1 / 255)], "raw", "the graph begins with MUL by 0.00392157"),
        ([("DIV", 255.0)], "raw", "the graph begins with DIV by 255"),
        ([("MUL", 1 / 127.5), ("SUB", 1.0)], "raw", "the graph begins with MUL by 0.00784314"),
        ([("SUB", 127.5), ("MUL", 1 / 127.5)], "raw", "the graph begins with SUB of 127.5"),
        ([("MUL", 2.0), ("ADD", -1.0)], "unit", "the graph begins with MUL by 2"),
        ([("MUL", 255.0)], "unit", "the graph begins with MUL by 255"),
        ([("CAST", None), ("DIV", 255.0)], "raw", "the graph begins with DIV by 255"),
        ([("ADD", 1.0), ("DIV", 255.0)], "raw", "the graph begins with ADD of 1 and DIV by 255"),
        ([("SUB", 0.485), ("DIV", 0.229)], "unit", "the graph begins with SUB of 0.485 and DIV by 0.229"),
        ([], "", ""),
        ([("MUL", 1.0)], "", ""),
        ([("DIV", 0.0)], "", ""),
        ([("MUL", np.inf)], "", ""),
        ([("RELU", None), ("DIV", 255.0)], "", ""),
    ],
)
def test_the_pixels_that_a_model_takes_are_told_by_what_it_does_to_them(
    operators: list[tuple[str, float | None]], takes: str, evidence: str
) -> None:
    assert read(*operators) == Front(takes, evidence)


def test_what_is_subtracted_from_is_told_from_what_is_subtracted() -> None:
    assert read(("SUB", 255.0), first=False) == Front("raw", "the graph begins with SUB of 255")
    assert read(("DIV", 255.0), first=False) == Front()


def test_what_others_read_too_is_no_scaling() -> None:
    tensors = {"image": IMAGE, "c": np.full((1,), 1 / 255, np.float32), "a": IMAGE, "b": IMAGE, "out": IMAGE}
    steps = [
        step("MUL", ["image", "c"], ["a"]),
        step("TANH", ["image"], ["b"]),
        step("ADD", ["a", "b"], ["out"]),
    ]
    graph = Graph(Model(network(tensors, steps, ["image"], ["out"])))
    assert front_of(graph, graph.inputs[0]) == Front()


def test_a_factor_that_is_computed_or_large_is_not_read() -> None:
    for size in (64, 65):
        tensors = {
            "image": (1, 1, 1, size),
            "c": np.full((size,), 1 / 255, np.float32),
            "out": (1, 1, 1, size),
        }
        graph = Graph(Model(network(tensors, [step("MUL", ["image", "c"], ["out"])], ["image"], ["out"])))
        assert front_of(graph, graph.inputs[0]).takes == ("raw" if size == 64 else "")
    tensors = {"image": IMAGE, "out": IMAGE}
    graph = Graph(Model(network(tensors, [step("MUL", ["image", "image"], ["out"])], ["image"], ["out"])))
    assert front_of(graph, graph.inputs[0]) == Front()
