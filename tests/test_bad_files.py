"""A user's file, or data for it, that cannot be used: one sentence and an exit code; nothing here needs TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import keras3_files
import onnx_files
from foreign_networks import unsigned
from keras_configs import functional, image, layer, written
from own_files import write_classes, write_files, write_photos, write_rows
from tflite_files import Typed
from tflite_files import classifier as of_bytes
from workspace import Workspace

USABLE = "compressed_size, fidelity, latency, size"
TAKING = "correct_bias, dequantize, equalize, export_onnx, quantize, quantize_mixed, round, sensitivity"


def int8() -> bytes:
    """Give a classifier of pictures whose layer computes in integers."""

    def stored(model: Any) -> None:
        (weights,) = (one for one in model.subgraphs[0].tensors if one.name == b"weights")
        weights.type = schema.TensorType.INT8
        weights.quantization = schema.QuantizationParametersT()
        weights.quantization.scale = np.array([0.5], np.float32)
        weights.quantization.zeroPoint = np.array([0], np.int64)
        model.buffers[weights.buffer].data = np.ones(int(np.prod(weights.shape)), np.uint8)

    ends = {
        "image": Typed("int8", 1 / 128),
        "row_0": Typed("int8", 0.5),
        "scores": Typed("int8", 1 / 256, -128),
    }
    return of_bytes("SOFTMAX", typed=ends, change=stored)


def keras(path: Path) -> None:
    """Write a Keras classifier of two classes, as far as a plan looks."""
    scores = layer("Dense", "scores", "flat", units=2, activation="softmax")
    written(path, functional(image(shape=(12, 12, 3)), layer("Flatten", "flat", "image"), scores))


def write_keras3(folder: Path) -> None:
    """Write files of Keras 3 with a layer that tf_keras lacks, one of them with code as well."""
    for name, kind in (("keras3.keras", "RMSNormalization"), ("keras3_code.keras", "Lambda")):
        config = keras3_files.functional(
            keras3_files.image(),
            keras3_files.layer("RMSNormalization", "norm", "image"),
            keras3_files.layer(kind, "last", "norm"),
            keras3_files.layer("Flatten", "flat", "last"),
            keras3_files.layer("Dense", "scores", "flat", units=3, activation="softmax"),
        )
        keras3_files.keras(folder / name, config)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with files and data, right ones and wrong ones."""
    folder = tmp_path_factory.mktemp("bad")
    write_files(folder)
    keras(folder / "keras.h5")
    write_keras3(folder)
    (folder / "int8.tflite").write_bytes(int8())
    (folder / "text.tflite").write_text("hello, I am no model")
    (folder / "model.pt").write_bytes(b"\x80\x02ctorch._utils\n_rebuild")
    (folder / "cut.onnx").write_bytes(onnx_files.classifier()[:-40])
    (folder / "pairs.onnx").write_bytes(onnx_files.classifier(shape=(2, 3, 12, 12)))
    (folder / "open.onnx").write_bytes(onnx_files.classifier(shape=("N", 3, "H", "W")))
    unknown = [onnx_files.node("Fnord", ["scores"], ["x"])]
    (folder / "fnord.onnx").write_bytes(onnx_files.classifier(behind=unknown))
    (folder / "light.onnx").write_bytes(onnx_files.classifier(external={"location": "weights.bin"}))
    (folder / "cut.tflite").write_bytes(unsigned()[:-700])
    (folder / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(3000))
    write_rows(folder / "rows.npz", x=(12,))
    write_rows(folder / "seven.npz", x=(7,))
    write_rows(folder / "pairs.npz", map=(4, 4, 2), numbers=(3,))
    write_rows(folder / "misnamed.npz", mop=(4, 4, 2), numbers=(3,))
    write_rows(folder / "reshaped.npz", map=(4, 4, 2), numbers=(4,))
    rng = np.random.default_rng(0)
    np.savez(folder / "uneven.npz", map=rng.normal(size=(48, 4, 4, 2)), numbers=rng.normal(size=(47, 3)))
    np.savez(folder / "labelled.npz", x=rng.normal(size=(48, 12)).astype(np.float32), y=np.arange(48) % 5)
    write_photos(folder / "photos", 16)
    write_classes(folder / "five", 8, ("ant", "bee", "cow", "dog", "elk"))
    write_classes(folder / "three", 8)
    return Workspace(folder)


def case(model: str, data: str, *words: str) -> list[str]:
    return ["recipe=int8", f"model.path={model}", f"data.root={data}", *words]


