"""`tflbuild predict`, on models made by hand."""

from __future__ import annotations

import contextlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

import own_files
from on_bytes import with_facts
from tflbuild.cli import main
from tflbuild.commands.schema import schema_of
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.signature import Signature
from tflbuild.engine.workers.apart import Apart, Suspect
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.show.ground_truth import Known
from tflbuild.show.inference import Numbers, open_model
from tflbuild.show.photos import names_of
from tflbuild.show.prediction import (
    Answer,
    LeftOut,
    Note,
    Prediction,
    Truth,
    _predict_one,
    folder_for,
    lines,
    predict,
    predictions,
    to_json,
)
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector


def facts(task: str, **preprocess: Any) -> dict[str, Any]:
    options = ImageModality(**preprocess).to_json()
    labels = ("bright", "dark")
    return Meaning.of_image(task=task, height=8, width=8, labels=labels, preprocess=options).to_json()


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.tflite"
    path.write_bytes(with_facts(brightness_detector(), facts("detection")))
    return path


@pytest.fixture
def white(tmp_path: Path) -> Path:
    path = tmp_path / "white.jpg"
    Image.new("RGB", (60, 40), "white").save(path)
    return path


def told(*found: Answer, best: float = 0.0) -> list[str]:
    return lines(
        Prediction(image=Path("a.jpg"), height=40, width=60, found=found, best=best, drawn=Path("o/a.png"))
    )


def test_a_prediction_is_told_with_its_size_and_its_boxes_in_pixels() -> None:
    box = (0.1, 0.2, 0.61, 0.87)  # y 4 to 24.4 of 40, x 12 to 52.2 of 60
    assert told(Answer(label="cat", score=0.996, box=box), Answer(label="tomcat", score=0.3)) == [
        "a.jpg: 60x40, drawn in o/a.png",
        "  cat     1.00  x 12-52, y 4-24",
        "  tomcat  0.30",
    ]
    assert told(best=0.254)[1:] == ["  nothing found (best score 0.25)"]
    assert lines(LeftOut(Path("b.jpg"), "it is damaged")) == ["skipped: it is damaged"]


def test_what_is_right_is_told_beside_what_was_found() -> None:
    box = (0.0, 0.0, 0.5, 0.5)
    made = Prediction(
        image=Path("a.jpg"),
        height=40,
        width=60,
        found=(Answer(label="cat", score=0.9, box=box),),
        best=0.9,
        drawn=Path("o/a.png"),
        truth=(Truth(label="tomcat", box=box),),
    )
    assert lines(made)[1:] == ["  cat     0.90  x 0-30, y 0-20", "  tomcat  truth  x 0-30, y 0-20"]
    assert lines(replace(made, found=(), truth=()))[1:] == [
        "  nothing found (best score 0.90)",
        "  truth: no object",
    ]
    assert lines(Note("a\x1b")) == ["note: a\x1b"], "who makes a note makes it harmless"
    numbers = {"code": Numbers((2, 3), -1.0, 0.25, 2.0, (0.5, -1.0, 2.0, 0.5, 1.0, 0.0))}
    assert lines(replace(made, found=(), truth=None, outputs=numbers))[1:] == [
        "  code (2, 3): -1 to 2, mean 0.25; 0.5, -1, 2, 0.5, ..."
    ]


def test_images_of_one_name_are_numbered_past_names_that_are_taken() -> None:
    given = [Path(name) for name in ("x/a.jpg", "y/a.png", "a-2.jpg", "z/a.gif", "b.jpg")]
    assert [path.name for path in names_of(given, Path("out"))] == [
        "a.png",
        "a-2.png",
        "a-2-2.png",
        "a-3.png",
        "b.png",
    ]
    assert {path.parent for path in names_of(given, Path("out"))} == {Path("out")}


def test_the_least_score_that_is_shown_is_handed_on(
    detector: Path, white: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | None] = []

    def call(self: Apart, function: str, *arguments: Any, **more: Any) -> Any:
        if function == "tflbuild.show.inference:predict_image":
            asked.append(arguments[3])
        return {"open_model": (), "of_photo": Known()}.get(function.rpartition(":")[2])

    monkeypatch.setattr(Apart, "call", call)
    predict(detector, [white], tmp_path / "out")
    list(predictions(detector, [white], tmp_path / "out"))
    predict(detector, [white], tmp_path / "out", 0.0)
    assert asked == [None, None, 0.0]


