"""Files that nobody here trained, compiled by one command: `recipe=int8 model.path=M data.root=D`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from own_files import ROWS, write_classes, write_files, write_photos, write_rows
from photos import write_people
from tflbuild.core.digest import of_file
from tflbuild.tflite import flatbuffer
from tflite_files import classifier
from workspace import Workspace

pytestmark = pytest.mark.slow

UNIT = ["preprocess.scale=0.00392156862745098", "preprocess.offset=0"]
"""What the VWW models of MLPerf take, and no file of them says: pixels / 255."""

FIXED = ["quantize.method=fixed"]
"""For what is held besides how a method is chosen; each kind of file has it chosen once."""

TEST = ROWS // 4
"""Samples of the test split: a quarter."""


def compiling(model: str, data: str, *words: str) -> list[str]:
    """Give the words of the one command."""
    return ["recipe=int8", f"model.path={model}", f"data.root={data}", *words]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with small files of every kind, and data for them."""
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    write_rows(folder / "rows.npz", x=(12,))
    write_rows(folder / "spectra.npz", x=(20,))
    write_rows(folder / "pairs.npz", map=(4, 4, 2), numbers=(3,))
    write_photos(folder / "photos")
    write_classes(folder / "classes")
    return Workspace(folder)


def built(here: Workspace, model: str, data: str, *words: str, apart: bool = False) -> dict[str, Any]:
    """Build with the command; the user's file stays what it is."""
    path = here.folder / model
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    report = here.build(*compiling(model, data, *words), apart=apart)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert report["status"] == "built"
    return report


def delivered(here: Workspace) -> Path:
    return here.folder / "outputs/int8/latest/model.tflite"


