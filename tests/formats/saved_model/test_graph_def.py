"""Graphs, functions and signatures by the fields of TensorFlow's own messages, and the variables that they restore."""

from __future__ import annotations

import struct

import pytest

from saved_model_files import (
    STRING,
    called,
    entry,
    floats,
    function,
    integers,
    message,
    node,
    number,
    saved_model,
    shape,
    signature,
    tensor,
    varint,
)
from tflbuild.core.protobuf import Malformed, Message
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model import graph_def
from tflbuild.formats.saved_model.flat import Flat, Port
from tflbuild.formats.saved_model.graph_def import Function, MetaGraph, meta_graphs, nodes_of
from tflbuild.formats.saved_model.variables import keys_of


def read(content: bytes) -> MetaGraph:
    (found,) = meta_graphs(content)
    return found


def listed(*functions: str) -> bytes:
    """Give an `AttrValue` that holds a list of functions."""
    return message(1, b"".join(message(9, message(1, one)) for one in functions))


def test_a_node_has_its_inputs_its_constant_and_the_functions_that_it_names() -> None:
    content = saved_model(
        [
            node("c", "Case", "x:0", "^y", branches=listed("one", "two"), f=called("three"), T=number(6, 1)),
            node("k", "Const", value=floats([2, 1], 0.5, -3.0)),
            node("i", "Const", value=integers(4, -5)),
        ],
        {},
    )
    nodes = read(content).nodes
    case = nodes["c"]
    assert (case.name, case.op, case.inputs) == ("c", "Case", ("x:0", "^y"))
    assert sorted(case.functions()) == ["one", "three", "two"]
    assert (case.called("f"), case.called("branches"), case.called("absent")) == ("three", "", "")
    assert nodes["k"].constant == ("float32", (2, 1), (0.5, -3.0))
    assert nodes["i"].constant == ("int32", (2,), (4, -5))
    assert case.constant.values in ((), (0.0,))


def test_a_function_has_its_arguments_its_results_and_what_it_stands_for() -> None:
    options = entry(2, "most", number(3, 9))
    content = function(
        "mine",
        ["a", "b"],
        {"first": "n:y:0", "second": "a"},
        [node("n", "Relu", "b")],
        _implements=message(10, message(1, "Fancy") + options),
    )
    found = Function(Message(content))
    assert (found.name, found.arguments, found.results) == ("mine", ("a", "b"), ("n:y:0", "a"))
    assert list(found.nodes) == ["n"]
    assert len(found.bodies) == 1
    assert found.implements == "Fancy"
    assert {key: bytes(value) for key, value in found.attributes.items()} == {"most": number(3, 9)}
    plain = Function(Message(function("p", [], {}, [], _implements=message(2, "Short"))))
    assert (plain.implements, dict(plain.attributes)) == ("Short", {})
    assert Function(Message(function("q", [], {}, []))).implements == ""


def test_a_function_that_does_not_say_what_it_returns_is_malformed() -> None:
    broken = message(1, message(1, "f") + message(3, message(1, "y")))
    with pytest.raises(Malformed, match=r"^has a function 'f' that does not say what it returns$"):
        _ = Function(Message(broken)).results


def test_a_graph_has_its_tags_its_version_its_saver_and_its_signatures() -> None:
    sparse = message(4, message(1, "values:0")) + number(2, 1)
    ends = signature(
        {"b": tensor("in:1", (-1, 4), STRING), "a": tensor("in:0", None)},
        {"y": tensor("out:0", ()), "s": sparse},
    )
    content = saved_model(
        [node("n", "Const")], {"serve_it": ends}, [function("f", [], {}, [])], ("save", "load")
    )
    found = read(content)
    assert (found.tags, found.version, found.saver) == (("serve",), "2.21.0", ("save", "load"))
    assert (list(found.nodes), list(found.functions), len(found.bodies)) == (["n"], ["f"], 1)
    declared = found.signatures["serve_it"]
    assert list(declared.inputs) == ["a", "b"], "by name"
    assert declared.inputs["a"] == ("in:0", TensorSpec((), "float32"), False, True)
    assert declared.inputs["b"] == ("in:1", TensorSpec((-1, 4), "string"), True, True)
    assert declared.outputs["y"] == ("out:0", TensorSpec((), "float32"), True, True)
    assert declared.outputs["s"] == ("", TensorSpec((), "float32"), True, False)
    assert isinstance(declared.inputs["b"].known, bool)


def test_a_graph_alone_is_a_file_again() -> None:
    content = saved_model([node("n", "Const")], {})
    assert read(content).content == content
    long = saved_model([node("n" * 300, "Const")], {})
    assert read(long).content == long
    both = long + message(2, bytes(read(content).message.content))
    assert [one.content for one in meta_graphs(both)] == [long, content]


def test_more_nodes_than_are_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [memoryview(node(name, "Const")) for name in "ab"]
    monkeypatch.setattr(graph_def, "MOST_NODES", 2)
    assert list(nodes_of(two)) == ["a", "b"]
    monkeypatch.setattr(graph_def, "MOST_NODES", 1)
    with pytest.raises(Malformed, match=r"^has 2 nodes; at most 1 are read$"):
        nodes_of(two)


