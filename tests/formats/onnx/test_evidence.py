"""What is said of an ONNX file: who wrote it, how its inputs lie, which operators are quantized; and which go in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onnx_files import Given, classifier, end, graph, message, model, node, tensor, written
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx import description
from tflbuild.formats.onnx.model_format import Onnx


def said(found: Description) -> dict[str, tuple[str, str]]:
    return {one.what: (one.value, one.evidence) for one in found.recognised}


def made_by(folder: Path, *fields: tuple[int, str]) -> str:
    given = Given([node("Relu", ["x"], ["y"])], [end("x", (1, 2))], [end("y", (1, 2))])
    content = message((1, 8), *fields, (7, graph(given)), (8, message((2, 13))))
    return said(Onnx().describe(written(folder, content)))["format"][1]


def test_who_wrote_it_is_said_and_cut_where_it_is_long(tmp_path: Path) -> None:
    assert made_by(tmp_path, (2, "keras2onnx"), (3, "1.7")) == "written by keras2onnx 1.7"
    assert made_by(tmp_path) == "written by a program that does not say which"
    long = made_by(tmp_path, (2, "x" * 61)).removeprefix("written by ")
    assert len(long) <= 60
    assert long.startswith("x" * 50)
    assert made_by(tmp_path, (2, "y" * 60)) == f"written by {'y' * 60}"


def of_inputs(*inputs: bytes) -> bytes:
    kernel = tensor("k", np.ones((4, 3, 1, 1), np.float32))
    nodes = [
        node("Conv", ["first", "k"], ["a"]),
        node("Transpose", ["last"], ["t"], perm=[0, 3, 1, 2]),
        node("Concat", ["a", "t", "row"], ["y"], axis=1),
    ]
    return model(Given(nodes, inputs, [end("y", (1, 2))], [kernel]))


INPUTS = (end("first", (1, 3, 5, 7)), end("last", (1, 5, 7, 2)), end("row", (1, 9)))


def test_of_several_inputs_each_is_said_by_its_name(tmp_path: Path) -> None:
    found = Onnx().describe(written(tmp_path, of_inputs(*INPUTS)))
    layouts = {what: value for what, value in said(found).items() if what.startswith("layout")}
    assert layouts == {
        "layout of first": (
            "(1, 3, 5, 7) float32, channels first in the file, last in the .tflite",
            "Conv reads it",
        ),
        "layout of last": ("(1, 5, 7, 2) float32, channels last", "a Transpose to channels first reads it"),
    }
    assert {name: spec.shape for name, spec in found.signature.inputs.items()} == {
        "first": (1, 5, 7, 3),
        "last": (1, 5, 7, 2),
        "row": (1, 9),
    }


def test_operators_of_quantized_files_are_counted_by_name(tmp_path: Path) -> None:
    kinds = ["QuantizeLinear", "DequantizeLinear", "QLinearConv", "DequantizeLinear", "MatMulInteger"]
    behind = [node(kind, ["scores"], [f"q{number}"]) for number, kind in enumerate(kinds)]
    found = Onnx().describe(written(tmp_path, classifier(behind=behind)))
    assert found.quantized == "int8"
    assert said(found)["quantized"] == (
        "int8",
        "2 DequantizeLinear, 1 MatMulInteger, 1 QLinearConv, 1 QuantizeLinear",
    )
    plain = Onnx().describe(written(tmp_path, classifier()))
    assert plain.quantized == ""
    assert "quantized" not in said(plain)


@pytest.mark.parametrize("kind", ["DynamicQuantizeLinear", "QLinearMatMul", "ConvInteger"])
def test_every_operator_of_quantized_files_tells_one(kind: str, tmp_path: Path) -> None:
    content = classifier(behind=[node(kind, ["scores"], ["q"])])
    assert said(Onnx().describe(written(tmp_path, content)))["quantized"] == ("int8", f"1 {kind}")


NUMBERED = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float16": 10}


@pytest.mark.parametrize("dtype", [*NUMBERED, "bool", "float64"])
def test_samples_are_given_in_numbers_that_they_have(dtype: str, tmp_path: Path) -> None:
    number = {**NUMBERED, "bool": 9, "float64": 11}[dtype]
    sides = message((1, message((1, 1))), (1, message((1, 6))))
    given = message((1, "x"), (2, message((1, message((1, number), (2, sides))))))
    path = written(tmp_path, model(Given([node("Relu", ["x"], ["y"])], [given], [end("y", (1, 6))])))
    if dtype in NUMBERED:
        assert Onnx().describe(path).signature.inputs["x"] == TensorSpec((1, 6), dtype)
        assert description.ends(path, ()).given == {"x": (1, 6)}
        return
    with pytest.raises(RecipeError) as caught:
        Onnx().describe(path)
    assert str(caught.value) == (
        f"model.path: the input 'x' of '{path}' is (1, 6) {dtype}; samples can only be float32, float16, "
        f"uint8, int8, int32, int64."
    )


def test_a_file_without_an_output_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, model(Given([], [end("x", (1, 2))], [])))
    with pytest.raises(RecipeError, match=r"model\.onnx' has no output; it cannot be used\.$"):
        Onnx().check(path)
    for look in (Onnx().check, Onnx().files):
        with pytest.raises(
            RecipeError, match=r"absent' cannot be read as an ONNX file: No such file or directory\.$"
        ):
            look(tmp_path / "absent")
    damaged = written(tmp_path, b"\x0b")
    with pytest.raises(
        RecipeError, match=r"^model\.path: '.*' has a field of the unknown kind 3; it cannot be used\.$"
    ):
        Onnx().files(damaged)


def test_a_signature_cannot_be_said_of_it(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^signature: an ONNX file has one graph alone; leave model\.signature out$"
    ):
        Onnx().describe_as(written(tmp_path, classifier()), Asked(signature="x"))


@pytest.mark.parametrize(
    ("beginning", "onnx"),
    [
        (b"\x08\x03\x12", True),
        (b"\x08\x08\x3a", True),
        (b"\x08\x08\x1a", True),
        (b"\x08\x08\x22", True),
        (b"\x08\x08\x28", True),
        (b"\x08\x08\x32", True),
        (b"\x08\x08\x42", True),
        (b"\x08\x08\x72", True),
        (b"\x08\x3f\x12", True),
        (b"\x08\x40\x12", False),
        (b"\x08\x02\x12", False),
        (b"\x08\x01\x12", False),
        (b"\x08\x08\x0a", False),
        (b"\x0a\x08\x12", False),
        (b"\x08\x08", False),
        (b"", False),
    ],
)
def test_its_first_bytes_are_a_version_and_another_field_of_a_model(beginning: bytes, onnx: bool) -> None:
    assert Onnx().recognises(Path("anything"), beginning) is onnx
