from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.errors import DataError
from tflbuild.data.coco import Coco
from tflbuild.vision.image import inspect

CATEGORIES = [{"id": 3, "name": "zebra"}, {"id": 90, "name": "ant"}]


def content(*annotations: dict[str, Any], images: tuple[str, ...] = ("0.png", "1.png")) -> dict[str, Any]:
    return {
        "images": [{"id": 10 * k, "file_name": n, "width": 40, "height": 20} for k, n in enumerate(images)],
        "annotations": [{"id": k, **annotation} for k, annotation in enumerate(annotations, start=1)],
        "categories": CATEGORIES,
    }


def box(image: int = 0, category: int = 3, bbox: Any = (4, 5, 16, 10), **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": bbox, "iscrowd": 0, **more}


GOOD = (box(), box(10, 90))


def write_images(folder: Path, seed: int, names: tuple[str, ...] = ("0.png", "1.png")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for name in names:
        Image.fromarray(rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(folder / name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, split in enumerate(("train", "val", "test")):
        write_images(tmp_path / split, seed)
        (tmp_path / f"{split}.json").write_text(json.dumps(content(*GOOD)))
    return tmp_path


def index(root: Path, **options: Any) -> Index:
    return Coco(root=str(root), **options).index(inspect)


def test_a_sound_folder_is_read_in_the_order_of_category_ids(root: Path) -> None:
    read = index(root)
    assert read.classes == ("zebra", "ant")
    assert read.dropped == ()
    first, second = read.splits["train"]
    assert (first.key, first.labels, second.labels) == ("train/0.png", (0,), (1,))
    # By hand: y 5..15 of 20, x 4..20 of 40.
    assert first.boxes == ((0.25, 0.1, 0.75, 0.5),)


BAD = [
    (box(bbox=[4, 5, 0, 10]), "box 3 of 0.png (zebra) has no area, xmin 4 = xmax 4: dropped"),
    (box(bbox=[4, 5, 3, -1]), "box 3 of 0.png (zebra) has no area, ymin 5 > ymax 4: dropped"),
    (box(iscrowd=1), "annotation 3 of 0.png is a crowd: dropped"),
    (box(image=77), "annotation 3 is of an unknown image 77: dropped"),
    (box(category=4), "annotation 3 of 0.png is of an unknown category 4: dropped"),
    (box(image=[]), "annotation 3 is of an unknown image []: dropped"),  # type: ignore[arg-type]
    (box(category={}), "annotation 3 of 0.png is of an unknown category {}: dropped"),  # type: ignore[arg-type]
    (box(bbox=[1, 2, 10**310, 4]), "annotation 3 of 0.png has an edge that is too large: dropped"),
    (box(bbox=None), "annotation 3 of 0.png has bbox None: dropped"),
    (box(bbox=[1, 2, 3]), "annotation 3 of 0.png has bbox [1, 2, 3]: dropped"),
    (box(bbox=[1, 2, "3", 4]), "annotation 3 of 0.png has bbox [1, 2, '3', 4]: dropped"),
    (
        box(bbox=[50, 2, 5, 5]),
        "box 3 of 0.png (zebra) lies outside its image, x 50..55, y 2..7 in 40 x 20 pixels: dropped",
    ),
]


@pytest.mark.parametrize(("annotation", "reason"), BAD, ids=[reason[:45] for _, reason in BAD])
def test_a_senseless_annotation_is_dropped_and_reported(
    root: Path, annotation: dict[str, Any], reason: str
) -> None:
    (root / "train.json").write_text(json.dumps(content(*GOOD, annotation)))
    read = index(root)
    assert read.dropped == (Dropped("train.json", reason),)
    assert [sample.labels for sample in read.splits["train"]] == [(0,), (1,)]


def test_missing_and_broken_images_are_dropped(root: Path) -> None:
    (root / "train/1.png").write_bytes(b"")
    (root / "val/0.png").unlink()
    (root / "train.json").write_text(json.dumps(content(*GOOD, box(0, 90))))
    read = index(root)
    assert read.dropped == (
        Dropped("val.json", "there is no image '0.png'"),
        Dropped("train/1.png", "not an image that PIL can read, but empty"),
    )


def test_images_and_categories_without_an_id_are_left_out(root: Path) -> None:
    odd = content(*GOOD)
    odd["images"] += [{"file_name": "0.png"}, "0.png"]
    odd["categories"] = [*CATEGORIES, {"name": "emu"}, {"id": [], "name": "emu"}]
    (root / "train.json").write_text(json.dumps(odd))
    read = index(root)
    assert [dropped.reason for dropped in read.dropped] == [
        "category {'name': 'emu'} has no id or no name: dropped",
        "category {'id': [], 'name': 'emu'} has no id or no name: dropped",
        "image {'file_name': '0.png'} has no id: dropped",
        "image 0.png has no id: dropped",
    ]
    assert read.classes == ("zebra", "ant")


def test_files_may_number_their_categories_differently(root: Path) -> None:
    other = content(box(0, 1), box(10, 2)) | {
        "categories": [{"id": 1, "name": "ant"}, {"id": 2, "name": "zebra"}]
    }
    (root / "test.json").write_text(json.dumps(other))
    assert [sample.labels for sample in index(root).splits["test"]] == [(1,), (0,)]


def test_a_category_that_train_never_marks_is_no_class(root: Path) -> None:
    (root / "train.json").write_text(json.dumps(content(box(), box(10, 3))))
    read = index(root)
    assert read.classes == ("zebra",)
    assert set(read.dropped) == {
        Dropped(f"{split}.json", f"1 x class 'ant' in {split}, which train never has: dropped")
        for split in ("val", "test")
    }


LAYOUTS = {
    "coco2017": ("annotations/instances_{0}2017.json", "{0}2017"),
    "images": ("annotations/{0}.json", "images/{0}"),
    "flat": ("{0}.json", "images"),
    "roboflow": ("{0}/_annotations.coco.json", "{0}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_usual_layouts_are_found(tmp_path: Path, layout: str) -> None:
    annotations, images = LAYOUTS[layout]
    for seed, split in enumerate(("train", "valid" if layout == "roboflow" else "val", "test")):
        names = (f"{split}0.png", f"{split}1.png")
        write_images(tmp_path / images.format(split), seed, names)
        path = tmp_path / annotations.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content(*GOOD, images=names)))
    read = index(tmp_path)
    assert {name: len(samples) for name, samples in read.splits.items()} == {"train": 2, "val": 2, "test": 2}
    assert read.dropped == ()


def test_without_val_a_seeded_part_of_train_becomes_it(root: Path) -> None:
    (root / "val.json").unlink()
    names = tuple(f"{k}.png" for k in range(10))
    write_images(root / "train", 9, names)
    boxes = [box(10 * k, 3) for k in range(10)]
    (root / "train.json").write_text(json.dumps(content(*boxes, images=names)))
    (root / "test.json").write_text(json.dumps(content(box(), box(10, 3))))
    read = index(root)
    assert [len(read.splits[name]) for name in ("train", "val", "test")] == [8, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "train.json cannot be read as JSON"),
        ("[]", "train.json has no list 'images'"),
        ('{"images": []}', "train.json has no list 'annotations'"),
        (json.dumps(content()), "the train split of '.*' ends without a usable box"),
        (json.dumps(content(images=())), "the train split of '.*' ends without a usable image"),
    ],
)
def test_an_unusable_annotation_file_is_an_error(root: Path, text: str, message: str) -> None:
    (root / "train.json").write_text(text)
    with pytest.raises(DataError, match=f"^data.root: {message}"):
        index(root)


def test_a_folder_without_annotations_says_what_is_expected(root: Path) -> None:
    (root / "train.json").unlink()
    with pytest.raises(
        DataError,
        match=r"has no annotations for train \(there is test.json, val.json\); expected a COCO folder",
    ):
        index(root)


def test_cards_are_read_whole(shared_data: Path) -> None:
    read = index(shared_data / "cards")
    assert read.dropped == ()
    assert read.classes == ("nine", "ten", "jack", "queen", "king", "ace")
    # From the data's README: 296 images and 527 boxes to train on, a fifth of which become val; 67 and 143 to test.
    counts = {name: (len(s), sum(len(sample.boxes) for sample in s)) for name, s in read.splits.items()}
    assert counts["train"][0] == 237
    assert counts["val"][0] == 59
    assert counts["train"][1] + counts["val"][1] == 527
    assert counts["test"] == (67, 143)


def test_a_name_may_not_lead_out_of_the_data_set(root: Path) -> None:
    (root.parent / "outside.png").write_bytes((root / "train/0.png").read_bytes())
    made = content(*GOOD, box(0, 90))
    for name in ("../outside.png", str(root.parent / "outside.png")):
        made["images"][0]["file_name"] = name
        (root / "train.json").write_text(json.dumps(made))
        assert Dropped("train.json", f"there is no image '{name}'") in index(root).dropped
    made["images"][0]["file_name"] = "../" + root.name + "/train/0.png"
    (root / "train.json").write_text(json.dumps(made))
    assert not [dropped for dropped in index(root).dropped if "no image" in dropped.reason]