class Scripted:
    """A process apart that ends as it is told to.

    Args:
        read: whether the image was read before it ended.
        error: what it ended with.
    """

    def __init__(self, read: bool, error: Exception) -> None:
        self.read, self.error = read, error
        self.suspect: Suspect | None = None

    def call(self, function: str, *arguments: Any, suspect: Any, progress: Any) -> Any:
        assert function == "tflbuild.show.inference:predict_image"
        if self.read:
            progress(1, 1, "read")
        self.suspect = suspect()
        raise self.error


@pytest.mark.parametrize(
    ("read", "of_folder", "left_out"),
    [(False, True, True), (False, False, False), (True, True, False), (True, False, False)],
)
def test_an_image_of_a_folder_is_left_out_only_where_it_is_to_blame(
    read: bool, of_folder: bool, left_out: bool
) -> None:
    apart: Any = Scripted(read, RecipeError("it is damaged"))
    given = (apart, Path("m"), Path("i"), Path("o"), 0.5, None, of_folder)
    if left_out:
        assert _predict_one(*given) == LeftOut(Path("i"), "it is damaged")
    else:
        with pytest.raises(RecipeError, match="it is damaged"):
            _predict_one(*given)
    assert apart.suspect == (
        Suspect(Path("m"), "the runtime", "it is damaged or made for another runtime")
        if read
        else Suspect(Path("i"), "the decoder", "it is damaged")
    )


def test_a_detector_gives_boxes_in_the_image_and_draws_them(
    detector: Path, white: Path, tmp_path: Path
) -> None:
    (result,) = predict(detector, [white], tmp_path / "out")
    (found,) = result.found
    assert found.label == "bright"
    assert found.score > 0.99
    assert found.box == pytest.approx((0.0, 0.0, 0.5, 0.5))
    assert lines(result)[1] == "  bright  1.00  x 0-30, y 0-20"
    with Image.open(result.drawn) as drawn:
        assert drawn.size == (60, 40)
        assert np.asarray(drawn).min() < 255, "a box is drawn on the white image"


def test_the_letterbox_is_undone(white: Path, tmp_path: Path) -> None:
    path = tmp_path / "letterboxed.tflite"
    path.write_bytes(with_facts(brightness_detector(), facts("detection", aspect="letterbox")))
    (result,) = predict(path, [white], tmp_path / "out")
    # By hand: the 60x40 image fills rows 1 to 6 of 8; the box ends at row 4, which is 3/5 of the image.
    assert result.found[0].box == pytest.approx((0.0, 0.0, 0.6, 0.5))


def test_what_is_unlikely_is_not_shown_but_its_best_score_is_said(
    detector: Path, white: Path, tmp_path: Path
) -> None:
    (result,) = predict(detector, [white], tmp_path / "out", least_score=0.9999)
    assert result.found == ()
    assert lines(result)[1] == "  nothing found (best score 1.00)"


def test_a_classifier_gives_classes(float_classifier: Path, white: Path, tmp_path: Path) -> None:
    path = tmp_path / "classifier.tflite"
    path.write_bytes(with_facts(float_classifier.read_bytes(), facts("classification")))
    (result,) = predict(path, [white], tmp_path / "out")
    assert {found.label for found in result.found} == {"bright", "dark"}
    assert sum(found.score for found in result.found) == pytest.approx(1.0)
    assert result.found[0].score >= result.found[1].score
    assert result.drawn.is_file()


def test_images_of_one_name_do_not_overwrite_one_another(detector: Path, white: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    again = tmp_path / "other" / "white.png"
    Image.new("RGB", (8, 8)).save(again)
    results = predict(detector, [white, again], tmp_path / "out")
    assert [result.drawn.name for result in results] == ["white.png", "white-2.png"]


def run_folder(folder: Path, *targets: dict[str, Any], status: str = "built") -> Path:
    (folder / "report.json").write_text(json.dumps({"status": status, "targets": list(targets)}))
    return folder


def test_a_run_is_known_by_its_report(detector: Path, white: Path, tmp_path: Path) -> None:
    npu = {"name": "ethos_u55", "path": "ethos_u55/model.tflite", "not_executed": "no such device here"}
    run = run_folder(tmp_path, npu, {"name": "cpu", "path": detector.name})
    assert predict(run, [white], tmp_path / "out")[0].found[0].label == "bright"


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        (None, "over_budget", "this run is over its budget and delivered no model"),
        ({"name": "cpu", "path": "gone.tflite"}, "built", "the model that this run delivered is gone"),
        (
            {"name": "ethos_u55", "path": "x", "not_executed": "y"},
            "built",
            "compiled for ethos_u55, which this machine cannot execute",
        ),
    ],
)
def test_a_run_without_a_file_to_execute_is_refused(
    white: Path, tmp_path: Path, target: dict[str, Any] | None, status: str, message: str
) -> None:
    run = run_folder(tmp_path, *([target] if target else []), status=status)
    with pytest.raises(RecipeError, match=message):
        predict(run, [white], tmp_path / "out")


