"""The Python on the page, run as it stands on a delivered file: it gives what our own runtime gives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.signature import Signature
from tflbuild.engine.delivery import Delivery
from tflbuild.evaluation.feeding import as_input, dequantized
from tflbuild.formats.tflite.describing import described
from tflbuild.modalities.image.files import read
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.show.pages.snippets.delivered import file_of
from tflbuild.show.pages.snippets.python import code
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector

PREPROCESS: list[dict[str, Any]] = [
    {},
    {"resize": "nearest", "antialias": False},
    {"resize": "bicubic", "channels": "bgr"},
    {"aspect": "letterbox"},
    {"aspect": "letterbox_corner", "scale": 1 / 255, "offset": 0.0},
    {"aspect": "center_crop", "crop": 0.8},
    {"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4]},
    {"mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5], "aspect": "letterbox"},
]


def delivered(path: Path, folder: Path, preprocess: dict[str, Any], task: str, **head: Any) -> dict[str, Any]:
    """Deliver a file as a build does; gives its target in report.json."""
    inputs = {"image": Input(modality="image", shape=(8, 8, 3), preprocess=preprocess)}
    meaning = Meaning(task=task, labels=("cat", "dog's"), inputs=inputs, head=head)
    meta = {"facts": meaning.to_json(), "signature": flatbuffer.signature(path)}
    content, figures = described(
        path.read_bytes(), TFLiteModel(path=path, digest="", fingerprint="", meta=meta)
    )
    made = folder / "model.tflite"
    made.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    model = TFLiteModel(path=made, digest=sha256, fingerprint=sha256, meta=meta)
    return Delivery(target="cpu", model=model, figures=figures, metrics={}).to_json("model.tflite")


def ours(folder: Path, preprocess: dict[str, Any]) -> dict[str, Any]:
    """Give what our own runtime makes of the picture."""
    given = Input(modality="image", shape=(8, 8, 3), preprocess=preprocess).kind
    loaded = Loaded(folder / "model.tflite")
    (name, spec), *_ = loaded.signature.inputs.items()
    codes = given.encode(read(folder / "photo.jpg"), (8, 8, 3)).codes
    made = loaded.run({name: as_input(codes[None], given, spec)})
    return {name: dequantized(value, loaded.signature.outputs[name]) for name, value in made.items()}


def picture(folder: Path, *, turned: bool = False) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (21, 34, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1
    Image.fromarray(noise).save(folder / "photo.jpg", quality=95, exif=exif)


def run(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(text, "snippet.py", "exec"), names)
    return names


@pytest.mark.parametrize("preprocess", PREPROCESS, ids=str)
@pytest.mark.parametrize("kind", ["float", "integer"])
def test_the_page_s_python_gives_the_same_answer_as_our_runtime(
    kind: str,
    preprocess: dict[str, Any],
    float_classifier: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = float_classifier if kind == "float" else request.getfixturevalue("integer_classifier")
    folder = tmp_path / "run"
    folder.mkdir()
    picture(folder, turned=True)
    target = delivered(path, folder, preprocess, "classification")
    file = file_of(target)
    assert file is not None
    capsys.readouterr()
    names = run(code(file), folder, monkeypatch)
    scores = ours(folder, preprocess)["scores"]
    assert np.array_equal(names["scores"], scores)
    best = ("cat", "dog's")[int(scores.argmax())]
    assert capsys.readouterr().out.splitlines()[0] == f"{best} {float(scores.max())}"


def test_a_file_without_a_signature_is_run_by_the_order_of_its_tensors(
    float_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    picture(folder)
    file = file_of(delivered(float_classifier, folder, {}, "classification") | {"signature": None})
    assert file is not None
    assert "get_signature_runner" not in code(file)
    assert np.array_equal(run(code(file), folder, monkeypatch)["scores"], ours(folder, {})["scores"])


def test_a_detector_s_boxes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "given.tflite").write_bytes(brightness_detector())
    picture(tmp_path)
    file = file_of(delivered(tmp_path / "given.tflite", tmp_path, {}, "detection"))
    assert file is not None
    names = run(code(file), tmp_path, monkeypatch)
    wanted = ours(tmp_path, {})
    for name, value in wanted.items():
        assert np.array_equal(names[name], value), name
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == int(wanted["num_detections"][0])
    assert lines[0].startswith(("cat ", "dog's "))


def test_a_file_with_a_signature_is_run_by_it() -> None:
    target = {"path": "cpu/model.tflite", "signature": "serving_default", "labels": []}
    target["inputs"] = [{"name": "x y", "shape": [1, 4], "dtype": "int8", "scale": 0.5, "zero_point": -3}]
    target["outputs"] = [{"name": "class", "shape": [1, 2], "dtype": "uint8", "scale": 0.1, "zero_point": 7}]
    file = file_of(target)
    assert file is not None
    text = code(file)
    compile(text, "snippet.py", "exec")
    for line in (
        "interpreter = Interpreter('model.tflite', num_threads=1)",
        "run = interpreter.get_signature_runner('serving_default')",
        "# input 'x y': (1, 4) int8, scale 0.5, zero point -3",
        "x_y = (np.rint(values / np.float32(0.5)) + -3).clip(-128, 127).astype(np.int8)",
        "outputs = run(**{'x y': x_y})",
        "tensor_class = (outputs['class'].astype(np.float32) - 7) * np.float32(0.1)  # (1, 2) uint8, scale 0.1, "
        "zero point 7",
    ):
        assert line in text.splitlines(), line


def test_names_of_files_are_text_in_the_code() -> None:
    hostile = "'); import os; os.system('x') #\n\"\"\""
    target: dict[str, Any] = {"path": "model.tflite", "signature": hostile, "labels": [hostile]}
    target["inputs"] = [{"name": hostile, "shape": [1, 4], "dtype": "float32"}]
    target["outputs"] = [{"name": "scores", "shape": [1, 2], "dtype": "float32"}]
    file = file_of(target)
    assert file is not None
    names = compile(code(file), "snippet.py", "exec").co_names
    assert {"system", "os"} & {*names} == set()


def test_many_class_names_are_read_from_the_file_itself() -> None:
    target: dict[str, Any] = {"path": "model.tflite", "labels": [f"c{k}" for k in range(40)]}
    target["inputs"] = [{"name": "x", "shape": [1, 4], "dtype": "float32"}]
    target["outputs"] = [{"name": "scores", "shape": [1, 40], "dtype": "float32"}]
    for metadata, line in (
        ("x to probability; labels.txt", "labels = zipfile.ZipFile('model.tflite').read('labels.txt')"),
        ("x to probability", "labels = ['c0', 'c1'"),
    ):
        file = file_of(target | {"metadata": metadata})
        assert file is not None
        assert line in code(file)


def test_a_resize_that_pil_lacks_is_said() -> None:
    target: dict[str, Any] = {
        "path": "model.tflite",
        "labels": [],
        "outputs": [{"name": "y", "shape": [1], "dtype": "float32"}],
    }
    entry = {"name": "image", "shape": [1, 8, 8, 3], "dtype": "float32", "modality": "image"}
    file = file_of(target | {"inputs": [entry | {"preprocess": {"antialias": False}}]})
    assert file is not None
    assert "# tflbuild preprocess RUN photo.jpg --out tensor.npy" in code(file)
    compile(code(file), "snippet.py", "exec")


def test_a_report_says_what_goes_in_and_what_comes_out(float_classifier: Path, tmp_path: Path) -> None:
    target = delivered(float_classifier, tmp_path, {}, "classification", outputs={"scores": "scores"})
    assert target["inputs"][0]["preprocess"] == {}
    assert target["inputs"][0]["modality"] == "image"
    assert target["outputs"][0]["role"] == "scores"
    assert target["signature"] == "serving_default"
    assert Signature.from_json(target) == Signature.from_json(flatbuffer.signature(float_classifier))
