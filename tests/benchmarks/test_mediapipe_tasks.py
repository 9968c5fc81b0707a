"""MediaPipe Tasks open delivered files by their metadata alone, and say what `tflbuild predict` says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mediapipe_tasks
import small_network
from on_bytes import with_facts, with_signature
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import FORMATS
from tflbuild.formats.tflite import brought
from tflbuild.formats.tflite.describing import described
from tflbuild.formats.tflite.embedded_samples import embedded
from tflbuild.formats.tflite.metadata import NAME
from tflbuild.tflite import entries, flatbuffer
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning"),
]

PIXELS = {"scale": 1 / 127.5, "offset": -1.0}
Deliver = Callable[..., Path]


@pytest.fixture
def python() -> str:
    """Give the Python of an environment with `mediapipe`; skip where there is none."""
    given = mediapipe_tasks.python()
    if not given:
        pytest.skip(
            f"${mediapipe_tasks.VARIABLE} names no Python that has mediapipe, and no environment has it"
        )
    return given


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Give a file as it is delivered: with our facts, and with metadata."""
    plugins.load(None)

    def made(content: bytes, facts: Meaning, **meta: Any) -> Path:
        path = tmp_path / "model.tflite"
        path.write_bytes(with_facts(with_signature(content), facts.to_json()))
        model = TFLiteModel(path=path, digest="", fingerprint="", meta={"facts": facts.to_json(), **meta})
        path.write_bytes(described(path.read_bytes(), model)[0])
        return path

    return made


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Give pictures of noise around another grey each."""
    random, paths = np.random.default_rng(7), []
    for number, grey in enumerate((20, 90, 170, 230)):
        pixels = np.clip(random.normal(grey, 40, (8, 8, 3)), 0, 255).astype(np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def meaning(task: str, labels: tuple[str, ...], **options: Any) -> Meaning:
    return Meaning.of_image(task=task, height=8, width=8, labels=labels, preprocess={**PIXELS, **options})


def compared(path: Path, pictures: list[Path], python: str) -> mediapipe_tasks.Row:
    row = mediapipe_tasks.compared(path, pictures, python)
    assert isinstance(row, mediapipe_tasks.Row), row
    return row


@pytest.mark.parametrize("options", [PIXELS, {"scale": 1 / 64, "offset": -1.25}], ids=["usual", "other"])
def test_a_float_classifier_has_the_same_classes_and_scores(
    deliver: Deliver, pictures: list[Path], python: str, options: dict[str, Any]
) -> None:
    path = deliver(dense_classifier(), meaning("classification", ("cat", "dog"), **options))
    row = compared(path, pictures, python)
    assert (row.pictures, row.compared, row.same) == (4, 8, 8)
    assert row.score < 1e-5


@pytest.mark.parametrize("turned", [False, True], ids=["usual order", "outputs turned round"])
def test_a_detector_has_the_same_objects_in_any_order_of_its_outputs(
    deliver: Deliver, pictures: list[Path], python: str, turned: bool
) -> None:
    model = flatbuffer.unpack(brightness_detector())
    if turned:
        model.subgraphs[0].outputs = model.subgraphs[0].outputs[::-1]
    path = deliver(flatbuffer.pack(model), meaning("detection", ("stop", "yield")))
    row = compared(path, pictures, python)
    assert (row.compared, row.same) == (4, 4)
    assert row.score < 1e-5
    assert row.box <= 1, "Tasks round to pixels"
    assert set(row.suppressed) <= {1.0}, "of two classes in one place Tasks keep the surer one"


def test_a_file_with_samples_in_it_is_opened_and_answers_alike(
    deliver: Deliver, pictures: list[Path], python: str
) -> None:
    files = {"samples.json": b"{}", **{f"{number:03d}/input_0.bin": bytes(192) for number in range(8)}}
    for content, labels in ((dense_classifier(), ("cat", "dog")), (brightness_detector(), ("stop", "yield"))):
        task = "classification" if labels[0] == "cat" else "detection"
        path = deliver(content, meaning(task, labels))
        before = compared(path, pictures, python)
        path.write_bytes(embedded(path.read_bytes(), files))
        after = compared(path, pictures, python)
        assert (after.compared, after.same, after.score) == (before.compared, before.same, before.score)
        assert after.same >= 4


def test_an_int8_input_is_refused_in_a_sentence(
    deliver: Deliver, tmp_path: Path, pictures: list[Path], python: str
) -> None:
    """MediaPipe takes uint8 and float32 alone."""
    source = small_network.model(tmp_path)
    content = small_network.quantized(tmp_path).read_bytes()
    path = deliver(content, Meaning.of(source))
    assert flatbuffer.signature(path)["inputs"][0]["dtype"] == "int8"
    said = mediapipe_tasks.compared(path, pictures, python)
    assert isinstance(said, str)
    assert said.endswith("got INT8.")


def test_raw_bytes_go_into_a_real_quantized_classifier(
    deliver: Deliver, python: str, shared_models: Path, shared_data: Path
) -> None:
    path = real(deliver, shared_models, "mobilenet_v1_0.25_224_quant", {"scale": 1 / 128, "offset": -1.0})
    assert flatbuffer.signature(path)["inputs"][0]["dtype"] == "uint8"
    row = compared(path, sorted((shared_data / "coco128/images").rglob("*.jpg"))[:8], python)
    assert (row.compared, row.same) == (40, 40)
    assert row.score < 1e-5


def test_a_file_that_wants_bgr_is_refused_and_not_fed_rgb(
    deliver: Deliver, pictures: list[Path], python: str
) -> None:
    path = deliver(dense_classifier(), meaning("classification", ("cat", "dog"), channels="bgr"))
    said = mediapipe_tasks.compared(path, pictures, python)
    assert isinstance(said, str)
    assert said.startswith("refused: ")


def test_a_float_file_normalized_by_channel_is_refused_in_a_sentence(
    deliver: Deliver, pictures: list[Path], python: str
) -> None:
    """MediaPipe has no normalisation by channel; an int8 file has it in its graph."""
    facts = Meaning.of_image(
        task="classification",
        height=8,
        width=8,
        labels=("cat", "dog"),
        preprocess={"mean": [124.0, 117.0, 104.0], "std": [58.0, 57.0, 57.0]},
    )
    said = mediapipe_tasks.compared(deliver(dense_classifier(), facts), pictures, python)
    assert said == "refused: Per-channel image normalization is not available."


def real(deliver: Deliver, shared_models: Path, name: str, options: dict[str, float]) -> Path:
    """Give a classifier of TFLite Support as it is delivered, its 1001 names kept."""
    source = shared_models / f"tflite_support/{name}.tflite"
    given = source.read_bytes()
    labels = next(iter(FORMATS.get("tflite")().describe(source).labels.values()))
    end, output = (next(iter(found)) for found in flatbuffer.ends_of(flatbuffer.unpack(given)))
    picture = Meaning.of_image(task="classification", height=224, width=224, preprocess=options).only
    head = {"outputs": {"scores": output}, "scores": "softmax"}
    facts = replace(meaning("classification", labels), inputs={end: picture}, head=head)
    return deliver(entries.without_entry(given, NAME), facts, **brought.of_file(given)[0])


def test_a_real_classifier_of_1001_classes_has_the_same_classes(
    deliver: Deliver, python: str, shared_models: Path, shared_data: Path
) -> None:
    path = real(deliver, shared_models, "mobilenet_v1_0.25_224_1_metadata_1", PIXELS)
    row = compared(path, sorted((shared_data / "coco128/images").rglob("*.jpg"))[:8], python)
    assert (row.compared, row.same) == (40, 40)
    assert row.score < 1e-5


def test_the_reference_schema_reads_what_was_written(deliver: Deliver, python: str) -> None:
    path = deliver(brightness_detector(), meaning("detection", ("stop", "yield")))
    script = Path(mediapipe_tasks.__file__).with_name("mediapipe_metadata.py")
    done = subprocess.run([python, script, path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["name"], found["minParserVersion"]) == ("detection of 2 classes", "1.0.0")
    (graph,) = found["subgraphMetadata"]
    (image,) = graph["inputTensorMetadata"]
    assert image["content"] == {"contentPropertiesType": 2, "contentProperties": {"colorSpace": 1}}
    assert image["processUnits"] == [{"optionsType": 1, "options": {"mean": [127.5], "std": [127.5]}}]
    assert (image["stats"]["min"], image["stats"]["max"]) == ([-1.0], [1.0])
    outputs = {one["name"]: one for one in graph["outputTensorMetadata"]}
    assert sorted(outputs) == ["category", "location", "number of detections", "score"]
    box = {"index": [1, 0, 3, 2], "type": 1, "coordinateType": 0}
    assert outputs["location"]["content"] == {"contentPropertiesType": 3, "contentProperties": box}
    (file,) = outputs["category"]["associatedFiles"]
    assert (file["name"], file["type"]) == ("labels.txt", 3)
