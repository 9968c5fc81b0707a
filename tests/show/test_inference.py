"""What a model says of one image, on a runner that is made up: order, thresholds, what is drawn, whom errors blame."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.answer import Answer, Truth
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.modalities.image import files as image_reading
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.show import inference
from tflbuild.show.inference import Numbers, OpenedFile, Prediction, open_model, predict_image

LABELS = ("a", "b", "c", "d", "e", "f")
FACTS = Meaning.of_image(
    task="classification", height=4, width=6, labels=LABELS, preprocess=ImageModality(scale=0.5).to_json()
)
DETECTOR = replace(FACTS, task="detection")


class Runner:
    """A loaded model that says what it was told to.

    Attributes:
        seen: what it was given.
    """

    kernels = "none"
    signature = Signature(inputs={"image": TensorSpec((1, 4, 6, 3), "float32")}, outputs={})

    def __init__(self, **outputs: Any) -> None:
        self.outputs = {name: np.array([values], np.float32) for name, values in outputs.items()}
        self.seen: list[Any] = []

    def run(self, inputs: Any) -> dict[str, Any]:
        self.seen.append(inputs)
        return self.outputs


def boxes(*scores: float, classes: tuple[float, ...] = ()) -> Runner:
    places = [[0.0, 0.0, 0.25 * (k + 1), 0.5] for k in range(len(scores))]
    numbers = classes or range(len(scores))
    return Runner(detection_boxes=places, detection_scores=scores, detection_classes=list(numbers))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.full((8, 12, 3), 255, np.uint8)).save(path)
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Keep the texts that are drawn."""
    kept: list[list[str]] = []

    def draw(pixels: Any, boxes: Any, texts: list[str]) -> Any:
        kept.append([f"{text} {box.tolist()}" for text, box in zip(texts, boxes, strict=True)])
        return pixels

    monkeypatch.setattr("tflbuild.modalities.image.files.draw", draw)
    return kept


def said(
    runner: Runner,
    facts: Meaning,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: float | None = None,
    truth: tuple[Truth, ...] | None = None,
) -> Prediction:
    monkeypatch.setattr(inference, "opened_file", lambda file: OpenedFile(runner, facts))
    progress: list[Any] = []
    made = predict_image(
        Path("m.tflite"), image, image.with_name("out.png"), least, truth, lambda *p: progress.append(p)
    )
    assert progress == [(1, 1, "read")]
    return made


