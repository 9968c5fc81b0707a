"""Pictures without labels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.images import Images
from tflbuild.modalities.image.files import inspect

SPLITS = ("train", "val", "test")
PHOTOS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "coco128" / "images"


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4, 3), number, np.uint8)).save(path)


def fill(folder: Path, count: int, first: int = 0) -> Path:
    for number in range(first, first + count):
        picture(folder / f"{number:02d}.png", number)
    return folder


def counts(index: Index) -> list[int]:
    return [len(index.splits[split]) for split in SPLITS]


def named(index: Index) -> dict[str, list[str]]:
    return {split: [sample.key for sample in index.splits[split]] for split in SPLITS}


@pytest.mark.parametrize(
    ("count", "parts"),
    # By hand: a quarter each for val and test, rounded half to even, at least one.
    [(3, [1, 1, 1]), (4, [2, 1, 1]), (5, [3, 1, 1]), (8, [4, 2, 2]), (20, [10, 5, 5]), (33, [17, 8, 8])],
)
def test_half_of_a_flat_folder_is_train_and_a_quarter_each_val_and_test(
    count: int, parts: list[int], tmp_path: Path
) -> None:
    index = Images(root=str(fill(tmp_path, count))).index(inspect)
    assert counts(index) == parts
    assert (index.classes, index.dropped) == ((), ())
    assert sorted(key for keys in named(index).values() for key in keys) == [
        f"{number:02d}.png" for number in range(count)
    ]


def test_a_picture_is_named_by_its_bytes_and_read_without_labels(tmp_path: Path) -> None:
    data = Images(root=str(fill(tmp_path, 4)))
    split = Split("train", data, data.index(inspect))
    for sample, example in zip(split.samples, split, strict=False):
        assert sample.digest == hashlib.sha256((tmp_path / sample.key).read_bytes()).hexdigest()
        assert (sample.labels, sample.boxes) == ((), ())
        np.testing.assert_array_equal(example.value, np.full((3, 4, 3), int(sample.key[:2])))
        assert (example.boxes.shape, example.labels.shape) == ((0, 4), (0,))
    assert (data.task, data.modality) == ("unlabelled", "image")


def test_which_pictures_go_where_follows_from_their_bytes_and_the_seed(tmp_path: Path) -> None:
    fill(tmp_path / "a", 12)
    before = Images(root=str(tmp_path / "a"), seed=3).index(inspect)
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "a").iterdir()
    }
    ranked = sorted(digests, key=lambda name: hashlib.sha256(f"3 {digests[name]}".encode()).hexdigest())
    # By hand: a quarter of 12 is three.
    assert named(before) == {
        "val": sorted(ranked[:3]),
        "test": sorted(ranked[3:6]),
        "train": sorted(ranked[6:]),
    }
    for number, path in enumerate(sorted((tmp_path / "a").iterdir())):
        path.rename(tmp_path / "a" / f"renamed {11 - number}.png")
    after = Images(root=str(tmp_path / "a"), seed=3).index(inspect)
    for split in SPLITS:
        assert {s.digest for s in after.splits[split]} == {s.digest for s in before.splits[split]}
    other = Images(root=str(tmp_path / "a"), seed=4).index(inspect)
    assert {s.digest for s in other.splits["test"]} != {s.digest for s in before.splits["test"]}


def test_folders_in_the_folder_are_searched(tmp_path: Path) -> None:
    for place in ("a.png", "2024/b.png", "2024/05/c.png", "2025/d.png"):
        picture(tmp_path / place, len(place))
    index = Images(root=str(tmp_path)).index(inspect)
    assert (
        sorted(key for keys in named(index).values() for key in keys)
        == [
            "2024/05/c.png",
            "2024/b.png",
            "2025/d.png",
            "a.png",
        ][: sum(counts(index))]
    )


def test_the_same_picture_twice_lies_in_one_split(tmp_path: Path) -> None:
    fill(tmp_path / "first", 9)
    fill(tmp_path / "second", 9)
    index = Images(root=str(tmp_path)).index(inspect)
    # By hand: 9 different pictures, a quarter is 2, and each is there twice.
    assert counts(index) == [10, 4, 4]
    for keys in named(index).values():
        assert {key.rpartition("/")[2] for key in keys if key[0] == "f"} == {
            key.rpartition("/")[2] for key in keys if key[0] == "s"
        }
    assert index.dropped == ()


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "TESTING")])
def test_folders_named_like_splits_are_those_splits(names: tuple[str, str, str], tmp_path: Path) -> None:
    for first, (name, count) in enumerate(zip(names, (4, 2, 3), strict=True)):
        fill(tmp_path / name, count, first * 10)
    index = Images(root=str(tmp_path)).index(inspect)
    assert counts(index) == [4, 2, 3]
    assert named(index)["val"] == [f"{names[1]}/10.png", f"{names[1]}/11.png"]


def test_splits_that_have_no_folder_are_parts_of_train(tmp_path: Path) -> None:
    fill(tmp_path / "train", 8)
    assert counts(Images(root=str(tmp_path)).index(inspect)) == [4, 2, 2]
    fill(tmp_path / "test", 3, 10)
    index = Images(root=str(tmp_path)).index(inspect)
    assert counts(index) == [6, 2, 3]
    assert named(index)["test"] == ["test/10.png", "test/11.png", "test/12.png"]


def test_a_train_picture_that_is_measured_too_is_left_out(tmp_path: Path) -> None:
    for split in SPLITS:
        fill(tmp_path / split, 2, 10 * SPLITS.index(split))
    picture(tmp_path / "train/copy.png", 20)
    index = Images(root=str(tmp_path)).index(inspect)
    assert index.dropped == (
        Dropped("train/copy.png", "left out of train: the same picture as test/20.png in test"),
    )
    assert counts(index) == [2, 2, 2]


def test_as_many_as_are_wanted_are_taken_and_fewer_are_among_more(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    some = Images(root=str(tmp_path), train=4, val=3, test=6).index(inspect)
    more = Images(root=str(tmp_path), train=8, val=3, test=6).index(inspect)
    assert (counts(some), counts(more)) == ([4, 3, 6], [8, 3, 6])
    assert set(named(some)["train"]) < set(named(more)["train"])
    assert named(some)["test"] == named(more)["test"]


def test_a_number_is_that_of_pictures_where_they_are_there_twice(tmp_path: Path) -> None:
    fill(tmp_path / "first", 9)
    fill(tmp_path / "second", 9)
    index = Images(root=str(tmp_path), val=3, test=1).index(inspect)
    assert counts(index) == [10, 3, 1]


def test_parts_of_given_splits_are_drawn_too(tmp_path: Path) -> None:
    for split in SPLITS:
        fill(tmp_path / split, 5, 10 * SPLITS.index(split))
    index = Images(root=str(tmp_path), train=1, val=2, test=3).index(inspect)
    assert counts(index) == [1, 2, 3]
    assert all(key.startswith(f"{split}/") for split, keys in named(index).items() for key in keys)


def test_what_cannot_be_used_is_left_out_and_said(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (tmp_path / "01.png").write_bytes(b"none")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "README.md").write_text("x")
    picture(tmp_path / ".trash/x.png", 99)
    index = Images(root=str(tmp_path)).index(inspect)
    assert index.dropped == (
        Dropped(".trash", "hidden"),
        Dropped("notes.txt", "not named like an image"),
        Dropped("01.png", "not an image that PIL can read"),
    )
    assert sum(counts(index)) == 4


def test_what_lies_beside_the_splits_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "train", 5)
    picture(tmp_path / "cover.png", 77)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("x")
    (tmp_path / "list.csv").write_text("x")
    (tmp_path / "LICENSE").write_text("x")
    assert Images(root=str(tmp_path)).index(inspect).dropped == (
        Dropped("cover.png", "an image beside the folders of splits"),
        Dropped("labels", "a folder beside the splits, without an image"),
        Dropped("list.csv", "not named like an image"),
    )


REFUSED: dict[str, tuple[dict[str, int], dict[str, int], str]] = {
    # pictures in folders, options, and what is said
    "nothing": ({}, {}, "is empty; expected a folder of pictures"),
    "two": ({".": 2}, {}, "has 2 different usable pictures; train, val and test need one each, 3 or more"),
    "one in train": (
        {"train": 1, "test": 3},
        {},
        "has 1 different usable picture; train and val need one each, 2 or more",
    ),
    "splits without train": (
        {"val": 3, "test": 3},
        {},
        "is named like the test split, but there is no train folder",
    ),
    "others beside splits": ({"train": 3, "cats": 3}, {}, "but next to it are pictures in 'cats'"),
    "two names of a split": ({"val": 3, "valid": 3}, {}, "both mean the val split"),
    "too many wanted": (
        {".": 8},
        {"val": 8},
        "val: 8 is too many: '.*' has 8 different usable pictures for train, val and test",
    ),
    "too many of test": (
        {"train": 4, "val": 3, "test": 2},
        {"test": 3},
        "test: 3 pictures were asked for, but '.*' has 2",
    ),
    "too many to train on": ({".": 8}, {"train": 5}, "train: 5 pictures were asked for, but '.*' has 4"),
    "masks": (
        {"images": 3, "masks": 3},
        {},
        "the pictures in 'masks' of '.*' look like annotations of those in",
    ),
    "masks of train": (
        {"train/imgs": 3, "train/gt": 3},
        {},
        "the pictures in 'gt' of '.*/train' look like annotations",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_folder_that_cannot_be_used_is_one_sentence(what: str, tmp_path: Path) -> None:
    folders, options, message = REFUSED[what]
    for number, (folder, count) in enumerate(folders.items()):
        fill(tmp_path / folder, count, 20 * number)
    with pytest.raises(DataError, match=rf"^data\.(root: .*)?{message}"):
        Images(root=str(tmp_path), **options).index(inspect)  # type: ignore[arg-type]


def test_copies_of_two_pictures_are_no_three(tmp_path: Path) -> None:
    for place in ("a", "b", "c"):
        fill(tmp_path / place, 2)
    with pytest.raises(DataError, match="has 2 different usable pictures"):
        Images(root=str(tmp_path)).index(inspect)


def test_pictures_that_are_all_damaged_are_named(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"none")
    message = (
        r"has 0 different usable pictures; train, val and test need one each, 3 or more; 3 were left out, the first: "
        r"0.png: not an image that PIL can read\."
    )
    with pytest.raises(DataError, match=message):
        Images(root=str(tmp_path)).index(inspect)
    fill(tmp_path / "train", 3)
    (tmp_path / "test").mkdir()
    (tmp_path / "test/x.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"the test split of '.*' has no usable picture; .*test/x.png: not"):
        Images(root=str(tmp_path)).index(inspect)


def test_a_folder_of_something_else_says_what_it_looks_like(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"has no picture; .* It looks like recordings"):
        Images(root=str(tmp_path)).index(inspect)


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="real photos lie in ../shared/data")
def test_real_photos_without_labels_are_taken() -> None:
    index = Images(root=str(PHOTOS)).index(inspect)
    assert counts(index) == [64, 32, 32]
    assert all(key.startswith("train/") for keys in named(index).values() for key in keys)