def test_wrong_models_and_images_are_named(detector: Path, white: Path, tmp_path: Path) -> None:
    nowhere, text = tmp_path / "nowhere", tmp_path / "text.tflite"
    text.write_text("not a model")
    half = tmp_path / "half.jpg"
    half.write_bytes(white.read_bytes()[:200])
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(brightness_detector())
    (tmp_path / "folder").mkdir()
    for model, image, message in (
        (nowhere, white, "nowhere does not exist; expected a run's folder or a .tflite file"),
        (tmp_path / "folder", white, "folder is not a run's folder"),
        (text, white, "text.tflite is not a TensorFlow Lite file"),
        (foreign, white, "foreign.tflite does not say how it was preprocessed"),
        (detector, nowhere, "nowhere does not exist; expected an image file"),
        (detector, half, "half.jpg"),
        (detector, tmp_path / "folder", "folder holds no image"),
        (detector, text, "text.tflite: not an image that PIL can read"),
    ):
        with pytest.raises(RecipeError, match=message.replace(".", r"\.")):
            predict(model, [image], tmp_path / "out")


def test_predictions_go_beside_the_run_or_the_file_and_are_no_photos_themselves(
    detector: Path, white: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_for(detector) == tmp_path / "detector-predictions"
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "mine" / "run"
    (run / "cpu").mkdir(parents=True)
    (run / "cpu" / "model.tflite").write_bytes(detector.read_bytes())
    run_folder(run, {"name": "cpu", "path": "cpu/model.tflite"})
    (run.parent / "latest").symlink_to("run")
    latest = Path("outputs/mine/latest")
    for named in (run, latest, latest / "cpu" / "model.tflite"):
        assert folder_for(named) == Path("outputs/mine/run/predictions")
    (made,) = predict(latest, [white])
    assert made.drawn == Path("outputs/mine/run/predictions/white.png")
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (8, 8)).save(photos / "a.png")
    for _ in range(2):
        assert [one.image.name for one in predict(detector, [photos], photos / "out")] == ["a.png"]