KEYS = message(
    8, number(1, STRING) + message(2, shape([2])) + message(8, "kernel/.VALUE") + message(8, "bias/.VALUE")
)


def restoring(
    *, places: tuple[str, str] = ("0", "1"), op: str = "RestoreV2", saver: str = "load"
) -> MetaGraph:
    """Give a graph of two variables that a function restores from a checkpoint, as TensorFlow 2 writes it."""
    body = [
        node("names", "Const", value=KEYS),
        node("r", op, "file", "names:output:0", "slices"),
        node("id", "Identity", f"r:tensors:{places[0]}"),
        node("one", "AssignVariableOp", "first", "id:output:0"),
        node("two", "AssignVariableOp", "second", f"r:tensors:{places[1]}"),
        node("other", "AssignVariableOp", "names:output:0", "r:tensors:0"),
        node("short", "AssignVariableOp", "first"),
    ]
    restore = function("restore", ["file", "first", "second"], {}, body)
    nodes = [
        node("path", "Const"),
        node("dense/kernel", "VarHandleOp"),
        node("dense/bias", "VarHandleOp"),
        node("load", "StatefulPartitionedCall", "path", "dense/kernel:0", "dense/bias", f=called("restore")),
    ]
    return read(saved_model(nodes, {}, [restore], ("save", saver)))


def test_each_variable_has_the_key_that_it_is_restored_from() -> None:
    assert keys_of(restoring()) == {"dense/kernel": "kernel/.VALUE", "dense/bias": "bias/.VALUE"}
    swapped = keys_of(restoring(places=("1", "0")))
    assert swapped == {"dense/kernel": "bias/.VALUE", "dense/bias": "kernel/.VALUE"}


@pytest.mark.parametrize("changed", [{"places": ("0", "2")}, {"places": ("0", "x")}, {"op": "Restored"}])
def test_a_variable_that_is_restored_otherwise_is_malformed(changed: dict[str, str]) -> None:
    with pytest.raises(Malformed, match=r"^restores a variable otherwise than from its checkpoint$"):
        keys_of(restoring(**changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("saver", ["gone", "path"])
def test_a_graph_without_a_restoring_function_is_malformed(saver: str) -> None:
    with pytest.raises(Malformed, match=r"^does not show how its variables are restored, as a SavedModel"):
        keys_of(restoring(saver=saver))


def flat(nodes: list[bytes], functions: list[bytes] = [], end: str = "end:0") -> Flat:  # noqa: B006
    return Flat(read(saved_model(nodes, {}, functions)), [end])


def test_a_reference_names_a_node_an_output_and_a_place() -> None:
    nodes = [node("a", "Split"), node("b", "Unique"), node("end", "Pack", "a:2", "b:idx:1", "a", "b:y")]
    found = flat(nodes)
    assert found.steps["end"].inputs == (
        Port("a", "", 2),
        Port("b", "idx", 1),
        Port("a", "", 0),
        Port("b", "y", 0),
    )


def test_functions_are_listed_with_those_that_they_call() -> None:
    functions = [
        function("outer", ["x"], {"y": "i:0"}, [node("i", "If", "x", then_branch=called("inner"))]),
        function("inner", ["x"], {"y": "d:0"}, [node("d", "direct", "x")]),
        function("direct", ["x"], {"y": "x"}, []),
        function("idle", ["x"], {"y": "x"}, []),
    ]
    nodes = [node("x", "Placeholder"), node("end", "While", "x", body=called("outer"))]
    assert set(flat(nodes, functions).library(["outer", "Relu"])) == {"outer", "inner", "direct"}


def test_an_operator_that_is_a_function_is_entered_and_its_options_are_known() -> None:
    fancy = varint(4 << 3 | 5) + struct.pack("<f", 0.5)
    functions = [
        function("direct", ["x"], {"y": "r:z:0"}, [node("r", "Relu", "x")]),
        function(
            "c", ["a"], {"y": "a"}, [], _implements=message(10, message(1, "Fancy") + entry(2, "t", fancy))
        ),
    ]
    nodes = [
        node("x", "Placeholder"),
        node("d", "direct", "x"),
        node("end", "PartitionedCall", "d", f=called("c")),
    ]
    found = flat(nodes, functions)
    assert set(found.steps) == {"x", "d/r", "end"}
    assert found.steps["end"].inputs == (Port("d/r", "z", 0),)
    assert {key: bytes(value) for key, value in found.attributes(found.steps["end"]).items()} == {"t": fancy}
    assert found.attributes(found.steps["x"]) == {}


def test_what_passes_a_tensor_on_is_seen_through() -> None:
    nodes = [
        node("x", "Placeholder"),
        node("r", "Relu", "x"),
        node("i", "Identity", "r"),
        node("j", "Identity", "i"),
        node("end", "Add", "j", "r"),
    ]
    found = flat(nodes)
    step, port = found.made_by(Port("j", "", 0))
    assert (step.name, port) == ("r", Port("r", "", 0))
    assert sorted(one.name for one in found.readers("r")) == ["end", "i"]
    assert found.readers("end") == []
    assert found.step(Port("r", "", 0)).op == "Relu"