def test_the_five_likeliest_classes_are_given_in_order_and_the_first_is_drawn(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    runner = Runner(scores=[0.125, 0.5, 0.0, 0.25, 0.0625, 0.03125])
    assert said(runner, FACTS, image, monkeypatch) == Prediction(
        image=image,
        height=8,
        width=12,
        found=tuple(
            Answer(label=label, score=score)
            for label, score in (("b", 0.5), ("d", 0.25), ("a", 0.125), ("e", 0.0625), ("f", 0.03125))
        ),
        best=0.5,
        drawn=image.with_name("out.png"),
    )
    assert drawn == [["b 0.50 [0.0, 0.0, 1.0, 1.0]"]]
    [given] = runner.seen
    assert {name: (values.shape, values.dtype) for name, values in given.items()} == {
        "image": ((1, 4, 6, 3), np.float32)
    }
    assert set(given["image"].ravel()) == {255 * 0.5 - 1}, "white, as the model is said to take it"


def test_objects_are_given_in_order_down_to_the_least_score_and_all_of_them_drawn(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    made = said(boxes(0.25, 0.75, 0.5, 0.125), DETECTOR, image, monkeypatch, least=0.25)
    assert [(found.label, found.score) for found in made.found] == [("b", 0.75), ("c", 0.5), ("a", 0.25)]
    assert made.found[0].box == pytest.approx((0.0, 0.0, 0.5, 0.5))
    assert [text.split(" [")[0] for text in drawn[0]] == ["b 0.75", "c 0.50", "a 0.25"]
    few = said(boxes(0.25, 0.75), DETECTOR, image, monkeypatch, least=0.9)
    assert (few.found, few.best) == ((), 0.75)
    none = said(
        Runner(detection_boxes=np.zeros((0, 4)), detection_scores=[], detection_classes=[]),
        DETECTOR,
        image,
        monkeypatch,
    )
    assert (none.found, none.best) == ((), 0.0)


def test_what_is_drawn_stays_in_its_image_and_long_names_are_cut(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    far = Runner(detection_boxes=[[-9.0, -9, 9, 9]], detection_scores=[0.5], detection_classes=[0.0])
    said(far, replace(DETECTOR, labels=("x" * 70,)), image, monkeypatch)
    assert drawn == [[f"{'x' * 59}… 0.50 [0.0, 0.0, 1.0, 1.0]"]]


BLAMED = "m.tflite: what it gives is not what it says of itself: "


@pytest.mark.parametrize(
    ("runner", "facts", "message"),
    [
        (boxes(0.5, classes=(6.0,)), DETECTOR, f"{BLAMED}.*class 6 of 6"),
        (boxes(0.5, classes=(-1.0,)), DETECTOR, f"{BLAMED}.*class -1 of 6"),
        (boxes(float("nan")), DETECTOR, f"{BLAMED}.*its scores are not finite numbers"),
        (
            Runner(detection_boxes=[[0, 0, float("nan"), 1]], detection_scores=[1], detection_classes=[0]),
            DETECTOR,
            f"{BLAMED}.*its boxes are not finite numbers",
        ),
        (Runner(scores=[float("nan")] * 6), FACTS, f"{BLAMED}.*its scores are not finite numbers"),
        (Runner(scores=[0.5] * 5), FACTS, BLAMED),
        (Runner(scores=[0.5] * 7), FACTS, BLAMED),
        (boxes(0.5, 0.5, classes=(1.0,)), DETECTOR, BLAMED),
        (Runner(other=[1]), FACTS, BLAMED),
    ],
)
def test_a_model_is_blamed_for_what_it_gives(
    runner: Runner, facts: Meaning, message: str, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecipeError, match=message):
        said(runner, facts, image, monkeypatch)
    with pytest.raises(RecipeError, match=message):
        open_model(Path("m.tflite"), lambda *progress: None)


GREY = replace(FACTS, inputs={"image": replace(FACTS.only, shape=(4, 6, 1))})
NUMBERS = replace(FACTS, inputs={"image": Input(modality="vector", shape=(49, 10))})
TWO = replace(FACTS, inputs={"image": FACTS.only, "age\x1b": FACTS.only})


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (GREY, "m.tflite: an image does not fit what it says of its input: .*set preprocess.channels=grey$"),
        (NUMBERS, "image.png: no array in an .npy file: "),
        (TWO, r"m.tflite has 2 inputs \(image, age\\x1b\), and an image is one\.$"),
    ],
)
def test_a_model_is_blamed_for_an_input_that_takes_no_image(
    facts: Meaning, message: str, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecipeError, match=message):
        said(Runner(scores=[0.5] * 6), facts, image, monkeypatch)


def test_the_last_class_is_a_class(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    assert said(boxes(0.5, classes=(5.0,)), DETECTOR, image, monkeypatch).found[0].label == "f"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "gone.png: No such file or directory$"), (b"none", "gone.png: not an image that PIL can read")],
)
def test_an_image_is_blamed_for_what_it_is(
    content: bytes | None, message: str, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = image.with_name("gone.png")
    if content:
        gone.write_bytes(content)
    monkeypatch.setattr(inference, "opened_file", lambda file: OpenedFile(boxes(0.5), DETECTOR))
    read: list[Any] = []
    with pytest.raises(RecipeError, match=message):
        predict_image(Path("m"), gone, image.with_name("out.png"), 0.3, None, lambda *p: read.append(p))
    assert read == [], "whether it was read decides who is blamed for a crash"


def test_a_pipe_is_no_image_and_nobody_waits_for_what_comes_out_of_it(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = image.with_name("pipe.png")
    os.mkfifo(pipe)
    monkeypatch.setattr(inference, "opened_file", lambda file: OpenedFile(boxes(0.5), DETECTOR))
    monkeypatch.setattr(image_reading, "read", lambda path: pytest.fail("it was opened"))
    with pytest.raises(RecipeError, match=r"pipe\.png: not a regular file$"):
        predict_image(Path("m"), pipe, image.with_name("out.png"), 0.3, None, lambda *p: None)


def test_a_picture_that_cannot_be_written_is_a_fault_of_the_place(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "opened_file", lambda file: OpenedFile(boxes(0.5), DETECTOR))
    with pytest.raises(StoreError, match=r"nowhere/out\.png cannot be written: No such file or directory"):
        predict_image(Path("m"), image, image.parent / "nowhere" / "out.png", 0.3, None, lambda *p: None)


def test_a_score_that_is_asked_for_hides_classes_and_objects_below_it(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    runner = Runner(scores=[0.125, 0.5, 0.0, 0.25, 0.0625, 0.03125])
    assert [one.label for one in said(runner, FACTS, image, monkeypatch, least=0.25).found] == ["b", "d"]
    usual = said(boxes(0.25, 0.75), DETECTOR, image, monkeypatch)
    assert [one.score for one in usual.found] == [0.75], "objects below 0.3 are not shown by themselves"


def test_outputs_without_a_meaning_are_given_as_numbers(
    image: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[list[str]]
) -> None:
    runner = Runner(code=[[0.5, -1.0], [2.0, 0.5]])
    made = said(runner, replace(FACTS, task="unlabelled", labels=()), image, monkeypatch)
    assert made.found == ()
    assert made.outputs == {"code": Numbers((2, 2), -1.0, 0.5, 2.0, (0.5, -1.0, 2.0, 0.5))}
    assert said(Runner(scores=[0.5] * 6), FACTS, image, monkeypatch).outputs == {}


def test_what_is_right_is_drawn_dashed_in_black_and_white(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.full((80, 120, 3), 127, np.uint8)).save(image)
    truth = (Truth(label="a", box=(0.25, 0.25, 0.75, 0.75)),)
    nothing = Runner(detection_boxes=np.zeros((0, 4)), detection_scores=[], detection_classes=[])
    made = said(nothing, DETECTOR, image, monkeypatch, truth=truth)
    assert made.truth == truth
    with Image.open(made.drawn) as picture:
        row = np.asarray(picture)[20, 30:90]  # the upper edge of the box
    assert {tuple(pixel) for pixel in row.tolist()} == {(255, 255, 255), (0, 0, 0)}
    none = said(nothing, DETECTOR, image, monkeypatch)
    with Image.open(none.drawn) as picture:
        assert np.unique(np.asarray(picture)).tolist() == [127]
