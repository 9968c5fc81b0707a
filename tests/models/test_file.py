"""The user's file of any format: what is told of it while planning; no framework."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_configs import functional, image, layer, written
from tflbuild.core.errors import RecipeError
from tflbuild.models.file import File
from tflbuild.passes.load import Load
from tflbuild.passes.load_tflite import LoadTflite
from tflite_files import Tensor, Typed, classifier, metadata, network, step, with_metadata

STATISTICS = {"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4]}


def file(folder: Path, content: bytes, name: str = "model.tflite", outputs: Any = "auto") -> File:
    path = folder / name
    path.write_bytes(content)
    return File(path=str(path), outputs=outputs)


def keras(folder: Path) -> File:
    scores = layer("Dense", "scores", "flat", units=2, activation="softmax")
    return File(
        path=str(written(folder / "m.h5", functional(image(), layer("Flatten", "flat", "image"), scores)))
    )


def two_outputs() -> bytes:
    """Give a file of two pictures and two outputs, which nobody said what they are."""
    tensors: dict[str, Any] = {
        "left": (1, 8, 8, 3),
        "right": (1, 16, 4, 3),
        "weights": np.ones((4, 192), np.float32),
        "one": (1, 4),
        "other": (1, 4),
    }
    steps = [
        step("FULLY_CONNECTED", ["left", "weights"], ["one"]),
        step("FULLY_CONNECTED", ["right", "weights"], ["other"]),
    ]
    return network(tensors, steps, ["left", "right"], ["one", "other"])


def test_the_file_decides_which_pass_takes_it_in(tmp_path: Path) -> None:
    assert file(tmp_path, classifier("SOFTMAX")).starts() == LoadTflite()
    assert keras(tmp_path).starts() == Load()
    assert file(tmp_path, classifier(), "called_otherwise.h5").starts() == LoadTflite(), "content decides"


def test_it_tells_task_labels_and_the_input(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    found = file(tmp_path, classifier("SOFTMAX"))
    found.check()
    assert (found.task, found.resolution(), found.quantized()) == ("classification", 8, "")
    assert found.listed_labels() == {"labels.txt": ("cat", "dog", "bird")}
    assert found.files() == (tmp_path / "model.tflite", tmp_path / "labels.txt"), "both decide the result"
    assert [one["what"] for one in found.recognised()] == ["task", "outputs", "input", "preprocess", "labels"]
    assert all(set(one) == {"what", "value", "evidence"} for one in found.recognised())


def test_the_resolution_is_the_longest_side_of_any_picture(tmp_path: Path) -> None:
    assert file(tmp_path, two_outputs()).resolution() == 16
    assert file(tmp_path, classifier(shape=(1, 40))).resolution() == 0


TASKS = [
    # content, task, and what the outputs are on data without labels, of classes, and of boxes
    (classifier("SOFTMAX"), "classification", ("classification", "classification", "classification")),
    (classifier("LOGISTIC"), "classification", ("classification", "classification", "classification")),
    (classifier(), "", ("unlabelled", "classification", "detection")),
    (classifier("TANH"), "", ("unlabelled", "classification", "detection")),
]


@pytest.mark.parametrize(("content", "task", "on"), TASKS)
def test_outputs_that_say_nothing_are_kept_as_they_are_on_data_without_labels(
    tmp_path: Path, content: bytes, task: str, on: tuple[str, ...]
) -> None:
    found = file(tmp_path, content)
    assert found.task == task
    assert tuple(found.task_on(data) for data in ("unlabelled", "classification", "detection")) == on


def test_scores_of_a_keras_file_are_scores_on_data_without_labels_too(tmp_path: Path) -> None:
    assert keras(tmp_path).task_on("unlabelled") == "classification"
    assert (
        keras(tmp_path)
        .misfit("image", ("a", "b", "c"))
        .endswith("has 2 classes, but the data have 3 (a, b, c)")
    )


def test_logits_that_a_list_names_are_classes_and_kept_as_they_are_without_labels(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    found = file(tmp_path, classifier())
    assert found.task == "classification"
    assert (found.task_on("unlabelled"), found.task_on("classification")) == ("unlabelled", "classification")


REFUSALS = [
    (classifier("SOFTMAX"), "classification", ""),
    (classifier("SOFTMAX"), "unlabelled", ""),
    (classifier(), "unlabelled", ""),
    (
        classifier("SOFTMAX"),
        "detection",
        "'file' is for classification (data=images takes only pictures)",
    ),
    (
        classifier(),
        "classification",
        "the outputs of '{path}' are not recognised (FULLY_CONNECTED makes it, without an activation: logits of 3 "
        "classes, or other numbers, since no labels.txt names 3 classes; model.outputs=logits, softmax or sigmoid "
        "says that they are a classifier's scores)",
    ),
    (
        classifier("TANH"),
        "detection",
        "the outputs of '{path}' are not recognised (the one output, 'scores' (1, 3) float32: TANH makes it, which "
        "makes no scores)",
    ),
]


@pytest.mark.parametrize(("content", "task", "said"), REFUSALS)
def test_data_of_another_task_are_refused_with_what_the_file_shows(
    tmp_path: Path, content: bytes, task: str, said: str
) -> None:
    found = file(tmp_path, content)
    assert found.refusal(task) == said.format(path=found.path)


@pytest.mark.parametrize(
    ("content", "outputs", "classes"),
    [(classifier(), "logits", 3), (classifier("TANH"), "sigmoid", 3), (classifier(classes=1), "logits", 2)],
)
def test_what_the_user_says_of_one_row_of_numbers_makes_a_classifier_of_it(
    tmp_path: Path, content: bytes, outputs: str, classes: int
) -> None:
    found = file(tmp_path, content, outputs=outputs)
    found.check()
    assert (found.task, found.refusal("classification")) == ("classification", "")
    assert (found.task_on("unlabelled"), found.task_on("classification")) == ("classification",) * 2
    assert found.description.head == {"outputs": {"scores": "scores"}, "scores": outputs}
    evidence = f"model.outputs={outputs} says so"
    assert found.recognised()[:2] == [
        {"what": "task", "value": "classification", "evidence": evidence},
        {"what": "outputs", "value": f"{outputs} of {classes} classes", "evidence": evidence},
    ]
    assert [one["what"] for one in found.recognised()].count("task") == 1
    five = ("a", "b", "c", "d", "e")
    assert f"has {classes} classes, but the data have 5" in found.misfit("image", five)


STATED = [
    (
        classifier("SOFTMAX"),
        "logits",
        "outputs: 'logits' contradicts the file, which shows that its scores are those of 'softmax'",
    ),
    (
        two_outputs(),
        "logits",
        "outputs: 'logits' is what the one row of scores of a classifier may be, and the file ",
    ),
]


@pytest.mark.parametrize(("content", "outputs", "said"), STATED)
def test_what_the_user_says_against_the_file_is_refused(
    tmp_path: Path, content: bytes, outputs: str, said: str
) -> None:
    found = file(tmp_path, content, outputs=outputs)
    with pytest.raises(ValueError, match=said):
        found.check()


def test_what_the_user_says_as_the_file_does_changes_nothing(tmp_path: Path) -> None:
    found = file(tmp_path, classifier("SOFTMAX"), outputs="softmax")
    assert found.description == file(tmp_path, classifier("SOFTMAX")).description


def test_data_that_do_not_fit_are_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    found = file(tmp_path, classifier("SOFTMAX"))
    assert found.misfit("image", ("a", "b", "c")) == ""
    assert found.misfit("vector", ()) == ""
    assert found.misfit("image", ("a", "b")) == f"'{found.path}' has 3 classes, but the data have 2 (a, b)"
    vector = file(tmp_path, classifier("SOFTMAX", shape=(1, 40)), "vector.tflite")
    assert vector.misfit("image", ()).startswith(
        f"'{vector.path}' cannot take the data, whose samples are of the "
    )


def normalising(mean: Any, std: Any) -> bytes:
    made = metadata([Tensor(content=2, colour=1, mean=mean, std=std)])
    return with_metadata(classifier("SOFTMAX"), made)


def test_what_the_file_says_of_its_one_input_is_told(tmp_path: Path) -> None:
    assert file(tmp_path, classifier("SOFTMAX")).preprocess() == {}
    even = file(tmp_path, normalising([127.5], [127.5])).preprocess()
    assert even == {"channels": "rgb", "scale": pytest.approx(1 / 127.5), "offset": -1.0}
    uneven = file(tmp_path, normalising(STATISTICS["mean"], STATISTICS["std"]), "uneven.tflite").preprocess()
    assert uneven["mean"] == pytest.approx(STATISTICS["mean"], rel=1e-6)
    assert file(tmp_path, two_outputs(), "two.tflite").preprocess() == {}, (
        "of two inputs neither speaks for both"
    )


CONTRADICTIONS: list[tuple[Mapping[str, Any], str]] = [
    ({"channels": "rgb", "scale": 1 / 127.5, "offset": -1.0}, ""),
    ({"channels": "rgb", "scale": 0.00784314, "offset": -1}, ""),
    (
        {"channels": "rgb", "scale": 1.0, "offset": -1.0},
        "preprocess: this recipe has scale=1.0, but '{path}' asks for preprocess.scale=0.00784313725490196.",
    ),
    (
        {"channels": "bgr", "mean": [1, 2, 3]},
        "preprocess: this recipe has channels=bgr, scale=null, offset=null, but '{path}' asks for "
        "preprocess.channels=rgb preprocess.scale=0.00784313725490196 preprocess.offset=-1.0.",
    ),
]


@pytest.mark.parametrize(("preprocess", "said"), CONTRADICTIONS)
def test_what_the_recipe_says_against_the_file_is_warned_of(
    tmp_path: Path, preprocess: Mapping[str, Any], said: str
) -> None:
    found = file(tmp_path, normalising([127.5], [127.5]))
    assert found.warnings(preprocess) == ([said.format(path=found.path)] if said else [])


def test_what_contradicts_a_graph_that_prepares_pixels_itself_is_refused_while_planning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = file(tmp_path, normalising([127.5], [127.5]))
    held = replace(found.description, held=("scale", "offset"))
    monkeypatch.setattr(type(found), "description", held)
    with pytest.raises(RecipeError, match=r"scale=1\.0, but .* Its own graph already does this: leave"):
        found.warnings({"channels": "rgb", "scale": 1.0, "offset": -1.0})
    assert len(found.warnings({"channels": "bgr", "scale": 1 / 127.5, "offset": -1.0})) == 1, (
        "that only warns"
    )


def in_bytes(model: Any) -> None:
    """Store the weights of a classifier in int8."""
    (weights,) = (one for one in model.subgraphs[0].tensors if one.name == b"weights")
    weights.type = schema.TensorType.INT8
    weights.quantization = schema.QuantizationParametersT()
    weights.quantization.scale = np.array([0.5], np.float32)
    weights.quantization.zeroPoint = np.array([0], np.int64)
    model.buffers[weights.buffer].data = np.ones(int(np.prod(weights.shape)), np.uint8)


def test_a_file_of_integers_names_its_scheme_and_stored_weights_are_none(tmp_path: Path) -> None:
    ends = {
        "image": Typed("int8", 1 / 128),
        "row_0": Typed("int8", 0.5),
        "scores": Typed("int8", 1 / 256, -128),
    }
    assert file(tmp_path, classifier("SOFTMAX", typed=ends, change=in_bytes)).quantized() == "int8"
    stored = file(tmp_path, classifier("SOFTMAX", change=in_bytes), "stored.tflite")
    assert (stored.description.quantized, stored.quantized()) == ("dynamic", "")


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    found = file(tmp_path, classifier("SOFTMAX"))
    assert found.description.task == "classification"
    assert found.description is found.description, "and once a process otherwise"
    path = tmp_path / "model.tflite"
    path.write_bytes(classifier("TANH"))
    os.utime(path, ns=(1, 1))
    assert found.description.task == ""


MISSING = [
    (
        "",
        "path: required; set model.path=FILE to a .tflite, .onnx, .pt2, .h5 or .keras file, or to a SavedModel folder",
    ),
    ("nowhere.tflite", "model.path: there is no file 'nowhere.tflite'."),
]


@pytest.mark.parametrize(("path", "said"), MISSING)
def test_a_file_that_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, RecipeError)) as caught:
        File(path=path).check()
    assert str(caught.value) == said


def test_a_broken_file_has_no_task_and_is_refused_when_it_is_checked(tmp_path: Path) -> None:
    found = file(tmp_path, classifier("SOFTMAX")[:-300])
    assert found.task == ""
    with pytest.raises(RecipeError) as caught:
        found.check()
    said = "points outside of itself, as a file that was cut short does; it cannot be used."
    assert str(caught.value) == f"model.path: {found.path} {said}"
