"""Heads of files as a recipe starts from them: pictures with channels first or last, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raw_detectors import HEAD, yolov8
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.models.file import File
from tflbuild.models.raw_heads import given_of
from tflbuild.recipe.overrides import parse
from tflite_files import Tensor, classifier, metadata, packed_behind, with_metadata


def signature(shape: tuple[int, ...], **outputs: tuple[int, ...]) -> Signature:
    return Signature(
        {"image": TensorSpec(shape, "float32")},
        {name: TensorSpec(one, "float32") for name, one in outputs.items()},
    )


def test_maps_with_channels_first_are_taken_as_they_come_out_of_their_conversion() -> None:
    first = given_of(
        signature((1, 3, 352, 416), o=(1, 85, 22, 26), rows=(1, 84, 100)), {"o": (1, (1, 4, 80))}
    )
    last = given_of(signature((1, 352, 416, 3), o=(1, 22, 26, 85), rows=(1, 84, 100)), {"o": (3, (1, 4, 80))})
    assert first == last
    assert first is not None
    assert (first.height, first.width, first.outputs["o"]) == (352, 416, (1, 22, 26, 85))


@pytest.mark.parametrize(
    "given",
    [
        signature((1, 640), o=(1, 84, 8400)),
        signature((1, 64, 64, 2), o=(1, 84, 8400)),
        signature((1, 64, 64, 3), o=(1, -1, 84)),
        signature((1, 64, 64, 3), o=()),
    ],
)
def test_without_one_picture_and_fixed_sides_there_is_no_head(given: Signature) -> None:
    assert given_of(given, {}) is None


def test_the_short_form_of_a_choice_stands_beside_its_options() -> None:
    words = ["model.head=yolo", "model.head.strides=[8,16]", "model.path=yolo"]
    found = {one.key_or_group: one.value() for one in parse(words)}
    assert found == {"model.head.type": "yolo", "model.head.strides": [8, 16], "model.path": "yolo"}


def file(folder: Path, content: bytes, head: Any) -> File:
    (folder / "model.tflite").write_bytes(content)
    return File(path=str(folder / "model.tflite"), head=head)


def test_what_is_said_makes_a_detector_of_a_file_and_is_named_as_evidence(tmp_path: Path) -> None:
    made = file(tmp_path, yolov8(), HEAD)
    made.check()
    said = {one["what"]: (one["value"], one["evidence"]) for one in made.recognised()}
    assert made.task == "detection"
    assert said["head"][0] == "yolo v8, 16 boxes of 2 classes"
    assert said["head"][1].startswith("model.head=yolo says so; ")
    assert said["suppression"] == ("appended to the file", "model.head.suppression")
    assert made.refusal("classification") != ""


def test_names_beside_the_file_are_those_of_its_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("left\nright\n")
    assert file(tmp_path, yolov8(), HEAD).listed_labels() == {"labels.txt": ("left", "right")}
    (tmp_path / "labels.txt").write_text("left\nright\nmiddle\n")
    assert file(tmp_path, yolov8(), HEAD).listed_labels() == {}


@pytest.mark.parametrize("place", ["output", "model"])
def test_names_in_the_metadata_are_those_of_its_classes(place: str, tmp_path: Path) -> None:
    files = [("names.txt", 2)]  # a file of axis labels
    said = (
        {"outputs": [Tensor(files=files)]} if place == "output" else {"outputs": [Tensor()], "files": files}
    )
    content = with_metadata(yolov8(), metadata(inputs=[Tensor()], **said))
    made = file(tmp_path, packed_behind(content, {"names.txt": b"left\nright\n"}), HEAD)
    assert made.listed_labels() == {"names.txt in model.tflite": ("left", "right")}
    assert {
        "what": "labels",
        "value": "2 names",
        "evidence": "names.txt in model.tflite",
    } in made.recognised()
    assert len([one for one in made.recognised() if one["what"] == "labels"]) == 1


SAID: list[tuple[Any, str]] = [
    ("ssd", "head: 'ssd' with what is said of it does not fit the outputs 'scores'"),
    (
        {"suppression": "caller"},
        "head.suppression: it is of a detector, and the outputs are not recognised as one's; say",
    ),
]


@pytest.mark.parametrize(("head", "message"), SAID)
def test_a_head_of_a_classifier_is_refused(head: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        file(tmp_path, classifier(), head).check()


def test_a_head_of_a_file_that_shows_another_task_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    with pytest.raises(
        ValueError, match="it is of a detector, and the file shows that it is for classification"
    ):
        file(tmp_path, classifier(), {"suppression": "caller"}).check()


def test_an_unknown_way_of_suppression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"head.suppression: 'both' is not one of file, caller"):
        file(tmp_path, yolov8(), {**HEAD, "suppression": "both"}).check()
