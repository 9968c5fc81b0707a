"""The names by which a model is run, as the interpreter has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_files
from tflbuild.core.errors import RecipeError
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats.tflite import signature
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.signature import names_of, signature_of
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.model import Model
from tflite_files import Typed, step, without_signature


def two(change: Any = None, typed: Any = None) -> bytes:
    """Give a sum of two inputs, `b` before `a`, and its double."""
    tensors = {"b": (1, 4), "a": (1, 4), "sum": (1, 4), "double": (1, 4)}
    steps = [step("ADD", ["b", "a"], ["sum"]), step("ADD", ["sum", "sum"], ["double"])]
    return tflite_files.network(tensors, steps, ["b", "a"], ["sum", "double"], typed, change)


def read(content: bytes) -> Signature:
    graph = Graph(Model(content))
    return signature_of(graph, names_of(graph, "'my.tflite'"))


def renamed(model: Any) -> None:
    model.signatureDefs = [tflite_files.signature("main", {"x": 1, "y": 0}, {"out": 3})]


def test_a_signature_names_inputs_in_the_graphs_order() -> None:
    found = read(two(renamed))
    assert list(found.inputs) == ["y", "x"]
    assert list(found.outputs) == ["out"]


def test_tensors_name_them_where_there_is_no_signature() -> None:
    found = read(two(without_signature))
    assert (list(found.inputs), list(found.outputs)) == (["b", "a"], ["sum", "double"])


@pytest.mark.parametrize("change", [None, renamed, without_signature])
def test_names_are_those_that_the_interpreter_has(change: Any, tmp_path: Path) -> None:
    content = two(change, {"b": Typed("int8", 0.5, 3)})
    found = read(content)
    path = tflite_files.written(tmp_path, content)
    assert Signature.from_json(flatbuffer.signature(path)) == found


def opened(*sides: int) -> Any:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[0].shapeSignature = np.array(sides, np.int32)

    return change


def test_an_open_batch_is_one_as_it_is_allocated_and_other_open_sides_are_said() -> None:
    assert read(two(opened(-1, 4))).inputs["b"] == TensorSpec((1, 4), "float32")
    assert read(two(opened(-1, -1))).inputs["b"] == TensorSpec((1, -1), "float32")


def test_scale_and_zero_point_are_read() -> None:
    found = read(two(typed={"a": Typed("uint8", 0.25, 7)}))
    assert found.inputs["a"] == TensorSpec((1, 4), "uint8", 0.25, 7)


def several(*signatures: Any) -> Any:
    def change(model: Any) -> None:
        model.signatureDefs = list(signatures)

    return change


def test_of_several_signatures_that_take_the_same_the_first_is_taken() -> None:
    first = tflite_files.signature("sums", {"p": 0, "q": 1}, {"out": 2})
    second = tflite_files.signature("doubles", {"p": 0, "q": 1}, {"more": 3})
    graph = Graph(Model(two(several(first, second))))
    found = names_of(graph, "'my.tflite'")
    assert found.outputs == {"out": 2}
    (said,) = found.recognised
    assert said == ("signature", "sums", "the first of 2, which take the same inputs: sums, doubles")


def test_signatures_that_take_other_inputs_are_refused_by_name() -> None:
    first = tflite_files.signature("train", {"p": 0, "q": 1}, {"out": 2})
    second = tflite_files.signature("infer", {"p": 0, "r": 1}, {"out": 3})
    said = r"^model\.path: 'my\.tflite' has signatures that take other inputs: 'train' \(p, q\), 'infer' \(p, r\); "
    with pytest.raises(RecipeError, match=said):
        read(two(several(first, second)))


def test_signatures_whose_inputs_have_other_shapes_are_refused() -> None:
    """Graph 1 is a copy of graph 0 whose input is longer."""

    def change(model: Any) -> None:
        other = flatbuffer.unpack(two()).subgraphs[0]
        for tensor in other.tensors:
            tensor.shape = np.array([1, 5], np.int32)
        model.subgraphs.append(other)
        ends = {"p": 0, "q": 1}, {"out": 2}
        model.signatureDefs = [
            tflite_files.signature("short", *ends),
            tflite_files.signature("long", *ends, graph=1),
        ]

    with pytest.raises(RecipeError, match=r"'short' .*, 'long' "):
        read(two(change))


def of_another_graph(model: Any) -> None:
    model.subgraphs.append(flatbuffer.unpack(two()).subgraphs[0])
    model.signatureDefs = [tflite_files.signature("main", {"p": 0, "q": 1}, {"out": 2}, graph=1)]


def nameless(model: Any) -> None:
    model.signatureDefs = None
    for tensor in model.subgraphs[0].tensors:
        tensor.name = None


def alike(model: Any) -> None:
    model.signatureDefs = None
    model.subgraphs[0].tensors[1].name = b"b"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            of_another_graph,
            "the signature 'main' of 'my.tflite' is of its graph 1, and only the first one, graph 0,",
        ),
        (nameless, "the inputs of 'my.tflite' are not named, or named alike"),
        (alike, "the inputs of 'my.tflite' are not named, or named alike"),
        (
            several(tflite_files.signature("main", {"p": 0}, {"out": 2})),
            "the signature 'main' of 'my.tflite' does not name each input once, and some output",
        ),
        (
            several(tflite_files.signature("main", {"p": 0, "q": 1, "r": 1}, {"out": 2})),
            "the signature 'main' of 'my.tflite' does not name each input once",
        ),
        (
            several(tflite_files.signature("main", {"p": 0, "q": 1}, {})),
            "does not name each input once, and some",
        ),
        (
            several(*[tflite_files.signature(f"s{k}", {"p": 0, "q": 1}, {"out": 2}) for k in range(65)]),
            "'my.tflite' has 65 signatures; at most 64 are read",
        ),
    ],
)
def test_what_cannot_be_told_apart_is_refused(change: Any, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(two(change))
    assert said in str(caught.value)
    assert str(caught.value).startswith("model.path: ")


def test_a_sentence_names_a_few_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "SHOWN", 2)
    every = [tflite_files.signature(f"s{k}", {f"p{k}": 0, "q": 1}, {"out": 2}) for k in range(4)]
    with pytest.raises(RecipeError, match=r"'s0' \(p0, q\), 's1' \(p1, q\) and 2 more; convert"):
        read(two(several(*every)))