NO_FORMAT = (
    "has none of the known formats, keras (.h5, .keras), "
    "onnx (.onnx), "
    "saved_model (a folder with saved_model.pb, .zip), tflite (.tflite), torch_export (.pt2)"
)
PLANNED: dict[str, tuple[list[str], str]] = {
    # Files
    "no file": (case("gone.tflite", "rows.npz"), "model.path: there is no file 'gone.tflite'."),
    "no path": (
        ["recipe=int8", "data.root=rows.npz"],
        "model.path: required; set model.path=FILE to a .tflite, .onnx, .pt2, .h5 or .keras file, or to a SavedModel "
        "folder",
    ),
    "of no format": (case("text.tflite", "rows.npz"), f"model.path: 'text.tflite' {NO_FORMAT}."),
    "of a format that is not read": (
        case("model.pt", "rows.npz"),
        f"model.path: 'model.pt' {NO_FORMAT}; it is a PyTorch model, which is not read: it is a pickle, "
        f"which could run code; save the model as a .pt2 with torch.export.save.",
    ),
    "an ONNX file that is cut short": (
        case("cut.onnx", "rows.npz"),
        "model.path: 'cut.onnx' points outside of itself, as a file that was cut short does; it cannot be used.",
    ),
    "an ONNX file of two samples at a time": (
        case("pairs.onnx", "photos"),
        "model.path: the input 'image' of 'pairs.onnx' is (2, 3, 12, 12) float32, so it takes 2 samples at a "
        "time; "
        "export it again for one sample at a time, or with an open batch.",
    ),
    "an ONNX file with an operator that nobody knows": (
        case("fnord.onnx", "photos"),
        "model.path: 'fnord.onnx' has the operator 'Fnord', which ONNX does not have; export the model again with "
        "operators of ONNX alone.",
    ),
    "an ONNX file without its weights": (
        case("light.onnx", "photos"),
        "model.path: 'light.onnx' keeps weights in 'weights.bin', which is missing; put it beside the "
        "model; it cannot be "
        "used.",
    ),
    "a shape that does not fit an ONNX file": (
        case("open.onnx", "photos", "model.shape=[1,16,16,3]"),
        "model.shape: [1, 16, 16, 3] does not fit the input 'image' of 'open.onnx', which is (?, 3, ?, ?) float32; "
        "open "
        "sides are '?'",
    ),
    "data in its place": (
        case("rows.npz", "rows.npz"),
        f"model.path: 'rows.npz' {NO_FORMAT}; it is an archive of NumPy arrays.",
    ),
    "a folder": (
        case("photos", "rows.npz"),
        f"model.path: 'photos' {NO_FORMAT}; it is a folder without a saved_model.pb.",
    ),
    "cut short": (
        case("cut.tflite", "rows.npz"),
        "model.path: cut.tflite points outside of itself, as a file that was cut short does; it cannot be used.",
    ),
    "a broken Keras file": (
        case("cut.h5", "rows.npz"),
        "model.path: 'cut.h5' is not a Keras model (it is a damaged or incomplete HDF5 file); expected a whole "
        "model saved by Keras as .h5 or .keras.",
    ),
    # Data
    "no data": (
        ["recipe=int8", "model.path=classifier.tflite"],
        "data.root: not given; expected pictures, a folder of pictures or of recordings for each class, Pascal VOC, "
        "COCO, YOLO, "
        "TFRecord, a table (CSV), or an .npz or .npy of rows, e.g. data.root=path/to/data",
    ),
    "pictures for a file of numbers": (
        case("unsigned.tflite", "photos"),
        "model.path: 'unsigned.tflite' cannot take the data, whose samples are of the modality 'image': its input "
        "'dense_input:0' is (1, 12) float32, and a picture is (1, height, width, 3) or (1, height, width, 1).",
    ),
    "pictures for one of two inputs": (
        case("two_inputs.tflite", "photos"),
        "model.path: 'two_inputs.tflite' cannot take the data, whose samples are of the modality 'image': its input "
        "'numbers' is (1, 3) float32, and a picture is (1, height, width, 3) or (1, height, width, 1).",
    ),
    "other classes in folders": (
        case("classifier.tflite", "five"),
        "model.path: 'classifier.tflite' has 3 classes, but the data have 5 (ant, bee, cow, dog, elk).",
    ),
    "other classes in an archive": (
        case("unsigned.tflite", "labelled.npz"),
        "model.path: 'unsigned.tflite' has 3 classes, but the data have 5 (0, 1, 2, 3, 4).",
    ),
    "other classes for a Keras file": (
        case("keras.h5", "three"),
        "model.path: 'keras.h5' has 2 classes, but the data have 3 (bird, cat, dog).",
    ),
    "labels for outputs of no meaning": (
        case("two_outputs.tflite", "three"),
        "model: the outputs of 'two_outputs.tflite' are not recognised (2 outputs, 'map' (1, 6, 6, 2) float32, "
        "'vector' (1, "
        "5) float32: a classifier has one output, and a detector ends in TFLite_Detection_PostProcess), but data "
        "'image_folder' is for classification.",
    ),
    "arrays of other lengths": (
        case("two_inputs.tflite", "uneven.npz"),
        "data.root: 'uneven.npz' has 48 rows in 'map' and 47 in 'numbers'; expected as many in each, one per sample.",
    ),
    "code in a file of Keras 3": (
        case("keras3_code.keras", "three"),
        "model.path: in 'keras3_code.keras', layer 'last' is a Lambda, Python code in a file, which tflbuild does not "
        "execute; export it in Keras 3 with model.export('FOLDER'), and set model.path=FOLDER.",
    ),
    # Passes
    "pruning what Keras 3 exports": (
        ["recipe=pruned_int8", *case("keras3.keras", "three")[1:]],
        f"pipeline: 'prune' needs a model that can be trained (.h5), and model.path is taken in as a .tflite; passes "
        f"that take it: {TAKING}.",
    ),
    "training what Keras 3 exports for quantization": (
        ["recipe=qat_int8", *case("keras3.keras", "three")[1:]],
        f"pipeline: 'qat' needs a model that can be trained (.h5), and model.path is taken in as a .tflite; passes "
        f"that take it: {TAKING}.",
    ),
    "training what Keras 3 exports further": (
        case(
            "keras3.keras",
            "three",
            "+passes@train=train",
            "train.init=continue",
            "pipeline=[train,convert,quantize]",
        ),
        f"pipeline: 'train' needs a model that can be trained (.h5), and model.path is taken in as a .tflite; passes "
        f"that take it: {TAKING}.",
    ),
    "pruning a .tflite": (
        ["recipe=pruned_int8", *case("classifier.tflite", "three")[1:]],
        f"pipeline: 'prune' needs a model that can be trained (.h5), and model.path is a .tflite; passes that take "
        "it: "
        f"{TAKING}.",
    ),
    "pruning channels of a .tflite": (
        ["recipe=channels_int8", *case("classifier.tflite", "three")[1:]],
        f"pipeline: 'prune_channels' needs a model that can be trained (.h5), and model.path is a .tflite; passes that "
        f"take it: {TAKING}.",
    ),
    "training a .tflite for quantization": (
        ["recipe=qat_int8", *case("classifier.tflite", "three")[1:]],
        f"pipeline: 'qat' needs a model that can be trained (.h5), and model.path is a .tflite; passes that take it: "
        f"{TAKING}.",
    ),
    "training a .tflite further": (
        case(
            "classifier.tflite",
            "three",
            "+passes@train=train",
            "train.init=continue",
            "pipeline=[train,convert,quantize]",
        ),
        f"pipeline: 'train' needs a model that can be trained (.h5), and model.path is a .tflite; passes that take "
        "it: "
        f"{TAKING}.",
    ),
    "pruning without labels": (
        ["recipe=pruned_int8", *case("keras.h5", "photos")[1:]],
        "prune: pass 'prune' trains on labels, and data 'images' have none; use data with labels, or "
        "remove 'prune' from pipeline.",
    ),
    "training without labels": (
        ["recipe=qat_int8", *case("keras.h5", "photos")[1:]],
        "qat: pass 'qat' trains on labels, and data 'images' have none; use data with labels, or remove "
        "'qat' from pipeline.",
    ),
    # Budgets
    "a metric of classes without labels": (
        case("classifier.tflite", "photos", "budget.top1.max_drop=0.1"),
        f"budget.top1: 'top1' is a metric for classification, but the data have no labels; there are {USABLE}.",
    ),
    "a metric of boxes for classes": (
        case("classifier.tflite", "three", "quantize.budget.map.max_drop=0.1"),
        f"quantize.budget.map: 'map' is a metric for detection, but the data are for classification; there are "
        f"{USABLE}, "
        f"top1, top5.",
    ),
    "fidelity at the base": (
        case("classifier.tflite", "photos", "+load.budget.fidelity.max_drop=0.1"),
        "load.budget.fidelity: 'fidelity' compares with the base, which is what 'load' gives, so there is "
        "nothing to limit at 'load'; put the limit after 'load', or into the recipe's total budget.",
    ),
    # Options
    "a crop without its aspect": (
        case("classifier.tflite", "photos", "preprocess.crop=0.9"),
        "preprocess.crop: 0.9 has no effect with aspect=stretch; set aspect=center_crop.",
    ),
    "a scale beside a mean": (
        case("classifier.tflite", "photos", "preprocess.scale=1", "preprocess.mean=[1,2,3]"),
        "preprocess.scale: it has no effect beside preprocess.mean, which says the values of each channel; "
        "keep only one of them out.",
    ),
    "two means for three channels": (
        case("classifier.tflite", "photos", "preprocess.mean=[1,2]"),
        "preprocess.mean: [1.0, 2.0] has 2 numbers; channels=rgb wants 3.",
    ),
    "an option of pictures for numbers": (
        case("unsigned.tflite", "rows.npz", "preprocess.mean=[1,2,3]"),
        "preprocess.mean: the data are of the modality 'vector', which has no such option; it has none.",
    ),
    "the same in the other spelling": (
        case("unsigned.tflite", "rows.npz", "data.preprocess.scale=2"),
        "data.preprocess.scale: this option is for pictures, but 'rows.npz' contains numbers.",
    ),
    "an option that nothing has": (
        case("classifier.tflite", "photos", "preprocess.mena=[1,2,3]"),
        "preprocess.mena: there is no such key in this recipe. Did you mean 'preprocess.mean'?",
    ),
    "ranges that are chosen": (
        case("classifier.tflite", "photos", "quantize.ranges=mse"),
        "quantize.ranges: 'mse' has no effect with method=auto, which chooses it; set quantize.method=fixed",
    ),
}


