"""The parts of an ONNX file by the numbers of their fields in onnx.proto, from files written field by field."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from onnx_files import Given, end, field, graph, message, model, node, tensor
from tflbuild.core.protobuf import Malformed, Message
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx import graph as graphs
from tflbuild.formats.onnx.graph import Read, read, tensors


def file_of(nodes: Sequence[bytes] = (), constants: Sequence[bytes] = (), *more: tuple[int, Any]) -> bytes:
    """Give a file of one graph; `more` are fields of the model."""
    given = Given(nodes, [end("x", (1, 2))], [end("y", (1, 2))], constants)
    return message((1, 8), (7, graph(given)), *more)


def constant_of(*fields: tuple[int, Any]) -> Read:
    """Read a file with one constant `c`."""
    return read(file_of(constants=[message(*fields, (8, "c"))]))


FLOATS = struct.pack("<3f", 1.5, -2.0, 0.25)


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ([(1, 3), (2, 1), (9, FLOATS)], (1.5, -2.0, 0.25)),
        ([(1, 3), (2, 1), (4, FLOATS)], (1.5, -2.0, 0.25)),
        ([(1, 1), (1, 3), (2, 1), (9, FLOATS)], (1.5, -2.0, 0.25)),
        ([(2, 1), (9, FLOATS[:4])], (1.5,)),
        ([(1, 64), (2, 1), (9, bytes(256))], (0.0,) * 64),
        ([(1, 65), (2, 1), (9, bytes(260))], None),
        ([(1, 0), (2, 1)], None),
        ([(1, 2), (2, 1), (9, FLOATS)], None),
        ([(1, 2), (2, 1), (9, FLOATS[:9])], (1.5, -2.0)),
        ([(1, 3), (2, 6), (9, FLOATS)], None),
        ([(1, 3), (2, 1), (9, FLOATS), (14, 1)], None),
    ],
    ids=["raw", "floats", "axes", "one", "64", "65", "none", "more than said", "cut", "integers", "beside"],
)
def test_the_values_of_small_float_constants_are_read(
    fields: list[tuple[int, Any]], values: tuple[float, ...] | None
) -> None:
    assert constant_of(*fields).few_values("c") == values
    assert constant_of(*fields).few_values("d") is None


def opset(version: int, domain: str | None = None) -> tuple[int, bytes]:
    return 8, message(*([(1, domain)] if domain is not None else []), (2, version))


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ([opset(13)], 13),
        ([opset(14, "")], 14),
        ([opset(15, "ai.onnx")], 15),
        ([opset(13), opset(2, "ai.onnx.ml"), opset(15, "ai.onnx")], 13),
        ([opset(2, "ai.onnx.ml")], 0),
    ],
)
def test_the_version_of_operators_is_that_of_onnxs_own(said: list[tuple[int, bytes]], version: int) -> None:
    assert read(file_of((), (), *said)).opset == version


@pytest.mark.parametrize(
    ("fields", "said"),
    [([(2, "pytorch"), (3, "2.1")], "pytorch 2.1"), ([(2, "pytorch")], "pytorch"), ([], "")],
)
def test_who_wrote_it_is_said_as_far_as_it_is(fields: list[tuple[int, Any]], said: str) -> None:
    assert read(file_of((), (), *fields)).producer == said


def test_an_operator_has_its_name_its_tensors_and_its_domain() -> None:
    own, other = node("Conv", ["x", "", "b"], ["y"], "ai.onnx"), node("Conv", ["x"], ["y", "z"], "com.other")
    first, second = read(file_of([own, other])).nodes
    assert first[:4] == ("Conv", "", ("x", "", "b"), ("y",))
    assert second[:4] == ("Conv", "com.other", ("x",), ("y", "z"))
    assert (first.said, second.said) == ("Conv", "com.other.Conv")


def test_integers_of_an_attribute_are_found_by_its_name() -> None:
    (found,) = read(file_of([node("Pad", ["x"], ["y"], pads=[0, -1, 2], axes=[3])])).nodes
    assert (found.numbers("pads"), found.numbers("axes"), found.numbers("absent")) == ((0, -1, 2), (3,), ())


def inner(*nodes: bytes) -> bytes:
    return graph(Given(nodes, [], [end("b", (1,))]))


def holding(kind: str, number: int, content: bytes) -> bytes:
    """Write an operator with one attribute: a tensor in field 5 or 10, a graph in field 6 or 11."""
    return message((1, "x"), (2, "y"), (4, kind), (5, message((1, "held"), (number, content))))


def function(name: str, domain: str, *nodes: bytes) -> tuple[int, bytes]:
    return 25, message((1, name), *((7, one) for one in nodes), (10, domain))


def test_operators_within_others_and_within_functions_are_listed_apart() -> None:
    deep = holding("Loop", 11, inner(node("Deep", ["a"], ["b"])))
    found = read(
        file_of(
            [holding("If", 6, inner(node("Then", ["a"], ["b"]), deep)), node("Last", ["a"], ["b"])],
            (),
            function("Swish", "mine", holding("Scan", 6, inner(node("Body", ["a"], ["b"])))),
            function("Plain", "ai.onnx"),
        )
    )
    assert [one.kind for one in found.nodes] == ["If", "Last"]
    assert sorted(one.kind for one in found.inner) == ["Body", "Deep", "Loop", "Scan", "Then"]
    assert found.functions == {"mine.Swish", "Plain"}


def nested(levels: int) -> bytes:
    """Give an operator with as many graphs within each other."""
    made = node("Relu", ["a"], ["b"])
    for _ in range(levels):
        made = holding("If", 6, inner(made))
    return made


def test_graphs_lie_within_each_other_up_to_a_limit() -> None:
    assert len(read(file_of([nested(16)])).inner) == 16
    with pytest.raises(Malformed, match="has graphs nested too deeply"):
        read(file_of([nested(17)]))


def main_graph(content: bytes) -> Message:
    found = Message(content).message(7)
    assert found is not None
    return found


def test_tensors_are_looked_for_as_deep() -> None:
    kept = tensor("kept", np.ones(2, np.float32))
    assert list(tensors(main_graph(file_of([nested(16)], [kept])))) != []
    with pytest.raises(Malformed, match="has graphs nested too deeply"):
        list(tensors(main_graph(file_of([nested(17)]))))


def test_every_tensor_is_found_wherever_it_lies() -> None:
    def one(name: str) -> bytes:
        return tensor(name, np.ones(2, np.float32))

    within = graph(Given([holding("Constant", 5, one("deep"))], [], [], [one("inner")]))
    content = file_of(
        [
            holding("Constant", 5, one("single")),
            holding("Many", 10, one("listed")),
            holding("If", 6, within),
            holding("Scan", 11, graph(Given([], [], [], [one("body")]))),
        ],
        [one("constant")],
    )
    names = [found.text(8) for found in tensors(main_graph(content))]
    assert sorted(names) == ["body", "constant", "deep", "inner", "listed", "single"]


def test_too_many_operators_are_refused_those_within_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of([nested(1), node("Relu", ["x"], ["y"])])
    monkeypatch.setattr(graphs, "MOST_NODES", 3)
    read(content)
    monkeypatch.setattr(graphs, "MOST_NODES", 2)
    with pytest.raises(Malformed, match="has too many operators"):
        read(content)


def test_constants_are_initializers_and_what_operators_constant_hold() -> None:
    value = tensor("", np.array([7.0], np.float32))

    def constant(*outputs: str, domain: str = "", **held: Any) -> bytes:
        return node("Constant", [], outputs, domain, **held)

    found = read(
        file_of(
            [
                constant("own", value=value),
                constant("foreign", domain="mine", value=value),
                constant("one", "two", value=value),
                constant("integer", value_int=3),
                node("Identity", ["x"], ["y"], value=value),
            ],
            [tensor("stored", np.ones(2, np.float32))],
        )
    )
    assert set(found.constants) == {"stored", "own"}
    assert found.few_values("own") == (7.0,)


NO_TENSOR = message((1, "s"), (2, message((4, b""))))  # a sequence

SIDES: dict[str, tuple[bytes, TensorSpec | None]] = {
    "numbers": (end("s", (1, 3)), TensorSpec((1, 3), "float32")),
    "a name, 0 and a negative one are open": (
        end("s", ("N", 0, -1, 4)),
        TensorSpec((-1, -1, -1, 4), "float32"),
    ),
    "a side that says nothing": (
        message((1, "s"), (2, message((1, message((1, 7), (2, message((1, b"")))))))),
        TensorSpec((-1,), "int64"),
    ),
    "no axes": (end("s", ()), TensorSpec((), "float32")),
    "no shape": (end("s", None), None),
    "no type": (message((1, "s")), None),
    "no tensor": (NO_TENSOR, None),
    "a dtype that nobody knows": (
        message((1, "s"), (2, message((1, message((1, 77), (2, message((1, message((1, 2)))))))))),
        TensorSpec((2,), "unknown"),
    ),
}

PLACES: dict[int, Callable[[Read], Any]] = {
    11: lambda found: found.inputs,
    12: lambda found: found.outputs,
    13: lambda found: found.shapes,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", SIDES)
def test_shapes_are_said_of_inputs_outputs_and_tensors_within(case: str, place: int) -> None:
    content, spec = SIDES[case]
    found = read(message((1, 8), (7, field(place, content))))
    assert {number: dict(of(found)) for number, of in PLACES.items()} == {
        **{number: {} for number in PLACES},
        place: {"s": spec},
    }


def test_properties_are_texts_by_name() -> None:
    given = Given([], [end("x", (1,))], [])
    assert dict(read(model(given, properties={"a": "1", "b": ""})).properties) == {"a": "1", "b": ""}
