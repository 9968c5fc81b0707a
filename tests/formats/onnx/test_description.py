"""What planning reads of an ONNX file, from files that were written field by field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import Given, classifier, end, graph, model, node, tensor, written
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx.model_format import Onnx
from tflbuild.formats.recognition import recognised_format


def described(folder: Path, content: bytes, *shape: int) -> Description:
    return Onnx().describe_as(written(folder, content), Asked(shape=shape))


def told(description: Description) -> dict[str, tuple[str, str]]:
    return {one.what: (one.value, one.evidence) for one in description.recognised}


def test_it_is_recognised_by_its_first_bytes_whatever_it_is_called(tmp_path: Path) -> None:
    assert recognised_format(written(tmp_path, classifier(), "model.tflite")).name == "onnx"


def test_what_goes_in_has_its_channels_last_and_one_sample(tmp_path: Path) -> None:
    found = described(tmp_path, classifier())
    assert dict(found.signature.inputs) == {"image": TensorSpec((1, 12, 12, 3), "float32")}
    assert dict(found.signature.outputs) == {"scores": TensorSpec((1, 3), "float32")}
    assert found.inputs["image"] == ("image", {})
    assert (found.task, found.head) == (
        "classification",
        {"outputs": {"scores": "scores"}, "scores": "softmax"},
    )
    seen = told(found)
    assert seen["format"] == ("ONNX, opset 13", "written by by hand 1")
    assert seen["layout"] == (
        "(1, 3, 12, 12) float32, channels first in the file, last in the .tflite",
        "Conv reads it",
    )
    assert seen["outputs"][0] == "softmax of 3 classes"


@pytest.mark.parametrize(
    ("kind", "scores"), [("Softmax", "softmax"), ("Sigmoid", "sigmoid"), ("LogSoftmax", None), ("", None)]
)
def test_scores_are_what_the_last_operator_makes_and_logits_may_be_any_numbers(
    kind: str, scores: str | None, tmp_path: Path
) -> None:
    assert described(tmp_path, classifier(kind)).head.get("scores") == scores


def test_logits_are_those_of_classes_where_a_property_or_a_list_names_as_many(tmp_path: Path) -> None:
    for number, text in enumerate(("{0: 'ant', 1: 'bee', 2: 'cow'}", '["ant", "bee", "cow"]')):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = described(folder, classifier("", properties={"names": text}))
        assert dict(found.labels) == {"the property 'names'": ("ant", "bee", "cow")}
        assert found.head["scores"] == "logits"
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    assert dict(described(tmp_path, classifier("")).labels) == {"labels.txt": ("a", "b", "c")}


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "{0: 'a', 2: 'b'}", "[1, 2, 3]", "(", "7"]
)
def test_a_property_that_holds_no_names_is_passed_over_and_never_run(text: str, tmp_path: Path) -> None:
    assert dict(described(tmp_path, classifier("", properties={"names": text})).labels) == {}


def test_an_input_that_a_transpose_reads_first_has_its_channels_last_in_the_file(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]),
        node("Conv", ["turned", "kernel"], ["seen"]),
        node("GlobalAveragePool", ["seen"], ["mean"]),
        node("Flatten", ["mean"], ["scores"]),
    ]
    kernel = tensor("kernel", np.ones((5, 3, 1, 1), np.float32))
    given = Given(nodes, [end("image", ("N", 12, 12, 3))], [end("scores", ("N", 5))], [kernel])
    found = described(tmp_path, model(given))
    assert found.signature.inputs["image"].shape == (1, 12, 12, 3)
    assert told(found)["layout"] == (
        "(1, 12, 12, 3) float32, channels last",
        "a Transpose to channels first reads it",
    )


def test_a_scaling_at_the_front_is_read_as_that_of_a_tflite(tmp_path: Path) -> None:
    nodes = [
        node("Mul", ["image", "factor"], ["scaled"]),
        node("Conv", ["scaled", "kernel"], ["seen"]),
        node("GlobalAveragePool", ["seen"], ["mean"]),
        node("Flatten", ["mean"], ["scores"]),
    ]
    constants = [
        tensor("kernel", np.ones((5, 3, 1, 1), np.float32)),
        tensor("factor", np.full((1, 3, 1, 1), 1 / 255, np.float32)),
    ]
    given = Given(nodes, [end("image", (1, 3, 16, 16))], [end("scores", (1, 5))], constants)
    assert described(tmp_path, model(given)).inputs["image"] == ("image", {"scale": 1.0, "offset": 0.0})


def test_rows_of_numbers_stay_as_they_are(tmp_path: Path) -> None:
    weights = tensor("weights", np.ones((12, 2), np.float32))
    given = Given(
        [node("MatMul", ["x", "weights"], ["y"])], [end("x", ("N", 12))], [end("y", ("N", 2))], [weights]
    )
    found = described(tmp_path, model(given))
    assert found.signature.inputs["x"] == TensorSpec((1, 12), "float32")
    assert "layout" not in told(found)


def test_constants_that_older_files_list_as_inputs_are_none(tmp_path: Path) -> None:
    weights = tensor("weights", np.ones((12, 2), np.float32))
    ends = [end("x", (1, 12)), end("weights", (12, 2))]
    given = Given([node("MatMul", ["x", "weights"], ["y"])], ends, [end("y", (1, 2))], [weights])
    assert list(described(tmp_path, model(given, version=3)).signature.inputs) == ["x"]


def test_open_sides_are_fixed_by_the_recipe_in_the_files_own_order_of_axes(tmp_path: Path) -> None:
    content = classifier(shape=("N", 3, "H", "W"))
    found = described(tmp_path, content, 1, 3, 16, 20)
    assert found.signature.inputs["image"].shape == (1, 16, 20, 3)
    with pytest.raises(RecipeError) as caught:
        described(tmp_path, content)
    assert str(caught.value) == (
        f"model.path: the input 'image' of '{tmp_path / 'model.onnx'}' is (1, 3, ?, ?) float32, whose "
        f"sides are not fixed; set them in the file's own order of axes: model.shape=[1,3,SIDE,SIDE] with "
        f"a number for each SIDE."
    )
    for shape in ((1, 16, 20, 3), (1, 3, 16)):
        with pytest.raises(
            ValueError, match=r"^shape: .* does not fit the input 'image' of .* \(\?, 3, \?, \?\)"
        ):
            described(tmp_path, content, *shape)


def test_a_quantized_file_is_said_to_be_one(tmp_path: Path) -> None:
    nodes = [node("QuantizeLinear", ["scores", "scale"], ["stored"])]
    found = described(tmp_path, classifier(behind=nodes))
    assert (found.quantized, told(found)["quantized"]) == ("int8", ("int8", "1 QuantizeLinear"))


BRANCH = graph(Given([node("Secret", ["a"], ["b"])], [], [end("b", (1,))]))

REFUSED: dict[str, tuple[bytes, str]] = {
    "an operator that nobody knows": (
        classifier(behind=[node("Fnord", ["scores"], ["x"])]),
        "has the operator 'Fnord', which ONNX does not have; export the model again with operators of ONNX alone",
    ),
    "operators of somebody's own": (
        classifier(
            behind=[node("NMS", ["scores"], ["x"], "ai.mine"), node("Py", ["x"], ["y"], "com.microsoft")]
        ),
        "has the operators 'ai.mine.NMS', 'com.microsoft.Py', which ONNX does not define, so the file does "
        "not say what they computes; export the model again with operators of ONNX alone",
    ),
    "an unknown operator in a branch": (
        classifier(behind=[node("If", ["scores"], ["x"], then_branch=BRANCH)]),
        "has the operator 'Secret', which ONNX does not have; export the model again with operators of ONNX alone",
    ),
    "an operator that is random": (
        classifier(behind=[node("RandomNormal", [], ["x"])]),
        "has the operator 'RandomNormal', whose values are random; export the model for inference",
    ),
    "an opset that is too new": (
        classifier(opset=99),
        "is written in version 99 of ONNX's operators, and versions 7 to 25 are read; export it again with one of "
        "these",
    ),
    "no opset": (
        classifier(opset=0),
        "names no opset, and versions 7 to 25 are read; export it again with one of these",
    ),
    "weights that are missing": (
        classifier(external={"location": "weights.bin", "offset": "0", "length": "432"}),
        "keeps weights in 'weights.bin', which is missing; put it beside the model; it cannot be used",
    ),
    "weights elsewhere": (
        classifier(external={"location": "../weights.bin"}),
        "keeps weights in '../weights.bin', which is not a file in its own folder: files elsewhere are not read; it "
        "cannot "
        "be used",
    ),
    "weights at an absolute path": (
        classifier(external={"location": "/etc/passwd"}),
        "keeps weights in '/etc/passwd', which is not a file in its own folder: files elsewhere are not "
        "read; it cannot "
        "be "
        "used",
    ),
    "cut short": (
        classifier()[:-40],
        "points outside of itself, as a file that was cut short does; it cannot be used",
    ),
    "no graph": (b"\x08\x08\x12\x01x", "has no graph; it cannot be used"),
    "no input": (model(Given([], [], [end("y", (1, 2))])), "has no input; it cannot be used"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_taken_in_is_one_sentence(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    path = written(tmp_path, content)
    for look in (Onnx().check, Onnx().describe):
        with pytest.raises(RecipeError) as caught:
            look(path)
        assert str(caught.value) == f"model.path: '{path}' {said}."


BATCHES: dict[str, tuple[Sequence[int | str] | None, str]] = {
    "two samples at a time": (
        (2, 3, 12, 12),
        "is (2, 3, 12, 12) float32, so it takes 2 samples at a time; export it again for one sample at a time, or "
        "with an open batch.",
    ),
    "no axes": ((), "is () float32, so it has no axis for the batch; export it again"),
    "no shape": (None, "has no shape; set it in the file's own order, e.g. model.shape=[1,3,224,224]."),
}


@pytest.mark.parametrize("case", BATCHES)
def test_an_input_that_is_not_one_sample_is_refused(case: str, tmp_path: Path) -> None:
    shape, said = BATCHES[case]
    given = Given([node("Relu", ["image"], ["y"])], [end("image", shape)], [end("y", shape)])
    with pytest.raises(RecipeError) as caught:
        described(tmp_path, model(given))
    known = f"model.path: the input 'image' of '{tmp_path / 'model.onnx'}' "
    assert str(caught.value).startswith(known + said)


def test_text_cannot_go_in(tmp_path: Path) -> None:
    given = Given(
        [node("Identity", ["t"], ["y"])], [end("t", (1, 2), "string")], [end("y", (1, 2), "string")]
    )
    with pytest.raises(RecipeError, match=r"the input 't' of .* is \(1, 2\) string; samples can only be "):
        described(tmp_path, model(given))


def test_weights_beside_a_file_are_among_its_files(tmp_path: Path) -> None:
    place = {"location": "data/weights.bin", "offset": "0", "length": "432"}
    path = written(tmp_path, classifier(external=place))
    (tmp_path / "data").mkdir()
    weights = tmp_path / "data" / "weights.bin"
    weights.write_bytes(bytes(432))
    assert Onnx().files(path) == (path, weights)
    weights.write_bytes(bytes(431))
    with pytest.raises(RecipeError, match="which has 431 bytes; expected at least 432; it cannot be used"):
        Onnx().files(path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(500))
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "weights.bin").symlink_to(tmp_path / "secret")
    path = written(inner, classifier(external={"location": "weights.bin"}))
    with pytest.raises(RecipeError, match="a link out of its own folder, which is not followed"):
        Onnx().check(path)


def test_damaged_bytes_are_a_sentence_and_never_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    whole = classifier(
        properties={"names": "{0: 'a', 1: 'b', 2: 'c'}"}, external={"location": "w", "length": "4"}
    )
    (tmp_path / "w").write_bytes(bytes(500))
    said = []
    for _ in range(400):
        content = bytearray(whole)
        for place in rng.integers(2, len(content), rng.integers(1, 6)):
            content[place] = rng.integers(0, 256)
        path = written(tmp_path, bytes(content[: len(content) - rng.integers(0, 3)]))
        try:
            Onnx().describe(path)
        except RecipeError as error:
            said.append(str(error))
    assert len(said) > 100
    assert all(text.startswith("model.path: ") and "\n" not in text for text in said)


REAL: dict[str, tuple[str, tuple[int, ...], dict[str, tuple[int, ...]], Any]] = {
    "mobilenet_v2_0.35_128": ("input_1", (1, 128, 128, 3), {"dense": (1, 5)}, "softmax"),
    "st_ssd_mobilenet_v1_025_256": (
        "input_1",
        (1, 256, 256, 3),
        {"classes_softmax": (1, 6825, 2), "bboxes_concat": (1, 6825, 4), "anchors_concat": (1, 6825, 4)},
        None,
    ),
    "FastestDet": ("input.1", (1, 352, 352, 3), {"758": (1, 22, 22, 85)}, None),
}
"""Name, input, its shape, outputs, and kind of scores, as onnx's own package reads the files."""


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read(name: str, shared_models: Path) -> None:
    given, shape, outputs, scores = REAL[name]
    found = Onnx().describe(shared_models / "onnx" / f"{name}.onnx")
    assert {key: spec.shape for key, spec in found.signature.inputs.items()} == {given: shape}
    assert {key: spec.shape for key, spec in found.signature.outputs.items()} == outputs
    assert (found.head or {}).get("scores") == scores
