"""Folders of classes, told from others by names alone."""

from __future__ import annotations

import pytest

from tflbuild.data.layouts.class_folders import by_folder, folders_inside, hidden_splits


@pytest.mark.parametrize(
    ("images", "inside"),
    [
        (["a.png", "b.png"], []),
        (["one/a.png", "one/b.png"], []),
        (["a.png", "one/b.png", "two/c.png"], []),
        (["one/a.png", "two/b.png"], ["one", "two"]),
        (["one/x/a.png", "one/y/b.png"], ["one"]),
        (["one/x/a.png", "one/x/b.png"], []),
        (["a.png", "Test/b.png"], ["Test"]),
        (["train/b.png", "z/c.png"], ["train"]),
        ([], []),
    ],
)
def test_folders_in_a_class_folder_may_be_classes_or_splits(images: list[str], inside: list[str]) -> None:
    assert folders_inside(images) == inside


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["seg_train", "seg_test"], {"train": "seg_train", "test": "seg_test"}),
        (["train2017", "val2017"], {"train": "train2017", "val": "val2017"}),
        (["mytrain", "testset"], {"train": "mytrain", "test": "testset"}),
        (["training_shoes", "boots"], {}),
        (["cat", "dog"], {}),
    ],
)
def test_splits_by_other_names_are_found_where_there_are_two(
    names: list[str], splits: dict[str, str]
) -> None:
    assert hidden_splits(names) == splits


def test_images_are_sorted_by_the_first_folder() -> None:
    assert by_folder(["a.png", "x/b.png", "x/y/c.png", "z/d.png"]) == {
        "": ["a.png"],
        "x": ["b.png", "y/c.png"],
        "z": ["d.png"],
    }
