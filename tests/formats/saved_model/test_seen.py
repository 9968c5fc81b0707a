"""A TensorFlow graph by the operators that a converter makes of it, and what is said of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from saved_model_files import UINT8, floats, integers, node, saved_model, signature, tensor, written
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model import description
from tflbuild.formats.saved_model.flat import Flat
from tflbuild.formats.saved_model.graph_def import meta_graphs
from tflbuild.formats.saved_model.seen import Seen

X, Y = TensorSpec((1, 8), "float32"), TensorSpec((1, 3), "float32")


def seen(nodes: Sequence[bytes], ends: Sequence[str] = ("end:0",)) -> Seen:
    (graph,) = meta_graphs(saved_model([node("x", "Placeholder"), *nodes], {}))
    return Seen(Flat(graph, ends), {"x": X}, {f"y{k}": Y for k in range(len(ends))})


KINDS = {
    "Add": "ADD",
    "AddV2": "ADD",
    "BiasAdd": "ADD",
    "AvgPool": "AVERAGE_POOL_2D",
    "BatchMatMulV2": "BATCH_MATMUL",
    "Cast": "CAST",
    "Conv2D": "CONV_2D",
    "DepthwiseConv2dNative": "DEPTHWISE_CONV_2D",
    "LogSoftmax": "LOG_SOFTMAX",
    "MatMul": "FULLY_CONNECTED",
    "Mul": "MUL",
    "RealDiv": "DIV",
    "ResizeBilinear": "RESIZE_BILINEAR",
    "ResizeNearestNeighbor": "RESIZE_NEAREST_NEIGHBOR",
    "Sigmoid": "LOGISTIC",
    "Softmax": "SOFTMAX",
    "Sub": "SUB",
    "Tanh": "TANH",
    "Relu6": "RELU6",
}
"""Operators of LiteRT's schema that compute what TensorFlow's documentation says."""

MOVING = {
    "ExpandDims": "EXPAND_DIMS",
    "Mean": "MEAN",
    "MirrorPad": "MIRROR_PAD",
    "Pad": "PAD",
    "PadV2": "PADV2",
    "Reshape": "RESHAPE",
    "Squeeze": "SQUEEZE",
    "StridedSlice": "STRIDED_SLICE",
}
"""Those whose further inputs are axes, sides or places."""


@pytest.mark.parametrize("op", [*KINDS, *MOVING])
def test_operators_have_the_names_of_litert(op: str) -> None:
    found = seen([node("two", "Const", value=integers(1, 2)), node("end", op, "x", "two")])
    (operator,) = found.operators
    assert operator.kind == {**KINDS, **MOVING}[op]
    assert len(operator.inputs) == (1 if op in MOVING else 2)
    assert operator[2:5] == (found.outputs, "", False)
    assert operator.inputs[0] == found.inputs[0]


def test_tensors_are_numbered_inputs_first_through_what_changes_nothing() -> None:
    found = seen(
        [
            node("half", "Const", value=floats([1], 0.5)),
            node("kept", "Identity", "half"),
            node("scaled", "Mul", "x", "kept"),
            node("same", "Identity", "scaled"),
            node("end", "Softmax", "same"),
        ],
        ("end:0", "same:0"),
    )
    assert found.inputs == (0,)
    assert found.outputs == (1, 2)
    by_kind = {one.kind: one for one in found.operators}
    assert set(by_kind) == {"MUL", "SOFTMAX"}
    assert (by_kind["MUL"].outputs, by_kind["SOFTMAX"].inputs) == ((2,), (2,))
    (_, factor) = by_kind["MUL"].inputs
    assert found.few_values(factor) == (0.5,)
    assert found.few_values(0) is None
    assert (found.spec(0), found.spec(1), found.spec(2)) == (X, Y, Y)
    assert found.spec(factor) == TensorSpec((), "float32")
    maker = found.maker(1)
    assert maker is not None
    assert maker.kind == "SOFTMAX"


def test_only_small_float_constants_have_values() -> None:
    found = seen(
        [
            node("few", "Const", value=floats([64], *[1.0] * 64)),
            node("many", "Const", value=floats([65], *[1.0] * 65)),
            node("whole", "Const", value=integers(1)),
            node("end", "AddN", "few", "many", "whole", "x"),
        ]
    )
    (operator,) = found.operators
    lengths = [len(found.few_values(index) or ()) for index in operator.inputs]
    assert lengths == [64, 0, 0, 0]


def test_an_output_that_is_an_input_is_described_as_the_input() -> None:
    found = seen([], ("x:0",))
    assert (found.inputs, found.outputs, found.spec(0)) == ((0,), (0,), X)


def described(folder: Path, content: bytes, **asked: str) -> Description:
    return description.describe(written(folder, content), Asked(**asked))  # type: ignore[arg-type]


def two_inputs(**outputs: bytes) -> bytes:
    nodes = [
        node("a", "Placeholder"),
        node("b", "Placeholder"),
        node("scale", "Const", value=floats([], 0.5)),
        node("scaled", "Mul", "a", "scale"),
        node("sum", "AddV2", "scaled", "b"),
        node("end", "Sigmoid", "sum"),
    ]
    given = {"first": tensor("a:0", (-1, 6)), "second": tensor("b:0", (-1, 6))}
    return saved_model(nodes, {"serving_default": signature(given, outputs)})


def test_each_of_several_inputs_is_said_by_its_name(tmp_path: Path) -> None:
    found = described(tmp_path, two_inputs(y=tensor("end:0", (-1, 6))))
    assert set(found.inputs) == {"first", "second"}
    assert found.signature.inputs["second"] == TensorSpec((1, 6), "float32")
    assert found.signature.outputs["y"] == TensorSpec((1, 6), "float32")
    what = [one.what for one in found.recognised]
    assert {"input first", "input second"} <= set(what)
    assert "signature" not in what, "there is no other"


def test_logits_are_no_classes_until_a_list_names_as_many(tmp_path: Path) -> None:
    nodes = [
        node("x", "Placeholder"),
        node("w", "Const", value=floats([], 1.0)),
        node("end", "MatMul", "x", "w"),
    ]
    ends = signature({"x": tensor("x:0", (-1, 5))}, {"y": tensor("end:0", (-1, 3))})
    content = saved_model(nodes, {"serving_default": ends})
    folder = tmp_path / "model"
    found = described(folder, content)
    assert {one.what for one in found.recognised} == {"task", "input"}
    assert (found.task, found.head, found.labels) == ("", {}, {})
    assert {one.what: one.value for one in found.recognised}["task"] == "not recognised"
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    found = described(folder, content)
    assert (found.task, found.labels) == ("classification", {"labels.txt": ("a", "b", "c")})
    assert found.head == {"outputs": {"scores": "y"}, "scores": "logits"}
    (tmp_path / "labels.txt").write_text("background\na\nb\nc\n")
    assert described(folder, content).labels == {}, "no detector, whose outputs lack a background"


def test_outputs_keep_their_sides_and_a_batch_is_one(tmp_path: Path) -> None:
    found = described(
        tmp_path,
        two_inputs(a=tensor("end:0", (-1, -1, 4)), b=tensor("end:0", (7, 4)), c=tensor("end:0", (), UINT8)),
    )
    assert {name: (spec.shape, spec.dtype) for name, spec in found.signature.outputs.items()} == {
        "a": ((1, -1, 4), "float32"),
        "b": ((7, 4), "float32"),
        "c": ((), "uint8"),
    }


def test_a_signature_without_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        described(tmp_path, two_inputs())
    assert str(caught.value) == f"model.path: the signature 'serving_default' of '{tmp_path}' has no outputs."


def test_a_graph_that_leads_nowhere_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"^model\.path: the graph of '.*' has a tensor 'gone:0' that no node "
    ):
        described(tmp_path, two_inputs(y=tensor("gone:0", (1, 2))))
