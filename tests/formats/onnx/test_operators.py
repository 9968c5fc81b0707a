"""Which operators of an ONNX file are taken, and how the others are named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onnx_files import Given, end, graph, message, model, node
from tflbuild.formats.onnx.graph import read
from tflbuild.formats.onnx.operators import refusal


def said(nodes: Sequence[bytes], *functions: bytes, opset: int = 13) -> str:
    given = Given(nodes, [end("x", (1, 2))], [end("y", (1, 2))])
    return refusal(read(model(given, opset) + message(*((25, one) for one in functions))))


def of(kind: str, domain: str = "") -> bytes:
    return node(kind, ["x"], ["y"], domain)


@pytest.mark.parametrize("opset", [7, 13, 25])
def test_versions_from_7_to_25_are_read(opset: int) -> None:
    assert said([of("Relu")], opset=opset) == ""


@pytest.mark.parametrize("opset", [1, 6, 26])
def test_other_versions_are_named(opset: int) -> None:
    assert said([of("Relu")], opset=opset) == (
        f"is written in version {opset} of ONNX's operators, and versions 7 to 25 are read; export it again with "
        f"one of these"
    )


RANDOM = (
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
"""Operators whose documentation has an attribute `seed` and a drawn output."""


@pytest.mark.parametrize("kind", RANDOM)
def test_what_draws_numbers_is_refused(kind: str) -> None:
    assert said([of("Relu"), of(kind)]) == (
        f"has the operator '{kind}', whose values are random; export the model for inference"
    )


def test_dropout_is_none_of_these() -> None:
    assert said([of("Dropout")]) == ""


def test_those_of_others_are_named_before_unknown_and_random_ones() -> None:
    nodes = [of("RandomNormal"), of("Fnord"), of("Relu", "mine")]
    assert said(nodes).startswith(
        "has the operator 'mine.Relu', which ONNX does not define, so the file does not say what it "
    )
    assert said(nodes[:2]).startswith("has the operator 'Fnord', which ONNX does not have")


def test_at_most_four_are_named_each_once() -> None:
    def names(count: int) -> str:
        return said([of(f"F{number}") for number in range(count)] * 2).partition(", which ONNX")[0]

    assert names(1) == "has the operator 'F0'"
    assert names(2) == "has the operators 'F0', 'F1'"
    assert names(4) == "has the operators 'F0', 'F1', 'F2', 'F3'"
    assert names(6) == "has the operators 'F0', 'F1', 'F2', 'F3' and 2 more"


def test_one_operator_used_twice_is_it_and_two_are_they() -> None:
    assert "does not say what it computes" in said([of("A", "mine"), of("A", "mine")])
    assert "does not say what they computes" in said([of("A", "mine"), of("B", "mine")])


def function(name: str, *nodes: bytes, domain: str = "mine") -> bytes:
    return message((1, name), *((7, one) for one in nodes), (10, domain))


def test_a_function_that_the_file_brings_is_known_and_what_it_does_is_looked_at() -> None:
    assert said([of("Swish", "mine")], function("Swish", of("Mul"))) == ""
    assert said([of("Swish")], function("Swish", of("Mul"), domain="")) == ""
    assert "the operator 'Fnord'" in said([of("Swish", "mine")], function("Swish", of("Fnord")))
    assert "'other.Swish'" in said([of("Swish", "other")], function("Swish", of("Mul")))


def test_operators_of_branches_are_looked_at() -> None:
    inner = graph(Given([of("RandomUniform")], [], [end("b", (1,))]))
    assert "'RandomUniform'" in said([node("If", ["x"], ["y"], then_branch=inner)])
