"""The predictor of a delivered file: the answers of `predict`, with nothing but NumPy, LiteRT and Pillow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import own_files
from on_bytes import with_facts
from recordings import tone, wav
from tflbuild.core.answer import Answer
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.signature import Signature
from tflbuild.modalities.audio.micro.frontend import features
from tflbuild.modalities.audio.micro.settings import Micro
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtime import Predictor
from tflbuild.show.inference import predict_image
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector

LABELS = ("bright", "dark")


def facts(task: str, side: int, labels: tuple[str, ...]) -> dict[str, Any]:
    options = ImageModality().to_json()
    return Meaning.of_image(task=task, height=side, width=side, labels=labels, preprocess=options).to_json()


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.tflite"
    path.write_bytes(with_facts(brightness_detector(), facts("detection", 8, LABELS)))
    return path


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    path = tmp_path / "classifier.tflite"
    path.write_bytes(with_facts(own_files.classifier(), facts("classification", 12, own_files.CLASSES)))
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(3).integers(0, 255, (40, 60, 3), np.uint8)
    pixels[:20, :30] = 255
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_a_file_and_its_pixels_have_the_answer_of_predict(
    kind: str, photo: Path, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    predictor = Predictor(path)
    drawn = predict_image(path, photo, photo.with_name("out.png"), 0.0, None, lambda *progress: None)
    with Image.open(photo) as opened:
        pixels = np.asarray(opened)
    assert predictor(photo).found == predictor(str(photo)).found == predictor(pixels).found == drawn.found
    assert predictor(pixels).best == drawn.found[0]
    assert len(drawn.found) == (2 if kind == "detector" else 3)


def test_it_says_what_the_file_takes_and_means(detector: Path, classifier: Path) -> None:
    predictor = Predictor(classifier)
    assert (predictor.task, predictor.labels) == ("classification", own_files.CLASSES)
    assert {name: spec.shape for name, spec in predictor.inputs.items()} == {"image": (1, 12, 12, 3)}
    assert {name: spec.shape for name, spec in predictor.outputs.items()} == {"scores": (1, 3)}
    assert "classification, 3 classes, takes image (1, 12, 12, 3) float32" in repr(predictor)
    predictor.labels = ()
    assert "classification, takes image" in repr(predictor), (
        "a file without names of classes has not 0 of them"
    )
    assert Predictor(str(detector)).task == "detection"


def test_outputs_have_no_batch_axis_and_a_threshold_leaves_answers_out(classifier: Path, photo: Path) -> None:
    made = Predictor(classifier)(photo)
    assert {name: (values.shape, values.dtype) for name, values in made.outputs.items()} == {
        "scores": ((3,), np.float32)
    }
    scores = dict(zip(own_files.CLASSES, made.outputs["scores"].tolist(), strict=True))
    assert {one.label: one.score for one in made.found} == pytest.approx(scores)
    least = made.found[0].score
    assert Predictor(classifier)(photo, threshold=least).found == made.found[:1]
    none = Predictor(classifier)(photo, threshold=1.0)
    assert (none.found, none.best) == ((), None)


def test_tensors_are_those_that_the_file_takes(classifier: Path) -> None:
    white = np.full((30, 20, 3), 255, np.uint8)
    (tensor,) = Predictor(classifier).tensors(white).values()
    assert (tensor.shape, tensor.dtype) == ((1, 12, 12, 3), np.float32)
    assert np.unique(tensor).tolist() == [255 / 128 - 1]


def test_a_recording_goes_through_the_front_end_that_the_file_says(tmp_path: Path) -> None:
    kind = Audio(
        front_end="micro",
        level="recorded",
        low=125.0,
        high=7500.0,
        duration=0.25,
        bands=36,
        micro=Micro(gain=False),
    )
    sound = Input(modality="audio", shape=(12, 12, 3), preprocess=kind.to_json())
    meaning = Meaning(task="classification", labels=own_files.CLASSES, inputs={"image": sound})
    path = tmp_path / "sound.tflite"
    path.write_bytes(with_facts(own_files.classifier(), meaning.to_json()))
    samples = np.rint(tone(16000, 0.25, 440) * 32767).astype("<i2")
    (tmp_path / "tone.wav").write_bytes(wav(samples.tobytes()))
    predictor = Predictor(path)
    (given,) = predictor.tensors(tmp_path / "tone.wav").values()
    wanted = features(samples, kind) * np.float32(10 / 256)  # 12 frames of 36 bands
    assert np.array_equal(given.ravel(), wanted.ravel())
    assert np.array_equal(
        predictor(samples).outputs["scores"], predictor(tmp_path / "tone.wav").outputs["scores"]
    )


def test_numbers_and_several_inputs_are_taken_by_name(tmp_path: Path) -> None:
    path = tmp_path / "two.tflite"
    content = own_files.FILES["two_inputs"]()
    path.write_bytes(content)
    specs = Signature.from_json(flatbuffer.signature(path)).inputs
    inputs = {name: Input(modality="vector", shape=spec.shape[1:]) for name, spec in specs.items()}
    path.write_bytes(with_facts(content, Meaning(task="unlabelled", inputs=inputs).to_json()))
    predictor = Predictor(path)
    arrays = {name: np.ones(given.shape) for name, given in inputs.items()}
    made = predictor(arrays)
    assert made.found == ()
    assert made.best is None
    assert set(made.outputs) == set(predictor.outputs)
    first, *others = arrays
    np.save(tmp_path / "one.npy", arrays[first])
    again = predictor({first: tmp_path / "one.npy", **{name: arrays[name] for name in others}})
    for name, values in made.outputs.items():
        np.testing.assert_array_equal(again.outputs[name], values)
    with pytest.raises(RecipeError, match="takes a sample for each of"):
        predictor({first: arrays[first]})
    with pytest.raises(RecipeError, match="has 2 inputs"):
        predictor(arrays[first])


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((4, 4)), "does not fit what it says of its input: ValueError: a picture is"),
        (np.zeros((4, 4, 3)), "does not fit what it says of its input: ValueError: a picture is"),
        ("gone.png", "gone.png: No such file or directory"),
        (Path(__file__), "not an image that PIL can read"),
        ({"other": 1}, "takes a sample for each of 'image'; given: 'other'"),
    ],
)
def test_a_sample_that_does_not_fit_is_one_sentence(sample: Any, message: str, classifier: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        Predictor(classifier)(sample)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not a file; expected a delivered"):
        Predictor(tmp_path)
    path = tmp_path / "foreign.tflite"
    path.write_bytes(own_files.classifier())
    with pytest.raises(RecipeError, match="tflbuild did not make it"):
        Predictor(path)
    path.write_bytes(b"no model")
    with pytest.raises(RecipeError, match="is not a TensorFlow Lite file"):
        Predictor(path)


ALONE = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ALLOWED:
            raise ModuleNotFoundError(name)

ALLOWED = {"tflbuild", "numpy", "ai_edge_litert", "annotated_types", "PIL", "flatbuffers", "typing_extensions"}
sys.meta_path.insert(0, Refusing())
from tflbuild.runtime import Predictor
print(Predictor(sys.argv[1])(sys.argv[2]).best)
"""


def test_a_device_needs_little(classifier: Path, photo: Path) -> None:
    """What is allowed is what docs/python.md tells to install; LiteRT brings flatbuffers and typing_extensions."""
    command = [sys.executable, "-c", ALONE, str(classifier), str(photo)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Predictor(classifier)(photo).best)
    assert isinstance(Predictor(classifier)(photo).best, Answer)


def test_a_task_of_a_plugin_that_raises_is_named_with_its_line(
    classifier: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.core import place
    from tflbuild.tasks.classification.task import Classification

    text = "def found(self, rows, meaning):\n    return rows['no such output']\n"
    plugin = tmp_path / "my_task.py"
    plugin.write_text(text)
    names: dict[str, Any] = {"__name__": "my_plugins.my_task"}
    exec(compile(text, str(plugin), "exec"), names)
    monkeypatch.setattr(place, "PLUGINS", {"my_plugins"})
    monkeypatch.setattr(Classification, "found", names["found"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError) as caught:
        Predictor(classifier)(photo)
    assert str(caught.value).splitlines()[1:] == [
        "  my_task.py:2, in found",
        "    return rows['no such output']",
    ]
