"""COCO's keypoint annotations, as `annotations/person_keypoints_val2017.json` has them."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.coco_keypoints import CocoKeypoints
from tflbuild.modalities.image.files import inspect
from tflbuild.tasks.keypoints.sigmas import COCO

PERSON = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": list(COCO),
    "skeleton": [[16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9]],
}


def annotation(number: int, image: int, box: list[float], points: dict[str, tuple[float, float, int]]) -> Any:
    flat = [value for name in COCO for value in points.get(name, (0, 0, 0))]
    return {
        "segmentation": [[box[0], box[1], box[0] + box[2], box[1], box[0], box[1] + box[3]]],
        "num_keypoints": sum(1 for _, _, visible in points.values() if visible),
        "area": box[2] * box[3] / 2,
        "iscrowd": 0,
        "keypoints": flat,
        "image_id": image,
        "bbox": box,
        "category_id": 1,
        "id": number,
    }


def content(images: int, first: int = 1) -> dict[str, Any]:
    """Give annotations of photos of 160 x 120, with one person each."""
    points = {"nose": (60.0, 30.0, 2), "left_wrist": (80.0, 60.0, 1), "right_wrist": (40.0, 60.0, 2)}
    numbers = range(first, first + images)
    return {
        "info": {"description": "COCO 2017 Dataset", "year": 2017},
        "licenses": [{"id": 1, "name": "Attribution", "url": "http://creativecommons.org/licenses/by/2.0/"}],
        "images": [
            {"license": 1, "file_name": f"{k:012d}.jpg", "height": 120, "width": 160, "id": k}
            for k in numbers
        ],
        "annotations": [annotation(183126 + k, k, [30.0, 20.0, 60.0, 80.0], points) for k in numbers],
        "categories": [copy.deepcopy(PERSON)],
    }


def write(root: Path, train: Any, val: Any) -> Path:
    for split, given in (("train2017", train), ("val2017", val)):
        (root / split).mkdir(parents=True)
        for image in given["images"]:
            pixels = np.random.default_rng(image["id"]).integers(0, 255, (120, 160, 3), np.uint8)
            Image.fromarray(pixels).save(root / split / image["file_name"], quality=95)
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(given))
        boxes = {**given, "categories": [{"id": 1, "name": "person"}]}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(boxes))
    return root


def made(root: Path, **options: Any) -> tuple[CocoKeypoints, Index]:
    data = CocoKeypoints(root=str(root), **options)
    return data, data.index(inspect)


def test_each_object_is_a_sample_cut_out_of_its_photo(tmp_path: Path) -> None:
    data, index = made(write(tmp_path, content(4), content(2, 11)), margin=0.125)
    assert index.classes == tuple(COCO)
    assert {split: len(samples) for split, samples in index.splits.items()} == {
        "train": 3,
        "val": 2,
        "test": 1,
    }
    example = Split("val", data, index)[0]
    # the box is 60 x 80 at (30, 20), and an eighth of 80 pixels is kept around it: x 20..100, y 10..110
    assert example.value.shape == (100, 80, 3)
    whole = np.asarray(Image.open(tmp_path / "val2017" / "000000000011.jpg").convert("RGB"))
    assert np.array_equal(example.value, whole[10:110, 20:100])
    assert example.boxes[0] == pytest.approx([10 / 100, 10 / 80, 90 / 100, 70 / 80])
    by_name = dict(zip(index.classes, example.labels, strict=False))
    assert by_name["nose"].tolist() == pytest.approx([20 / 100, 40 / 80, 2, 0.026])
    assert by_name["left_wrist"].tolist() == pytest.approx([50 / 100, 60 / 80, 1, 0.062])
    assert by_name["left_eye"].tolist() == [0, 0, 0, 0.025]
    assert example.labels[-2].tolist() == pytest.approx([100, 80, 60 * 80 / 2, 0])


def test_an_index_goes_through_json(tmp_path: Path) -> None:
    data, index = made(write(tmp_path, content(4), content(2, 11)))
    again = Index.from_json(json.loads(json.dumps(index.to_json())))
    assert again.splits == index.splits
    assert np.array_equal(data.read(again.splits["val"][0]).labels, data.read(index.splits["val"][0]).labels)


def test_what_a_mirror_does_is_said(tmp_path: Path) -> None:
    _, index = made(write(tmp_path, content(4), content(2, 11)), augment={"flip": True})
    assert "exchanges left_eye with right_eye" in index.remarks[-1]
    _, without = made(tmp_path)
    assert not any("mirror" in remark for remark in without.remarks)


BROKEN = {
    "15 points": (
        lambda one: one["keypoints"].__delitem__(slice(45, 51)),
        "has 15 points, and its category has 17",
    ),
    "a visibility of 3": (
        lambda one: one["keypoints"].__setitem__(2, 3),
        "gives 'nose' the visibility 3; expected 0, 1 or 2",
    ),
    "a point outside": (
        lambda one: one["keypoints"].__setitem__(0, 170.0),
        "has 'nose' outside its image, x 170, y 30 in 160 x 120 pixels",
    ),
    "text": (lambda one: one["keypoints"].__setitem__(1, "30"), "gives 'nose' a place that is no number"),
    "no list": (lambda one: one.pop("keypoints"), "has no list 'keypoints'"),
    "no point": (
        lambda one: one.__setitem__("keypoints", [0] * 51),
        "1 object without a marked point: not used",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_left_out_and_named(tmp_path: Path, name: str) -> None:
    change, message = BROKEN[name]
    val = content(3, 11)
    change(val["annotations"][1])
    _, index = made(write(tmp_path, content(4), val))
    assert len(index.splits["val"]) == 2
    said = [f"{one.file}: {one.reason}" for one in index.dropped]
    assert any(message in one for one in said), said


def test_crowds_and_other_categories_are_no_samples(tmp_path: Path) -> None:
    val = content(3, 11)
    val["annotations"][0]["iscrowd"] = 1
    val["categories"].append({"id": 18, "name": "dog"})
    val["annotations"][1]["category_id"] = 18
    _, index = made(write(tmp_path, content(4), val))
    assert [sample.key for sample in index.splits["val"]] == ["val2017/000000000013.jpg#183139"]


def refused(root: Path, message: str, **options: Any) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        made(root, **options)


def test_what_cannot_be_used_as_a_whole_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "a", content(4), content(2, 11))
    refused(root, "data.sigmas: 1 sigmas for 17 points", sigmas=(0.1,))
    refused(root, "called dog has a list 'keypoints'", classes=("dog",))
    twice = content(2, 11)
    twice["annotations"][1]["id"] = twice["annotations"][0]["id"]
    refused(write(tmp_path / "b", content(4), twice), "has two annotations of the id 183137; ids must differ")
    lame = [content(4), content(2, 11)]
    for given in lame:
        given["categories"][0]["keypoints"][1] = "left_horn"
    root = write(tmp_path / "c", *lame)
    refused(root, "data.augment.flip: 'left_horn' has no twin 'right_horn'", augment={"flip": True})
    assert "sigma of 0.05 for each" in made(root)[1].remarks[1]
    empty = content(2, 11)
    for one in empty["annotations"]:
        one["keypoints"] = [0] * 51
    refused(write(tmp_path / "d", content(4), empty), "the val split of")


def test_the_same_photo_is_in_one_split(tmp_path: Path) -> None:
    root = write(tmp_path, content(4), content(2, 11))
    twin = root / "train2017" / "000000000001.jpg"
    twin.write_bytes((root / "val2017" / "000000000011.jpg").read_bytes())
    _, index = made(root)
    assert sum(len(samples) for samples in index.splits.values()) == 5
    assert any("the same photo as" in one.reason for one in index.dropped)