def seen(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Give what was recognised: value and evidence by what it is."""
    return {one["what"]: (one["value"], one["evidence"]) for one in report["recognised"]}


def check_delivery(here: Workspace, report: Mapping[str, Any], least: float) -> dict[str, Any]:
    """Hold the delivered file to what the report says of it."""
    (target,) = report["targets"]
    assert of_file(delivered(here)) == target["sha256"]
    fidelity = target["metrics"]["fidelity"]
    assert (fidelity["split"], fidelity["kernels"]) == ("test", "xnnpack")
    assert fidelity["value"] >= least
    assert fidelity["low"] <= fidelity["value"] <= fidelity["high"]
    assert report["base"]["metrics"]["fidelity"]["value"] == 1.0
    (verdict,) = report["budget"]["verdicts"]
    assert (verdict["metric"], verdict["limit"], verdict["ok"]) == ("fidelity", {"max_drop": 0.2}, True)
    assert (report["model"]["type"], [step["label"] for step in report["passes"]]) == (
        "file",
        ["load", "quantize"],
    )
    operators = flatbuffer.operators(delivered(here))
    assert {dtype for one in operators for dtype in one.inputs} <= {
        "int8",
        "int16",
        "int32",
        "uint8",
        "float32",
        "",
    }
    assert "int8" in {one.outputs[0] for one in operators}
    return dict(target)


# Small files


def test_a_file_without_a_signature_is_compiled(here: Workspace) -> None:
    report = built(here, "unsigned.tflite", "rows.npz", apart=True)
    target = check_delivery(here, report, 0.8)
    assert target["metrics"]["fidelity"]["n"] == TEST
    assert [(one["name"], one["dtype"]) for one in target["inputs"]] == [("dense_input:0", "int8")]
    assert [(one["name"], one["dtype"]) for one in target["outputs"]] == [
        ("StatefulPartitionedCall:0", "float32")
    ]
    found = seen(report)
    assert found["data"] == ("arrays", "'rows.npz' is a file of NumPy's arrays")
    assert found["samples"] == ("numbers", "'x', a row for each")
    assert found["task"] == ("classification", "it ends in SOFTMAX")
    assert found["outputs"] == ("softmax of 3 classes", "it ends in SOFTMAX")
    assert found["input"] == (
        "vector, (1, 12) float32",
        "it has 2 axes; a picture has 4: batch, height, width, channels",
    )


def test_two_inputs_are_given_the_arrays_of_their_names(here: Workspace) -> None:
    report = built(here, "two_inputs.tflite", "pairs.npz")
    target = check_delivery(here, report, 0.95)
    assert {one["name"]: one["shape"] for one in target["inputs"]} == {"numbers": [1, 3], "map": [1, 4, 4, 2]}
    found = seen(report)
    assert found["task"][0] == "not recognised"
    assert found["input numbers"][0] == "vector, (1, 3) float32"
    assert found["input map"] == (
        "vector, (1, 4, 4, 2) float32",
        "it has 2 channels; a picture has 1 or 3",
    )
    assert list(target["metrics"]["fidelity"]["details"]["outputs"]) == ["scores"]


def test_two_outputs_of_different_shapes_are_both_held_to_the_file(here: Workspace) -> None:
    write_photos(here.folder / "few", 24)
    report = built(here, "two_outputs.tflite", "few")
    target = check_delivery(here, report, 0.9)
    assert {one["name"]: one["shape"] for one in target["outputs"]} == {"map": [1, 6, 6, 2], "vector": [1, 5]}
    outputs = target["metrics"]["fidelity"]["details"]["outputs"]
    assert set(outputs) == {"map", "vector"}
    assert all(0.9 < one["cosine"] <= 1 and one["sqnr_db"] > 10 for one in outputs.values())
    assert [(one["dtype"], one["zero_point"]) for one in target["inputs"]] == [("uint8", 128)], "raw bytes"
    assert seen(report)["task"][0] == "not recognised"


def test_an_autoencoder_of_numbers_is_held_to_its_own_outputs(here: Workspace) -> None:
    report = built(here, "vector.tflite", "spectra.npz")
    target = check_delivery(here, report, 0.95)
    assert target["metrics"]["fidelity"]["n"] == TEST
    assert "autoencoder" in seen(report)["task"][1]


def test_a_classifier_with_labels_beside_it_is_measured_on_class_folders(here: Workspace) -> None:
    folder = here.folder / "named"
    folder.mkdir()
    shutil.copy(here.folder / "classifier.tflite", folder / "model.tflite")
    (folder / "labels.txt").write_text("bird\ncat\ndog\n")
    report = built(here, "named/model.tflite", "classes")
    target = check_delivery(here, report, 0.8)
    assert target["labels"] == ["bird", "cat", "dog"]
    assert 0 <= target["metrics"]["top1"]["value"] <= 1
    assert target["metrics"]["top1"]["n"] == target["metrics"]["fidelity"]["n"]
    found = seen(report)
    assert found["labels"] == ("3 names", "labels.txt")
    assert found["preprocess"][0] == "assumed"
    assert found["input"] == ("image, (1, 12, 12, 3) float32", "three channels")
    assert flatbuffer.read_facts(delivered(here))["labels"] == ["bird", "cat", "dog"]
    lock = (delivered(here).parent / "recipe.lock.yaml").read_text()
    assert report["targets"][0]["sha256"] in lock


def test_the_user_says_that_one_row_of_numbers_are_logits(here: Workspace) -> None:
    (here.folder / "row.tflite").write_bytes(classifier(shape=(1, 12, 12, 3)))
    report = built(here, "row.tflite", "classes", "model.outputs=logits", "quantize.method=fixed")
    target = check_delivery(here, report, 0.8)
    assert seen(report)["outputs"] == ("logits of 3 classes", "model.outputs=logits says so")
    assert target["labels"] == ["bird", "cat", "dog"]
    assert target["metrics"]["top1"]["n"] == target["metrics"]["fidelity"]["n"]


def test_one_channel_takes_grey_pictures_since_the_file_says_so(here: Workspace) -> None:
    report = built(here, "grey.tflite", "photos", "quantize.method=fixed")
    check_delivery(here, report, 0.9)
    facts = flatbuffer.read_facts(delivered(here))
    assert facts["inputs"]["image"]["preprocess"]["channels"] == "grey"


def test_normalisation_by_channel_moves_into_the_graph(here: Workspace) -> None:
    words = [
        "preprocess.mean=[123.7,116.3,103.5]",
        "preprocess.std=[58.4,57.1,57.4]",
        "quantize.method=fixed",
    ]
    report = built(here, "classifier.tflite", "photos", *words)
    target = check_delivery(here, report, 0.8)
    assert target["inputs"][0]["dtype"] == "uint8"
    quantize = report["passes"][-1]
    assert quantize["notes"]["normalisation"]["image"]["factor"] == pytest.approx(
        [128 / 58.4, 128 / 57.1, 128 / 57.4]
    )
    assert seen(report)["preprocess"] == (
        "mean [123.7, 116.3, 103.5], std [58.4, 57.1, 57.4]",
        "the recipe says so",
    )
    assert report["data"]["type"] == "images"


def test_a_conversion_that_the_file_does_not_need_is_said_in_the_plan_and_left_out(here: Workspace) -> None:
    printed = here.run("plan", *compiling("unsigned.tflite", "rows.npz"))
    assert "convert   unused   model.path is a .tflite already" in printed
    assert "data: train 24, val 12, test 12; no labels" in printed


@pytest.mark.parametrize("recipe", ["int16x8", "float16", "dynamic"])
def test_the_other_recipes_compile_files_too(here: Workspace, recipe: str) -> None:
    words = [f"recipe={recipe}", *compiling("classifier.tflite", "photos")[1:]]
    report = here.build(*words)
    (target,) = report["targets"]
    assert target["metrics"]["fidelity"]["value"] >= 0.9
    assert target["inputs"][0]["dtype"] == "float32"


def test_a_budget_that_int8_breaks_is_held_with_layers_in_float(here: Workspace) -> None:
    """The fallback holds its candidates to fidelity, as the step does that it stands for."""
    first = built(here, "classifier.tflite", "photos", "quantize.method=fixed")
    least = (
        first["passes"][-1]["bytes"] + 100
    )  # int8 breaks it on any machine, the dense layer in float holds it
    words = ["quantize.method=fixed", f"quantize.budget.size.min={least}", "quantize_mixed.max_kept=0.99"]
    report = here.build(*compiling("classifier.tflite", "photos", *words))
    quantize = report["passes"][-1]
    assert quantize["outcome"] == "replaced"
    tried = [(one["run"], one["ok"]) for one in quantize["tried"]]
    assert tried == [("quantize", False), ("quantize_mixed", True)]
    (mixed,) = quantize["tried"][1]["passes"]
    assert {"fidelity", "size"} <= set(mixed["notes"]["mixed"]["metrics"]["mixed"])
    assert {verdict["metric"] for verdict in quantize["verdicts"]} == {"fidelity", "size"}


def test_runs_of_files_are_compared_as_any_runs_are(here: Workspace) -> None:
    runs = []
    for words in (["quantize.method=fixed"], ["quantize.method=fixed", "quantize.ranges=mse"]):
        built(here, "unsigned.tflite", "rows.npz", *words)
        runs.append(str(delivered(here).parent.resolve()))
    printed = here.run("compare", *runs)
    assert "quantize.ranges" in printed
    assert "equal: " in printed
    made = json.loads(here.run("compare", *runs, "--json"))
    assert made["schema"] == "tflbuild.compare/1"
    assert made["recipe"]["quantize.ranges"] == ["minmax", "mse"]


# Without TensorFlow


GUARD = """
import sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras", "keras"):
            with open({log!r}, "a") as file:
                file.write(f"{{name}} {{sys.argv}}\\n")
            raise ImportError(f"{{name}} is not to be imported here")

sys.meta_path.insert(0, Guard())
with open({alive!r}, "a") as file:
    file.write("started\\n")
"""


@pytest.fixture
def guarded(tmp_path: Path, here: Workspace) -> Any:
    """Give what runs a command in whose processes TensorFlow cannot be imported; gives what it printed."""
    folder = tmp_path / "guard"
    folder.mkdir()
    log, alive = folder / "imported", folder / "alive"
    (folder / "sitecustomize.py").write_text(GUARD.format(log=str(log), alive=str(alive)))

    def run(*words: str) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        }
        command = [sys.executable, "-m", "tflbuild", *words]
        done = subprocess.run(
            command, cwd=here.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not log.exists(), log.read_text()
        assert len(alive.read_text().splitlines()) > 1, "the worker processes were guarded too"
        return done.stdout

    return run


def test_the_guard_holds(guarded: Any, here: Workspace, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "guard")}
    command = [sys.executable, "-c", "import tensorflow"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "tensorflow is not to be imported here" in done.stderr


def test_no_process_imports_tensorflow_to_compile_a_tflite(guarded: Any) -> None:
    printed = guarded(*compiling("classifier.tflite", "photos", "outputs=guarded"))
    assert "built guarded/int8/" in printed


def test_no_process_imports_tensorflow_to_compare_two(guarded: Any) -> None:
    words = ["data.root=photos", "outputs=guarded_compare", "--json"]
    printed = guarded("compare", "classifier.tflite", "classifier.tflite", *words)
    assert json.loads(printed)["metrics"]["fidelity"]["difference"]["value"] == 0.0


# Files of others


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, shared_models: Path, shared_data: Path) -> Workspace:
    """Give a folder with a few photos, by class and without, frames of numbers and coefficients."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "photos").symlink_to(shared_data / "coco128" / "images")
    write_people(shared_data, folder / "people", 16)
    rng = np.random.default_rng(0)
    frames = np.cumsum(rng.normal(0, 2, (ROWS, 640)), axis=1) - 40
    np.savez(folder / "frames.npz", frames.astype(np.float32))
    np.savez(folder / "mfcc.npz", rng.normal(0, 10, (ROWS, 49, 10)).astype(np.float32))
    return Workspace(folder)


REAL = [
    # file, data, words, task, outputs, and how the preprocessing begins
    (
        "tflite_support/mobilenet_v1_0.25_224_1_metadata_1.tflite",
        "photos",
        [],
        "classification",
        "softmax of 1001 classes",
        "pixels in -1..1",
    ),
    (
        "tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite",
        "photos",
        [],
        "classification",
        "softmax of 1001 classes",
        "assumed",
    ),
    (
        "mlperf_tiny/vww_96_float.tflite",
        "photos",
        [*UNIT, *FIXED],
        "classification",
        "softmax of 2 classes",
        "scale",
    ),
    ("mlperf_tiny/vww_96_float.tflite", "people", UNIT, "classification", "softmax of 2 classes", "scale"),
    ("mlperf_tiny/vww_96.h5", "people", [*UNIT, *FIXED], "classification", "softmax of 2 classes", "scale"),
    ("mlperf_tiny/ad01_fp32.tflite", "frames.npz", [], "not recognised", "", ""),
    ("mlperf_tiny/ad01.h5", "frames.npz", FIXED, "not recognised", "", ""),
    (
        "mlperf_tiny/kws_ref_model_float32.tflite",
        "mfcc.npz",
        [],
        "classification",
        "softmax of 12 classes",
        "",
    ),
]


@pytest.mark.parametrize(
    ("file", "data", "words", "task", "outputs", "preprocess"),
    REAL,
    ids=[f"{Path(file).name} {data}" for file, data, *_ in REAL],
)
def test_a_real_file_is_compiled_by_one_command(
    real: Workspace,
    shared_models: Path,
    file: str,
    data: str,
    words: list[str],
    task: str,
    outputs: str,
    preprocess: str,
) -> None:
    path = shared_models / file
    before = of_file(path)
    report = real.build(*compiling(str(path), data, *words))
    assert of_file(path) == before
    (target,) = report["targets"]
    assert of_file(real.folder / "outputs/int8/latest/model.tflite") == target["sha256"]
    assert target["metrics"]["fidelity"]["value"] >= 0.8
    assert target["metrics"]["fidelity"]["split"] == "test"
    assert all(verdict["ok"] for verdict in report["budget"]["verdicts"])
    found = seen(report)
    assert found["task"][0] == task
    assert found.get("outputs", ("", ""))[0] == outputs
    assert found.get("preprocess", ("", ""))[0].startswith(preprocess)
    assert found["input"][1]
    assert ("top1" in target["metrics"]) is (data == "people")
    if "kws" not in file:  # whose float file stores its weights in bytes already
        assert target["bytes"] < 0.45 * path.stat().st_size