@pytest.mark.parametrize("what", PLANNED)
def test_what_planning_can_see_is_refused_by_a_plan_and_by_a_build(here: Workspace, what: str) -> None:
    words, sentence = PLANNED[what]
    for command in (["plan", *words], words):
        assert here.run(*command, code=2).splitlines()[-1] == f"error: {sentence}"
    assert not list((here.folder / "outputs").glob("*/*/report.json")), "no run was begun"


BUILT: dict[str, tuple[list[str], str]] = {
    "rows of another length": (
        case("unsigned.tflite", "seven.npz"),
        "data: sample {} does not fit the input 'dense_input:0': it has the shape (7,), and the input takes (12,).",
    ),
    "rows for a picture": (
        case("classifier.tflite", "rows.npz"),
        "data: sample {} does not fit the input 'image': it has the shape (12,), and the input takes (12, 12, 3).",
    ),
    "one array of two of another shape": (
        case("two_inputs.tflite", "reshaped.npz"),
        "data: sample {} does not fit the input 'numbers': it has the shape (4,), and the input takes (3,).",
    ),
    "one array for two inputs": (
        case("two_inputs.tflite", "rows.npz"),
        "data: sample {} is one array, and the model's inputs are 'numbers', 'map'; give an array for each, by its "
        "name.",
    ),
    "arrays of other names": (
        case("two_inputs.tflite", "misnamed.npz"),
        "data: sample {} has the arrays 'mop', 'numbers', and the model's inputs are 'numbers', 'map'; give each "
        "array its "
        "input's name.",
    ),
    "two arrays for one input": (
        case("unsigned.tflite", "pairs.npz"),
        "data: sample {} has the arrays 'map', 'numbers', and the model's inputs are 'dense_input:0'; give each "
        "array its "
        "input's name.",
    ),
    "a picture in another number of channels": (
        case("grey.tflite", "photos", "preprocess.channels=rgb"),
        "data: sample {} does not fit the input 'image': the input has 1 channel, and preprocess.channels is rgb; "
        "set "
        "preprocess.channels=grey.",
    ),
}


