"""Which files of a COCO folder hold which split, and where its images lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.data.layouts import coco_files
from tflbuild.data.layouts.coco_files import annotation_files, load
from tflbuild.data.layouts.coco_images import UNLISTED, ImageFiles, image_folders, unlisted

EMPTY = json.dumps({"images": [], "annotations": [], "categories": []})


def write(root: Path, *names: str, text: str = EMPTY) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def found(root: Path) -> tuple[dict[str, str], list[Dropped]]:
    dropped: list[Dropped] = []
    files = annotation_files(root, "set", dropped)
    return {split: path.relative_to(root).as_posix() for split, path in files.items()}, dropped


SPLIT_OF_NAME = [
    ("train.json", "train"),
    ("Training2017.json", "train"),
    ("instances_val2017.json", "val"),
    ("my-valid-set.json", "val"),
    ("x/_annotations.validation.json", "val"),
    ("test/anything.json", "test"),
    ("Testing/a.json", "test"),
    ("test/train.json", "train"),
    ("train/train_val.json", "train"),
    ("trainval.json", ""),
    ("train_val.json", ""),
    ("other/any.json", ""),
]


@pytest.mark.parametrize(("name", "split"), SPLIT_OF_NAME)
def test_a_split_is_told_by_a_files_name_or_else_its_folder(name: str, split: str, tmp_path: Path) -> None:
    assert coco_files._split(tmp_path / name, tmp_path) == split


def test_a_root_that_is_called_like_a_split_says_nothing(tmp_path: Path) -> None:
    root = tmp_path / "test"
    assert coco_files._split(root / "any.json", root) == ""


def test_each_split_has_its_file_and_one_of_no_split_is_named(tmp_path: Path) -> None:
    write(tmp_path, "train.json", "annotations/val.json", "deep/down/test.json", "all.json", "b/any.json")
    write(tmp_path, "settings.json", text="{}")
    assert found(tmp_path) == (
        {"train": "train.json", "val": "annotations/val.json"},
        [Dropped(name, "annotations of no split: not read") for name in ("all.json", "b/any.json")],
    )


def test_one_file_of_no_split_is_train_beside_the_others(tmp_path: Path) -> None:
    write(tmp_path, "export.json", "test.json")
    write(tmp_path, "settings.json", text="[]")
    assert found(tmp_path) == ({"train": "export.json", "test": "test.json"}, [])


NO_CANDIDATES = [
    "captions_train.json",
    "person_keypoints_train.json",
    "panoptic_train.json",
    "stuff_train.json",
    "image_info_train.json",
    "DeepFashion_train.json",
    "_annotations.CreateML.json",
    ".train.json",
    ".hidden/train.json",
    "train.txt",
]


@pytest.mark.parametrize("name", NO_CANDIDATES)
def test_files_of_another_kind_are_no_candidates(name: str, tmp_path: Path) -> None:
    write(tmp_path, name)
    with pytest.raises(DataError) as refused:
        found(tmp_path)
    assert str(refused.value) == (
        "data.root: 'set' has no annotations for train; expected a COCO folder with train.json (or "
        "annotations/instances_train*.json) and its images."
    ) + (" It looks like CreateML ('_annotations.CreateML.json'), which is not read; export it as COCO or Pascal VOC."
         if "CreateML" in name else "")  # fmt: skip


def test_a_file_that_belongs_to_one_image_is_no_candidate(tmp_path: Path) -> None:
    write(tmp_path, "train.json", "a/train.jpg", "a/train.json")
    assert found(tmp_path)[0] == {"train": "train.json"}
    write(tmp_path, "a/train2.JSON")
    with pytest.raises(DataError) as refused:
        found(tmp_path)
    assert str(refused.value) == (
        "data.root: 'set' has several annotation files for train: train.json, a/train2.JSON; keep only one of them."
    )


def test_of_several_files_for_a_split_the_one_that_holds_annotations_counts(tmp_path: Path) -> None:
    write(tmp_path, "train.json")
    write(tmp_path, "train_settings.json", text='{"images": [], "annotations": []}')
    write(tmp_path, "train_broken.json", text="{")
    assert found(tmp_path)[0] == {"train": "train.json"}


def test_what_is_there_is_named_where_nothing_is_for_train(tmp_path: Path) -> None:
    write(tmp_path, "val.json", *(f"test{k}/test.json" for k in range(5)), text="{}")
    with pytest.raises(DataError) as refused:
        found(tmp_path)
    # Three of each split at most.
    assert (
        "has no annotations for train (there is test0/test.json, test1/test.json, test2/test.json, val.json); expected"
        in str(refused.value)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a/b.json cannot be read as JSON: "),
        ("[]", "a/b.json has no list 'images'; expected COCO annotations."),
        ('{"images": {}}', "a/b.json has no list 'images'"),
        ('{"images": []}', "a/b.json has no list 'annotations'"),
        ('{"images": [], "annotations": []}', "a/b.json has no list 'categories'"),
    ],
)
def test_a_file_without_its_lists_is_refused(text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, "a/b.json", text=text)
    with pytest.raises(DataError) as refused:
        load(tmp_path / "a/b.json", tmp_path)
    assert str(refused.value).startswith(f"data.root: {message}")


def test_a_file_with_its_lists_is_given_whole(tmp_path: Path) -> None:
    write(tmp_path, "b.json")
    assert load(tmp_path / "b.json", tmp_path) == {"images": [], "annotations": [], "categories": []}
    with pytest.raises(DataError, match=r"^data\.root: gone\.json cannot be read as JSON: No such file"):
        load(tmp_path / "gone.json", tmp_path)


def images(root: Path, *folders: str) -> tuple[ImageFiles, dict[Path, set[str]]]:
    used: dict[Path, set[str]] = {}
    return ImageFiles(root, [root / folder for folder in folders], used), used


def test_an_image_is_found_in_the_usual_folders_before_any_other(tmp_path: Path) -> None:
    root = write(tmp_path / "set", "a/1.png", "a/3.png", "b/1.png", text="same")
    write(root, "c/1.png", "c/2.png", "images/x/4.png", "val/5.png", ".h/6.png", text="other")
    files, used = images(root, "a", "b")
    assert files.find("1.png") == (str(root / "a/1.png"), "")
    assert used == {root / "a": {"1.png", "3.png"}, root / "b": {"1.png"}}
    assert files.find("2.png") == (str(root / "c/2.png"), "")
    assert files.find("4.png") == (str(root / "images/x/4.png"), "")
    assert files.find("5.png") == (None, "there is no image '5.png'")
    assert files.find("6.png") == (None, "there is no image '6.png'")
    assert set(used) == {root / "a", root / "b", root / "c", root / "images/x"}


def test_an_image_of_two_folders_must_be_the_same(tmp_path: Path) -> None:
    root = write(tmp_path / "set", "a/1.png", text="one")
    write(root, "b/1.png", text="two")
    assert images(root, "a", "b")[0].find("1.png") == (
        None,
        "image '1.png' may be a/1.png and b/1.png, which differ",
    )


def test_images_of_one_size_and_time_are_compared_byte_by_byte(tmp_path: Path) -> None:
    root = write(tmp_path / "set", "a/1.png", text="one")
    write(root, "b/1.png", text="two")
    for folder in "ab":
        os.utime(root / folder / "1.png", (1000, 1000))
    assert images(root, "a", "b")[0].find("1.png")[0] is None


def test_a_hundred_files_of_a_folder_are_candidates_and_no_more(tmp_path: Path) -> None:
    write(tmp_path, *(f"a{number:02d}.json" for number in range(99)), text="{}")
    write(tmp_path, "b_train.json", "c_val.json")
    assert found(tmp_path)[0] == {"train": "b_train.json"}


def test_a_name_with_folders_is_looked_up_and_leads_nowhere_else(tmp_path: Path) -> None:
    root = write(tmp_path / "set", "a/in/1.png")
    write(tmp_path, "out.png", "set2/3.png")
    files, _ = images(root, "a")
    for name in ("in/1.png", "in\\1.png", "../a/in/1.png", "./in/1.png"):
        assert files.find(name) == (str(root / "a/in/1.png"), ""), name
    for name in ("../../out.png", "../../set2/3.png", "in", str(tmp_path / "out.png")):
        assert files.find(name) == (None, f"there is no image '{name}'")


def test_images_beside_listed_ones_that_no_file_lists_are_named_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    names = {"3.png", "1.png", "2.jpg", "notes.txt"}
    assert list(unlisted(tmp_path, {folder: names}, {str(folder / "1.png")})) == [
        Dropped("a/2.jpg", UNLISTED),
        Dropped("a/3.png", UNLISTED),
    ]
    assert UNLISTED == "photo without annotation: no annotation file lists it"


def test_images_are_looked_for_beside_their_annotations_and_in_folders_of_their_split(tmp_path: Path) -> None:
    for folder in (
        *(
            "annotations/images",
            "annotations/val",
            "val",
            "images/val2017",
            "images/other",
            "Valid",
            "Valid/images",
        ),
        *("train", "val2017"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "Valid" / "images").rmdir()
    (tmp_path / "Valid").rmdir()
    place = tmp_path / "annotations" / "instances_val2017.json"
    assert [path.relative_to(tmp_path).as_posix() for path in image_folders(tmp_path, "val", place)] == [
        *("annotations", ".", "images", "annotations/val", "val", "val2017", "images/val2017"),
        "annotations/images",
    ]
