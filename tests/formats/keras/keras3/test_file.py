"""A file of Keras 3 while planning: read as one of tf_keras, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras3_files
import keras_files
from keras3_files import dense, functional, image, layer, tensor
from tflbuild.core.errors import RecipeError
from tflbuild.formats import known
from tflbuild.formats.keras import header
from tflbuild.formats.keras.description import described
from tflbuild.formats.keras.keras3.file import is_third
from tflbuild.formats.recognition import format_named, recognised_format


@pytest.mark.parametrize(
    ("version", "third"),
    [("", False), ("2.21.0", False), ("3", True), ("3.0.0", True), ("10.1", True), ("x", False)],
)
def test_a_version_says_who_wrote_a_file(version: str, third: bool) -> None:
    assert is_third(version) == third


def test_a_plan_reads_it_and_says_that_it_is_translated(tmp_path: Path) -> None:
    found = header.read(keras3_files.keras(tmp_path / "my.keras", dense()))
    header.check(found, tmp_path / "my.keras")
    assert found.inputs() == [(8, 8, 3)]
    assert found.elements == 386
    shown = described(found)
    assert shown.ends[0] == ("softmax", "layer 'scores' ends in softmax")
    assert shown.changes == (
        (
            "translated to tf_keras",
            "Keras 3.15.1 saved it; the result is compared with what it computes there",
        ),
    )


def test_a_layer_without_an_equal_goes_to_keras_3_and_the_plan_says_which(tmp_path: Path) -> None:
    config = functional(
        image(),
        layer("RMSNormalization", "norm", "image", axis=-1, epsilon=1e-6),
        layer("Bidirectional", "both", tensor("norm")),
        layer("Dense", "scores", tensor("both", shape=(12,)), units=2, activation="softmax"),
    )
    path = keras3_files.keras(tmp_path / "my.keras", config)
    found = recognised_format(path)
    assert (found.name, found.kind, found.loader) == ("keras3_export", "TFLiteModel", "load_keras3")
    found.check(path)
    said = found.describe(path)
    assert (said.task, said.signature.outputs["scores"].shape) == ("classification", (-1, 2))
    assert said.recognised[-1] == (
        "layers",
        "exported by Keras 3 as a SavedModel, in float32",
        "layer 'norm' is the layer RMSNormalization of Keras 3, which has no known equivalent in tf_keras "
        "(and 1 more layer of such kinds); the result is compared with what it computes in Keras 3; no "
        "pass can train it",
    )
    assert "model=file can use it through Keras 3, in recipes that do not train." in refusal(path)


def test_a_file_that_is_translated_can_be_taken_through_keras_3_all_the_same(tmp_path: Path) -> None:
    path = keras3_files.keras(tmp_path / "my.keras", dense())
    usual = recognised_format(path)
    assert (usual.name, usual.otherwise(path)) == ("keras", "keras3_export")
    found = known.described(path, said="keras3_export")
    assert (found.kind.name, found.description.task) == ("keras3_export", "classification")
    assert found.description.recognised[-1].value == "exported by Keras 3 as a SavedModel, in float32"
    assert found.description.recognised[-1].evidence.startswith(
        "model.format says so; the result is compared with what it computes in Keras 3"
    )
    assert known.described(path).kind.name == "keras", "which is remembered apart"


def test_a_file_of_tf_keras_has_one_way_alone(tmp_path: Path) -> None:
    path = keras_files.h5(tmp_path / "my.h5", keras_files.dense())
    assert recognised_format(path).otherwise(path) == ""
    with pytest.raises(RecipeError) as raised:
        format_named(path, "keras3_export")
    assert str(raised.value) == (
        f"model.format: '{path}' cannot be read as 'keras3_export'; its content is of the format 'keras'. "
        f"Leave model.format out."
    )
    with pytest.raises(
        RecipeError, match=r"^model.format: there is no format 'kers'; .* Did you mean 'keras'"
    ):
        format_named(path, "kers")


@pytest.mark.parametrize("kind", ["Lambda", "Mine", "StringLookup"])
def test_code_beside_a_layer_without_an_equal_is_refused_all_the_same(kind: str, tmp_path: Path) -> None:
    config = functional(
        image(), layer("RMSNormalization", "norm", "image"), layer(kind, "code", tensor("norm"))
    )
    path = keras3_files.keras(tmp_path / "my.keras", config)
    assert recognised_format(path).name == "keras"
    with pytest.raises(RecipeError, match=f"layer 'code' is a '?{kind}'?, "):
        recognised_format(path).check(path)


def test_a_layer_without_an_equal_that_holds_code_deep_inside_is_refused(tmp_path: Path) -> None:
    inner = {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}
    config = functional(image(), layer("TimeDistributed", "each", "image", layer=inner))
    path = keras3_files.keras(tmp_path / "my.keras", config)
    with pytest.raises(RecipeError, match=r"names keras\.layers\.Lambda, which is nothing of Keras 3"):
        recognised_format(path).check(path)


@pytest.mark.parametrize("change", ["cut", "nan", "sides"])
def test_what_keras_3_could_not_take_either_is_refused_while_planning(change: str, tmp_path: Path) -> None:
    shape: Any = (None, 8, 3) if change == "sides" else keras3_files.SHAPE
    config = functional(image(shape=shape), layer("RMSNormalization", "norm", "image"))
    values = np.full(3, np.nan if change == "nan" else 1, np.float32)
    weights = keras3_files.store({"layers/rms_normalization/vars/0": values})
    path = keras3_files.keras(tmp_path / "my.keras", config, weights)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    said = {"cut": "is a damaged archive", "nan": "not finite", "sides": "sides must be fixed numbers"}
    with pytest.raises(RecipeError, match=said[change]):
        recognised_format(path).check(path)


def test_a_h5_names_no_modules(tmp_path: Path) -> None:
    config = json.loads(json.dumps(dense()))
    for entry in config["config"]["layers"]:
        del entry["module"], entry["registered_name"]
    path = keras_files.h5(tmp_path / "my.h5", config, version="3.15.1")
    header.check(header.read(path), path)


def refusal(path: Path) -> str:
    with pytest.raises(RecipeError) as raised:
        header.check(header.read(path), path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"module": "mine", "class_name": "Mine", "config": {}, "registered_name": "Mine"},
            "the model is a subclassed one ('Mine'), whose graph is Python code; export it in Keras 3 with "
            "model.export('FOLDER'), and set model.path=FOLDER, or rebuild it as keras.Model(inputs, "
            "outputs).",
        ),
        (
            functional(image(), layer("Lambda", "twice", "image")),
            "layer 'twice' is a Lambda, Python code in a file, which tflbuild does not execute; export it "
            "in Keras 3 with model.export('FOLDER'), and set model.path=FOLDER.",
        ),
        (
            dense(units=1 << 40),
            "layer 'scores' has units=1099511627776, and the whole file holds 386 weights; ",
        ),
    ],
)
def test_what_cannot_be_loaded_is_refused_while_planning(config: Any, said: str, tmp_path: Path) -> None:
    path = keras3_files.keras(tmp_path / "my.keras", config)
    assert refusal(path).startswith(f"model.path: in '{path}', {said}")


def test_a_refused_model_shows_nothing(tmp_path: Path) -> None:
    config = functional(image(), layer("Lambda", "twice", "image"))
    found = header.read(keras3_files.keras(tmp_path / "my.keras", config))
    assert found.inputs() == []
    assert described(found).ends == ()


def test_weights_alone_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "my.weights.h5"
    path.write_bytes(keras3_files.store(keras3_files.dense_weights()))
    assert (
        "holds only weights, without the model's configuration; save the whole model: model.save"
        in refusal(path)
    )