@pytest.mark.parametrize("what", BUILT)
def test_samples_that_do_not_fit_end_the_build_with_both_shapes(here: Workspace, what: str) -> None:
    words, sentence = BUILT[what]
    printed = here.run(*words, "outputs=tried", code=2).splitlines()
    error = next(line for line in reversed(printed) if line.startswith("error: "))
    key = error.removeprefix("error: data: sample ").partition(" ")[0]
    assert key
    assert error == f"error: {sentence.format(key)}"
    reports = sorted((here.folder / "tried" / "int8").glob("*/report.json"))
    report = json.loads(reports[-1].read_text())
    assert (report["status"], report["targets"]) == ("failed", [])


def test_a_plan_says_what_is_left_out_and_what_was_recognised(here: Workspace) -> None:
    lines = here.run("plan", *case("classifier.tflite", "photos")).splitlines()
    assert "task: classification (it ends in SOFTMAX)" in lines
    assert "convert   unused   model.path is a .tflite already" in lines
    assert lines[-1] == "data: train 8, val 4, test 4; no labels"


def test_a_file_that_can_be_trained_is_not_called_anything_else(here: Workspace) -> None:
    words = ["+passes@train=train", "pipeline=[train,convert,quantize]", "train.init=scratch"]
    flat = here.run("plan", *case("classifier.tflite", "three", *words)).splitlines()
    assert any(line.startswith("train ") and line.endswith("(load_tflite)") for line in flat)


def test_right_files_are_planned(here: Workspace) -> None:
    """Or the tables above would prove nothing."""
    for model, data in (
        ("unsigned", "rows.npz"),
        ("two_inputs", "pairs.npz"),
        ("classifier", "three"),
        ("classifier", "photos"),
        ("grey", "photos"),
    ):
        here.run("plan", *case(f"{model}.tflite", data))