def test_truth_beside_a_photo_is_found_and_told_in_json(
    detector: Path, white: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    white.with_suffix(".txt").write_text("1 0.5 0.5 0.5 0.5\n")
    words = [
        "predict",
        str(detector),
        str(white),
        "--json",
        "--threshold=0.5",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    (one,) = said.pop("predictions")
    assert said == {
        "schema": "tflbuild.predictions/1",
        "model": str(detector),
        "threshold": 0.5,
        "left_out": [],
        "notes": [
            f"{white}: white.txt has class numbers, and no file next to it names them: they are taken as "
            f"the model's class numbers"
        ],
    }
    assert one["truth"] == [{"label": "dark", "box": [0.25, 0.25, 0.75, 0.75]}]
    assert [found["label"] for found in one["found"]] == ["bright"]
    assert one["drawn"] == str(tmp_path / "out" / "white.png")
    problems_of = Draft202012Validator(schema_of("predictions")).iter_errors(said | {"predictions": [one]})
    assert list(problems_of) == []
    white.with_suffix(".txt").unlink()
    white.with_suffix(".xml").write_text("<annotation>")
    (note, made) = predictions(detector, [white], tmp_path / "out")
    assert isinstance(note, Note)
    assert "no ground truth: " in note.text
    assert "white.xml cannot be read: broken XML" in note.text
    assert to_json(detector, [made], None)["predictions"][0]["truth"] is None


def test_truth_of_a_runs_own_data_is_found(detector: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name in ("bright", "dark"):
        (photos / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.full((8, 8, 3), number + (200 if name == "bright" else 0), np.uint8)
            Image.fromarray(pixels).save(photos / name / f"{number}.png")
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.tflite").write_bytes(detector.read_bytes())
    report = {"targets": [{"name": "cpu", "path": "model.tflite"}]}
    report["resolved"] = {"data": {"type": "image_folder", "root": str(photos)}}
    (run / "report.json").write_text(json.dumps(report))
    elsewhere = tmp_path / "elsewhere.png"
    Image.new("RGB", (8, 8), "red").save(elsewhere)
    (photos / "bright" / "link.png").symlink_to(elsewhere)
    made = predict(run, [photos / "dark" / "1.png", photos / "bright" / "link.png"])
    assert [one.truth for one in made] == [(Truth(label="dark"),), (Truth(label="bright"),)]
    assert predict(run, [tmp_path / "elsewhere.png"])[0].truth is None
    report["resolved"] = {"data": {"type": "image_folder", "root": str(photos / "gone")}}
    (run / "report.json").write_text(json.dumps(report))
    made = list(predictions(run, [elsewhere]))
    assert [type(one) for one in made] == [Prediction], "photos elsewhere do not ask for data that are gone"


def test_a_model_of_numbers_takes_arrays_and_draws_nothing(tmp_path: Path) -> None:
    path, sample = tmp_path / "vector.tflite", tmp_path / "sample.npy"
    content = own_files.FILES["vector"]()
    path.write_bytes(content)
    ((name, spec),) = Signature.from_json(flatbuffer.signature(path)).inputs.items()
    given = Input(modality="vector", shape=spec.shape[1:])
    path.write_bytes(with_facts(content, Meaning(task="unlabelled", inputs={name: given}).to_json()))
    np.save(sample, np.ones(given.shape))
    (made,) = predict(path, [sample], tmp_path / "out")
    assert (made.drawn, made.width, made.found) == (None, 0, ())
    assert made.outputs
    assert lines(made)[0] == f"{sample}: an array"
    assert to_json(path, [made], None)["predictions"][0]["drawn"] is None
    np.save(sample, np.ones((2, 2)))
    with pytest.raises(RecipeError, match="does not fit what it says of its input"):
        predict(path, [sample], tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "2"], "--threshold: '2' is not a score; give a number in 0..1"),
        (["--threshold"], "--threshold needs a value"),
        (["--out="], "--out needs a value"),
        (["--treshold=1"], "'--treshold=1' is not an option. Did you mean '--threshold'"),
    ],
)
def test_a_wrong_word_is_named(
    words: list[str], message: str, detector: Path, white: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(detector), str(white), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said(detector: Path, white: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        predict(detector, [white], white / "out")


def test_a_folder_is_all_the_images_below_it(detector: Path, white: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for name in ("b.png", "A.JPG", ".hidden.png", "inner/inner.png"):
        Image.new("RGB", (8, 8)).save(folder / name, "png")
    (folder / "notes.txt").write_text("no image")
    (folder / "half.png").write_bytes(white.read_bytes()[:100])
    made = list(predictions(detector, [folder, white], tmp_path / "out"))
    assert [one.image.name for one in made if isinstance(one, Prediction)] == [
        "A.JPG",
        "b.png",
        "inner.png",
        "white.jpg",
    ]
    (left,) = (one for one in made if isinstance(one, LeftOut))
    (said,) = lines(left)
    assert said.startswith("skipped: ")
    assert "half.png" in said


def test_what_is_no_file_is_not_waited_for(detector: Path, white: Path, tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo.png", tmp_path / "loop.png"
    os.mkfifo(fifo)
    link.symlink_to(link)
    for model, image, message in (
        (detector, fifo, "fifo.png cannot be read: not a regular file"),
        (fifo, white, "fifo.png cannot be read: not a regular file"),
        (detector, link, "loop.png cannot be read"),
        (detector, tmp_path / ("a" * 300), "cannot be read: File name too long"),
    ):
        with pytest.raises(RecipeError, match=message):
            predict(model, [image], tmp_path / "out")


def test_names_of_files_and_classes_are_shown_harmless(tmp_path: Path) -> None:
    name = "\x1b]0;owned\x07\u202e\n"
    found = (Answer(label=name, score=0.5),)
    given = Prediction(image=Path(name), height=1, width=1, found=found, best=0.5, drawn=Path(f"{name}.png"))
    said = lines(given)
    assert len(said) == 2
    assert all(line.isprintable() for line in said)
    assert "\\x1b]0;owned\\x07\\u202e\\n" in said[1]


def test_names_that_are_not_utf_8_are_taken(
    detector: Path,
    white: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = os.fsdecode(b"\xff\x1b.jpg")
    white.rename(odd)
    assert main(["predict", str(detector), odd]) == 0
    assert capsys.readouterr().out.startswith(
        f"\\udcff\\x1b.jpg: 60x40, drawn in {tmp_path}/detector-predictions/\\udcff\\x1b.png"
    )


def image(name: str = "image", **changed: Any) -> dict[str, Any]:
    """Give a change of the facts: their picture, changed."""
    return {"inputs": {name: facts("classification")["inputs"]["image"] | changed}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": "bright"}, "says of itself what cannot be true"),
        ({"labels": ["bright"]}, "what it gives is not what it says of itself"),
        ({"labels": None}, "says of itself what cannot be true"),
        ({"task": "poetry"}, "says of itself what cannot be true.*task"),
        ({"inputs": 7}, "says of itself what cannot be true"),
        (image(shape=["tall", 8, 3]), "says of itself what cannot be true"),
        (image(shape=[10**30, 8, 3]), "says of itself what cannot be true"),
        (image(shape=[8, 9, 3]), r"it says that its input 'image' is \(8, 9, 3\), and it is \(8, 8, 3\)\.$"),
        (image(shape=[]), r"it says that its input 'image' is \(\), and it is \(8, 8, 3\)\.$"),
        (image("x\x1b"), r"it says that its input 'x\\x1b' is \(8, 8, 3\), and its inputs are image\.$"),
        (image(modality="smell"), "says of itself what cannot be true.*modality"),
        (image(preprocess=[]), "says of itself what cannot be true"),
        (image(preprocess={"scale": 0}), "says of itself what cannot be true"),
        (image(preprocess={"unheard": 1}), "says of itself what cannot be true"),
        (image(preprocess={"mean": [1.0]}), "says of itself what cannot be true.*mean"),
        (image(preprocess={"channels": "grey"}), "an image does not fit what it says of its input"),
        ({"head": {"outputs": {"scores": "logits"}}}, "what it gives is not what it says of itself"),
        ({"head": {"outputs": {"scores": []}}}, "says of itself what cannot be true"),
        ({"more": 1}, "says of itself what cannot be true"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(
    float_classifier: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    path = tmp_path / "changed.tflite"
    path.write_bytes(with_facts(float_classifier.read_bytes(), facts("classification") | changed))
    with pytest.raises(RecipeError, match=message):
        open_model(path, lambda done, total, note: None)


OLD = {"task": "classification", "height": 8, "width": 8, "labels": ["bright", "dark"], "preprocess": {}}
"""Facts as tflbuild 0.1 wrote them."""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"height": "tall"}, "says of itself what cannot be true"),
        ({"height": 10**30}, "says of itself what cannot be true"),
        ({"width": 9}, r"it says that its input 'image' is \(8, 9, 3\), and it is \(8, 8, 3\)\.$"),
        ({"preprocess": []}, "says of itself what cannot be true"),
        ({"preprocess": {"scale": 0}}, "says of itself what cannot be true"),
        ({"more": 1}, "says of itself what cannot be true"),
    ],
)
def test_what_a_file_of_tflbuild_0_1_says_of_itself_is_read_and_checked(
    float_classifier: Path, white: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    path, content = tmp_path / "old.tflite", float_classifier.read_bytes()
    path.write_bytes(with_facts(content, OLD | {"detector": {}}))
    (result,) = predict(path, [white], tmp_path / "out")
    assert {found.label for found in result.found} == {"bright", "dark"}
    path = tmp_path / "changed.tflite"
    path.write_bytes(with_facts(content, OLD | changed))
    with pytest.raises(RecipeError, match=message):
        open_model(path, lambda done, total, note: None)


@pytest.mark.parametrize("given", ["../outside.tflite", "/etc/hostname", "", None, 1, "a\0b"])
def test_a_report_names_files_of_its_run_only(white: Path, tmp_path: Path, given: Any) -> None:
    run = run_folder(tmp_path, {"name": "cpu", "path": given})
    with pytest.raises(RecipeError, match=r"targets\.path: .* is not a file of that run"):
        predict(run, [white], tmp_path / "out")


def test_whatever_byte_of_a_file_is_wrong_is_a_sentence(
    detector: Path, float_classifier: Path, tmp_path: Path
) -> None:
    """About one in 700 crashes LiteRT; the next is read by a fresh process."""
    classifier = with_facts(float_classifier.read_bytes(), facts("classification"))
    wholes = (detector.read_bytes(), classifier)
    rng = random.Random(0)
    path = tmp_path / "mutated.tflite"
    suspect = Suspect(path, "the runtime", "it is damaged")
    with Apart(seconds=10) as apart:
        for number in range(200):
            content = bytearray(wholes[number % 2])
            for _ in range(rng.choice([1, 2, 4])):
                content[rng.randrange(len(content))] = rng.choice([0, 1, 4, 127, 128, 255])
            path = tmp_path / f"mutated-{number}.tflite"
            path.write_bytes(content)
            with contextlib.suppress(RecipeError):
                apart.call("tflbuild.show.inference:open_model", path, suspect=lambda: suspect)
