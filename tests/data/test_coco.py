from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.errors import DataError
from tflbuild.data.coco import Annotations, Coco, _rank, _size, id_of
from tflbuild.modalities.image.files import inspect

CATEGORIES = [{"id": 3, "name": "zebra"}, {"id": 90, "name": "ant"}]


def content(*annotations: dict[str, Any], images: tuple[str, ...] = ("0.png", "1.png")) -> dict[str, Any]:
    return {
        "images": [{"id": 10 * k, "file_name": n, "width": 40, "height": 20} for k, n in enumerate(images)],
        "annotations": [{"id": k, **annotation} for k, annotation in enumerate(annotations, start=1)],
        "categories": [dict(category) for category in CATEGORIES],
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


IDS_OF: list[tuple[Any, Any]] = [
    (0, 0),
    (-3, -3),
    ("7", 7),
    (" 7 ", 7),
    ("-7", -7),
    ("07", 7),
    ("7.0", "7.0"),
    ("--7", "--7"),
    ("\u0667", "\u0667"),  # a digit, but no ASCII one
    ("9" * 399, int("9" * 399)),
    ("9" * 400, "9" * 400),
    ("", None),
    ("  ", None),
    (2.0, 2),
    (2.5, None),
    (float("inf"), None),
    (float("nan"), None),
    (True, None),
    (None, None),
    ([1], None),
]


@pytest.mark.parametrize(("value", "number"), IDS_OF, ids=[repr(row[0])[:12] for row in IDS_OF])
def test_an_id_is_the_number_or_word_that_is_written(value: Any, number: Any) -> None:
    found = id_of(value)
    assert (found, type(found)) == (number, type(number))


SIZES: list[tuple[Any, int]] = [
    *((40, 40), (40.9, 40), ("40", 40), ("999999999", 999_999_999), ("0", 0)),
    *((0, 0), (-1, 0), ("-1", 0), ("40.0", 0), ("1000000000", 0), (None, 0), (True, 0), ([], 0), ("", 0)),
]


@pytest.mark.parametrize(("value", "pixels"), SIZES, ids=[repr(row[0]) for row in SIZES])
def test_a_size_that_is_no_number_was_not_declared(value: Any, pixels: int) -> None:
    assert _size(value) == pixels


def test_numbers_come_before_words_each_in_their_order() -> None:
    assert sorted(["b", 10, "a", 9, -1], key=_rank) == [-1, 9, 10, "a", "b"]  # type: ignore[arg-type]


CORNERS = [
    # boxes of an image of 40 x 20 as COCO has them, and whether they are refused as two corners
    ([(20, 5, 38, 18)], True),
    ([(20, 5, 41, 21)], True),
    ([(20, 5, 42, 18)], False),
    ([(20, 5, 38, 22)], False),
    ([(20, 5, 38, 18), (2, 2, 2, 3)], False),
    ([(2, 2, 10, 3)], False),
    ([(2, 2, 39, 18)], False),
    ([(3, 2, 39, 10)], True),
    ([(4, 13, 20, 14)], True),
    ([(4, 10, 20, 11)], False),
]


@pytest.mark.parametrize(("boxes", "refused"), CORNERS, ids=[str(row[0]) for row in CORNERS])
def test_boxes_are_taken_for_corners_where_all_fit_so_and_one_reaches_outside_otherwise(
    root: Path, boxes: list[tuple[int, ...]], refused: bool
) -> None:
    made = content(*(box(bbox=list(bbox)) for bbox in boxes))
    (root / "train.json").write_text(json.dumps(made))
    dropped: list[Dropped] = []
    if not refused:
        Annotations(root, "train", root / "train.json", dropped)
        return
    with pytest.raises(DataError) as wrong:
        Annotations(root, "train", root / "train.json", dropped)
    assert str(wrong.value) == (
        "data.root: train.json: the boxes fit their images as [xmin, ymin, xmax, ymax], and 1 reach outside as COCO's "
        "[x, y, width, height], e.g. annotation 1 of 0.png; expected [x, y, width, height]."
    )


def test_an_annotation_without_an_id_is_named_by_its_place(root: Path) -> None:
    made = content(*GOOD)
    made["annotations"] += [{"image_id": 0, "category_id": 3, "iscrowd": "1", "bbox": [1, 1, 2, 2]}, "odd"]
    (root / "train.json").write_text(json.dumps(made))
    assert [dropped.reason for dropped in index(root).dropped] == [
        "annotation 2 of 0.png is a crowd: dropped",
        "annotation 3 is not a mapping: dropped",
    ]


def test_a_category_may_be_a_number_and_none_may_be_empty(root: Path) -> None:
    made = content(*GOOD)
    made["categories"] += [{"id": 4, "name": 7}, {"id": 5, "name": " "}, {"id": 6, "name": True}]
    made["annotations"].append({"id": 9, **box(0, 4)})
    (root / "train.json").write_text(json.dumps(made))
    read = index(root)
    assert read.classes == ("zebra", "7", "ant")
    assert [dropped.reason for dropped in read.dropped] == [
        "category {'id': 5, 'name': ' '} has no id or no name: dropped",
        "category {'id': 6, 'name': True} has no id or no name: dropped",
    ]


def test_classes_have_the_order_of_the_first_file_that_names_them(root: Path) -> None:
    other = content(box(0, 1), box(10, 2)) | {
        "categories": [{"id": 1, "name": "ant"}, {"id": 2, "name": "zebra"}]
    }
    (root / "val.json").write_text(json.dumps(other))
    assert index(root).classes == ("zebra", "ant")


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
        Dropped(f"{split}.json", f"1 x class 'ant' in {split}, which train does not have: dropped")
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
        (json.dumps(content()), "the train split of '.*' has no usable box"),
        (json.dumps(content(images=())), "the train split of '.*' has no usable image"),
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


IDS = {
    "text": lambda number: str(number),
    "fractions": lambda number: float(number),
    "words": lambda number: f"image-{number}",
}


@pytest.mark.parametrize("how", IDS)
def test_ids_are_what_they_are_however_they_are_written(root: Path, how: str) -> None:
    made = content(*GOOD)
    for image in made["images"]:
        image["id"] = IDS[how](image["id"])
    if how == "words":
        for annotation in made["annotations"]:
            annotation["image_id"] = IDS[how](annotation["image_id"])
    (root / "train.json").write_text(json.dumps(made))
    read = index(root)
    assert [sample.labels for sample in read.splits["train"]] == [(0,), (1,)]
    assert read.dropped == ()


@pytest.mark.parametrize("number", [True, None, 1.5, [], "", " "])
def test_what_is_no_id_is_dropped(root: Path, number: object) -> None:
    made = content(*GOOD, box(0, 90))
    made["images"][1]["id"] = number
    made["annotations"][1]["image_id"] = number
    (root / "train.json").write_text(json.dumps(made))
    reasons = [dropped.reason for dropped in index(root).dropped]
    assert "has no id: dropped" in reasons[0]
    assert reasons[1].startswith("annotation 2 is of an unknown image")


def test_categories_by_number_and_by_word_have_an_order(root: Path) -> None:
    made = content(box(), box(10, 3), box(10, 1))
    made["categories"] = [
        {"id": "3", "name": "zebra"},
        {"id": "word", "name": "ant"},
        {"id": 1.0, "name": "emu"},
    ]
    made["annotations"].append(box(0, "word") | {"id": 9})  # type: ignore[arg-type]
    (root / "train.json").write_text(json.dumps(made))
    assert index(root).classes == ("emu", "zebra", "ant")


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "two files under one id": (
        lambda made: made["images"][1].update(id=0),
        "gives image id 0 to '0.png' and to '1.png'; ids must differ",
    ),
    "two files under one id as text": (
        lambda made: made["images"][1].update(id="0"),
        "gives image id 0 to '0.png' and to '1.png'",
    ),
    "two categories under one id": (
        lambda made: made["categories"].append({"id": 3.0, "name": "emu"}),
        "gives category id 3 to 'zebra' and to 'emu'",
    ),
    "a category whose name is not text": (
        lambda made: made["categories"].append({"id": 5, "name": "\ud800"}),
        "has the category '.ud800', whose name is not text",
    ),
    "fractions": (
        lambda made: [a.update(bbox=[0.1, 0.2, 0.9, 0.5]) for a in made["annotations"]],
        "2 of 2 boxes of the train split .* lie in 0..1, as fractions of the image",
    ),
    "corners": (
        lambda made: [a.update(bbox=[20, 5, 38, 18]) for a in made["annotations"]],
        "fit their images as .xmin, ymin, xmax, ymax., and 2 reach outside",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_contradicts_itself_is_refused(root: Path, what: str) -> None:
    change, message = REFUSED[what]
    made = content(*GOOD)
    change(made)
    (root / "train.json").write_text(json.dumps(made))
    with pytest.raises(DataError, match=f"^data.root: .*{message}"):
        index(root)


def test_one_file_under_two_ids_has_the_boxes_of_both_once(root: Path) -> None:
    made = content(*GOOD, box(20, 3), box(20, 90, (20, 2, 5, 5)))
    made["images"].append({"id": 20, "file_name": "0.png", "width": 40, "height": 20})
    (root / "train.json").write_text(json.dumps(made))
    read = index(root)
    reason = "train/0.png is listed under several ids; their boxes are merged"
    assert read.dropped == (Dropped("train.json", reason),)
    assert [sample.labels for sample in read.splits["train"]] == [(0, 1), (1,)]


def test_what_is_listed_twice_is_taken_once_and_said(root: Path) -> None:
    made = content(*GOOD)
    made["images"].append(dict(made["images"][0]))
    made["categories"] = [*CATEGORIES, {"id": 7, "name": "ant"}]
    (root / "train.json").write_text(json.dumps(made))
    assert index(root).dropped == (
        Dropped("train.json", "category 'ant' has the ids 90 and 7: used as one class"),
        Dropped("train.json", "image 0 (0.png) is listed twice: used once"),
    )


NAMES = {
    "http://example.org/0.png": "'http://example.org/0.png' is an address; images must be files",
    "a\n0.png": "image 'a\\n0.png' cannot be used: its name has control characters",
    "\ud800.png": "image '\\ud800.png' cannot be used: its name is not UTF-8",
    "/etc/hostname": "there is no image '/etc/hostname'",
    "": "there is no image ''",
    ".": "there is no image '.'",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_file_of_the_data_set_is_left_out(root: Path, name: str) -> None:
    made = content(*GOOD, box(0, 90))
    made["images"][1]["file_name"] = name
    (root / "train.json").write_text(json.dumps(made))
    assert Dropped("train.json", NAMES[name]) in index(root).dropped


def test_names_with_backslashes_are_those_of_windows(root: Path) -> None:
    made = content(*GOOD)
    made["images"][1]["file_name"] = "train\\1.png"
    (root / "train.json").write_text(json.dumps(made))
    read = index(root)
    assert (len(read.splits["train"]), read.dropped) == (2, ())


def test_an_image_that_lies_in_two_folders_must_be_the_same_in_both(root: Path) -> None:
    (root / "images").mkdir()
    (root / "images/1.png").write_bytes((root / "train/1.png").read_bytes())
    assert [dropped for dropped in index(root).dropped if dropped.file == "train.json"] == []
    (root / "images/1.png").write_bytes((root / "train/0.png").read_bytes())
    (root / "train.json").write_text(json.dumps(content(*GOOD, box(0, 90))))
    reason = "image '1.png' may be images/1.png and train/1.png, which differ"
    assert Dropped("train.json", reason) in index(root).dropped


def test_an_image_in_two_folders_that_cannot_be_compared_is_not_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "images").mkdir()
    (root / "images/1.png").write_bytes((root / "train/1.png").read_bytes())
    (root / "train.json").write_text(json.dumps(content(*GOOD, box(0, 90))))

    def unreadable(*given: object, **named: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filecmp.cmp", unreadable)
    reason = "image '1.png' may be images/1.png and train/1.png, which differ"
    assert Dropped("train.json", reason) in index(root).dropped


def test_photos_that_no_file_lists_are_named(root: Path) -> None:
    write_images(root / "train", 7, ("2.png",))
    reason = "photo without annotation: no annotation file lists it"
    assert index(root).dropped == (Dropped("train/2.png", reason),)


CONTENT = {
    "of CVAT": ("annotations/instances_default.json", "images/default"),
    "of Label Studio": ("result.json", "images"),
    "of Roboflow, one for all": ("_annotations.coco.json", "."),
    "of any name": ("export-17.json", "photos"),
}


@pytest.mark.parametrize("how", CONTENT)
def test_one_file_for_all_is_found_by_what_it_holds(tmp_path: Path, how: str) -> None:
    place, images = CONTENT[how]
    names = tuple(f"{number}.png" for number in range(10))
    write_images(tmp_path / images, 3, names)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    made = content(*(box(10 * number) for number in range(10)), images=names)
    (tmp_path / place).write_text(json.dumps(made))
    (tmp_path / "settings.json").write_text('{"colour": "red"}')
    read = index(tmp_path)
    # By hand: a fifth of 10 to test, a fifth of the other 8 to val.
    assert [len(read.splits[split]) for split in ("train", "val", "test")] == [6, 2, 2]
    assert read.dropped == ()


def test_several_files_that_fit_are_refused_by_name(root: Path) -> None:
    (root / "annotations").mkdir()
    (root / "annotations/instances_train2017.json").write_text(json.dumps(content(*GOOD)))
    message = (
        "several annotation files for train: train.json, annotations/instances_train2017.json; keep only one"
    )
    with pytest.raises(DataError, match=message):
        index(root)


def test_annotations_of_no_split_beside_those_of_splits_are_named(root: Path) -> None:
    (root / "all.json").write_text(json.dumps(content(*GOOD)))
    assert index(root).dropped == (Dropped("all.json", "annotations of no split: not read"),)


def test_other_annotations_of_coco_itself_are_no_candidates(root: Path) -> None:
    (root / "annotations").mkdir()
    for name in ("captions_train2017.json", "person_keypoints_train2017.json"):
        (root / "annotations" / name).write_text(json.dumps(content(*GOOD)))
    assert index(root).dropped == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [' + "1" * 401 + "]}", "a number of 401 digits"),
        ('{"images": [1e400]}', "1e400, which is too large"),
        ('{"images": [Infinity]}', "Infinity, which is not a number of JSON"),
        ("[" * 10_000 + "]" * 10_000, "nested more than 100 levels deep"),
        ("\ufeff[]", "has no list 'images'"),
    ],
)
def test_numbers_and_depths_that_no_annotation_has_are_refused(root: Path, text: str, message: str) -> None:
    (root / "train.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"^data.root: train.json .*{message}"):
        index(root)


def test_a_size_of_hundreds_of_digits_is_a_size_that_is_wrong(root: Path) -> None:
    made = content(*GOOD, box(0, 90))
    made["images"][1] |= {"width": 10**390, "height": 10**390}
    (root / "train.json").write_text(json.dumps(made))
    assert "the annotation says" in index(root).dropped[0].reason


def test_a_segmentation_without_a_box_is_named_as_that(root: Path) -> None:
    made = content(*GOOD, box(0, 3, None, segmentation=[[1, 1, 5, 1, 5, 5]]))
    (root / "train.json").write_text(json.dumps(made))
    reason = "annotation 3 of 0.png has a segmentation, but no bbox: dropped"
    assert index(root).dropped == (Dropped("train.json", reason),)


def test_an_export_of_cvat_is_found_by_what_it_holds(tmp_path: Path) -> None:
    names = tuple(f"{n}.png" for n in range(10))
    write_images(tmp_path / "images", 1, names)
    (tmp_path / "annotations").mkdir()
    boxes = [box(10 * n, (3, 90)[n % 2]) for n in range(10)]
    (tmp_path / "annotations/instances_default.json").write_text(json.dumps(content(*boxes, images=names)))
    found = index(tmp_path)
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert found.dropped == ()


@pytest.mark.parametrize(
    "place", ["images/{}", "images\\\\{}", "../../label-studio/data/media/upload/7/{}", "/data/upload/7/{}"]
)
def test_an_export_of_label_studio_is_read_wherever_its_photos_were(place: str, tmp_path: Path) -> None:
    names = tuple(f"{n}.png" for n in range(10))
    write_images(tmp_path / "images", 1, names)
    listed = tuple(place.replace("\\\\", "\\").format(name) for name in names)
    boxes = [box(10 * n, (3, 90)[n % 2]) for n in range(10)]
    (tmp_path / "result.json").write_text(json.dumps(content(*boxes, images=listed)))
    found = index(tmp_path)
    assert sum(map(len, found.splits.values())) == 10
    said = [dropped.reason for dropped in found.dropped]
    moved = f"10 images are not at the listed paths; found by name instead: '{listed[0]}' is images/0.png"
    assert said == ([moved] if "upload" in place else [])


def test_photos_of_two_folders_that_end_alike_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 1)
    (tmp_path / "result.json").write_text(json.dumps(content(*GOOD, images=("/one/0.png", "/two/0.png"))))
    with pytest.raises(
        DataError, match=r"'/one/0\.png' and '/two/0\.png' do not exist, and both could be 'images/0\.png'"
    ):
        index(tmp_path)


def test_the_group_of_classes_that_roboflow_lists_first_is_no_class(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "valid", "test")):
        write_images(tmp_path / split, seed)
        listed = content(box(category=1), box(10, 2))
        listed["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets"},
            {"id": 2, "name": "dog", "supercategory": "pets"},
        ]
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(listed))
    found = index(tmp_path)
    assert (found.classes, found.dropped) == (("cat", "dog"), ())
    assert found.splits["val"][0].labels == (0,)


@pytest.mark.parametrize(("other", "kept"), [(0, 1), (1, 0)])
def test_one_image_in_two_files_is_taken_once_or_not_at_all(other: int, kept: int, root: Path) -> None:
    (root / "train/1.png").write_bytes((root / "train/0.png").read_bytes())
    write_images(root / "train", 9, ("2.png", "3.png"))
    boxes = (box(), box(10) if not other else box(10, 90), box(20), box(30, 90))
    listed = content(*boxes, images=("0.png", "1.png", "2.png", "3.png"))
    (root / "train.json").write_text(json.dumps(listed))
    found = index(root)
    assert [s.key for s in found.splits["train"]] == ["train/0.png"] * kept + ["train/2.png", "train/3.png"]
    assert len(found.dropped) == 2 - kept
    assert all("the same image as train/" in dropped.reason for dropped in found.dropped)
