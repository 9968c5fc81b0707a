from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Split
from tflbuild.core.errors import DataError
from tflbuild.data.image_folder import ImageFolder
from tflbuild.vision.image import inspect


def fill(folder: Path, count: int, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, *folder.as_posix().encode()])
    for k in range(count):
        Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(folder / f"{k:02d}.PNG")


def test_a_folder_a_class_is_split_by_seed(tmp_path: Path) -> None:
    for label in ("tulip", "rose"):
        fill(tmp_path / label, 10)
    dataset = ImageFolder(root=str(tmp_path))
    index = dataset.index(inspect)
    assert index.classes == ("rose", "tulip")
    # By hand: a fifth of 20 for test, a fifth of the other 16 for val.
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [13, 3, 4]
    example = Split("test", dataset, index)[0]
    assert example.image.shape == (12, 16, 3)
    assert example.boxes.shape == (0, 4)
    assert example.labels.tolist() == [("rose", "tulip").index(index.splits["test"][0].key.split("/")[0])]


def test_split_folders_are_taken_as_they_stand(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("validation", 2), ("test", 3)):
        for label in ("a", "b"):
            fill(tmp_path / split / label, count)
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [10, 4, 6]
    assert index.dropped == ()


def test_what_cannot_be_used_is_dropped_and_reported(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for label in ("a", "b"):
            fill(tmp_path / split / label, 3)
    (tmp_path / "train/a/01.PNG").write_bytes(b"none")
    (tmp_path / "train/a/notes.txt").write_text("left alone")
    (tmp_path / "train/b/02.PNG").write_bytes((tmp_path / "test/b/00.PNG").read_bytes())
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert index.dropped == (
        Dropped("train/a/notes.txt", "not named like an image"),
        Dropped("train/a/01.PNG", "not an image that PIL can read"),
        Dropped("train/b/02.PNG", "left out of train: the same image as test/b/00.PNG in test"),
    )
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [4, 6, 6]


def test_classes_may_be_chosen(tmp_path: Path) -> None:
    for label in ("a", "b", "c"):
        fill(tmp_path / label, 10)
    index = ImageFolder(root=str(tmp_path), classes=("c", "a")).index(inspect)
    assert index.classes == ("c", "a")
    assert {sample.labels[0] for sample in index.splits["train"]} == {0, 1}
    assert len(index.dropped) == 10


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({}, "is empty; expected a folder of images for each class"),
        ({"a": 0, "b": 0}, "the train split of '.*' ends without a usable image"),
        ({"a": 8}, "has only the class 'a'"),
        (
            {"train/a": 3, "train/b": 3, "val/a": 0, "test/a": 2, "test/b": 1},
            "the val split of '.*' ends without",
        ),
    ],
)
def test_a_root_that_cannot_be_used_is_an_error(
    tmp_path: Path, folders: dict[str, int], message: str
) -> None:
    for name, count in folders.items():
        fill(tmp_path / name, count)
    with pytest.raises(DataError, match=f"^data.root: .*{message}"):
        ImageFolder(root=str(tmp_path)).index(inspect)
