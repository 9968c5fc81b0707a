"""Functions called in their place, seen from the ends of a graph."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from saved_model_files import called, floats, function, message, node, saved_model, signature, tensor
from tflbuild.core.protobuf import Malformed
from tflbuild.formats.saved_model.flat import DEEPEST, Flat, Port
from tflbuild.formats.saved_model.graph_def import meta_graphs


def flat(nodes: Sequence[bytes], functions: Sequence[bytes] = (), end: str = "end:0") -> Flat:
    content = saved_model(nodes, {"x": signature({}, {"y": tensor(end, (1,))})}, functions)
    (graph,) = meta_graphs(content)
    return Flat(graph, [end])


def test_a_called_function_takes_the_place_of_its_call() -> None:
    inner = function("inner", ["a", "b"], {"y": "sum:z:0"}, [node("sum", "AddV2", "a", "b")])
    outer = function(
        "outer",
        ["p", "q"],
        {"first": "p", "second": "deep:output:0"},
        [node("deep", "PartitionedCall", "q", "p", f=called("inner"))],
    )
    nodes = [
        node("one", "Const", value=floats([], 1.0)),
        node("two", "Const", value=floats([], 2.0)),
        node("call", "StatefulPartitionedCall", "one", "two", f=called("outer")),
        node("end", "Mul", "call:1", "call:0"),
    ]
    found = flat(nodes, [inner, outer])
    assert found.ends == (Port("end", "", 0),)
    product = found.steps["end"]
    assert product.inputs == (Port("call/deep/sum", "z", 0), Port("one", "", 0))
    assert found.steps["call/deep/sum"].inputs == (Port("two", "", 0), Port("one", "", 0)), "q, then p"
    assert set(found.steps) == {"end", "call/deep/sum", "one", "two"}


def test_what_only_has_to_come_first_is_left_out() -> None:
    nodes = [
        node("note", "PrintV2"),
        node("one", "Const", value=floats([], 1.0)),
        node("end", "Relu", "one", "^note"),
    ]
    assert set(flat(nodes).steps) == {"end", "one"}


def test_a_function_that_stands_for_an_operator_is_not_entered() -> None:
    composite = function("c", ["a"], {"y": "a"}, [], _implements=message(10, message(1, "Fancy")))
    found = flat([node("one", "Const"), node("end", "PartitionedCall", "one", f=called("c"))], [composite])
    assert found.steps["end"].implements == "Fancy"
    assert set(found.steps) == {"end", "one"}


ENDLESS = function(
    "again", ["a"], {"y": "c:output:0"}, [node("c", "PartitionedCall", "a", f=called("again"))]
)
WRONG: dict[str, tuple[list[bytes], list[bytes], str]] = {
    "no node": ([node("end", "Relu", "gone")], [], "has a tensor 'gone' that no node makes"),
    "no end": (
        [node("one", "Const"), node("end", "PartitionedCall", "one", f=called("again"))],
        [ENDLESS],
        f"has functions that call one another more than {DEEPEST} deep",
    ),
    "too few inputs": (
        [node("end", "PartitionedCall", f=called("again"))],
        [ENDLESS],
        "calls 'again' with 0 of 1 inputs",
    ),
    "too many outputs": (
        [
            node("one", "Const"),
            node("c", "PartitionedCall", "one", f=called("id")),
            node("end", "Relu", "c:7"),
        ],
        [function("id", ["a"], {"y": "a"}, [])],
        "reads output 7 of 'id'",
    ),
    "no result": (
        [node("one", "Const"), node("end", "PartitionedCall", "one", f=called("id"))],
        [function("id", ["a"], {"y": "gone:output:0"}, [])],
        "has a tensor 'gone:output:0' that no node makes",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_graph_that_leads_nowhere_is_said(name: str) -> None:
    nodes, functions, said = WRONG[name]
    with pytest.raises(Malformed) as caught:
        flat(nodes, functions)
    assert str(caught.value) == said


def test_a_circle_of_operators_that_pass_is_said() -> None:
    found = flat([node("a", "Identity", "b"), node("b", "Identity", "a"), node("end", "Relu", "a")])
    with pytest.raises(Malformed, match="has nodes that go round in a circle, such as 'a'"):
        found.made_by(Port("a", "", 0))


def test_only_what_is_between_is_before() -> None:
    nodes = [node("one", "Const"), node("half", "Relu", "one"), node("end", "Tanh", "half")]
    found = flat(nodes)
    assert set(found.before(Port("end", "", 0))) == {"end", "half", "one"}
    assert set(found.before(Port("end", "", 0), lambda step: step.op == "Relu")) == {"end", "half"}
    assert [step.name for step in found.readers("one")] == ["half"]
