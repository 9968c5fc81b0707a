"""What the arrays of a file are, by their names, types and shapes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tflbuild.core.array_file import Held
from tflbuild.core.array_layout import ArrayLayout, Part, arranged
from tflbuild.core.dataset import Dropped

DTYPES = {
    "f4": "<f4",
    "f8": "<f8",
    "u1": "|u1",
    "i8": "<i8",
    "U3": "<U3",
    "b": "|b1",
    "i4": ">i4",
    "c": "<c8",
}


def held(**arrays: str) -> dict[str, Held]:
    """Read arrays off texts like "f4 10 4"."""
    found = {}
    for name, text in arrays.items():
        dtype, *sides = text.split()
        found[name] = Held(DTYPES[dtype], tuple(map(int, sides)))
    return found


def parts(layout: ArrayLayout) -> dict[str, Any]:
    return {split: (part.rows, dict(part.inputs), part.labels) for split, part in layout.parts.items()}


RECOGNISED: dict[str, tuple[dict[str, str], dict[str, Any], bool]] = {
    # arrays, the parts that they make, and whether they are pictures
    "one array": ({"windows": "f4 10 4"}, {"train": (10, {"windows": "windows"}, "")}, False),
    "arrays of several inputs": (
        {"left": "f4 10 4", "right": "i8 10"},
        {"train": (10, {"left": "left", "right": "right"}, "")},
        False,
    ),
    "labels": ({"x": "f4 10 4", "y": "i8 10"}, {"train": (10, {"x": "x"}, "y")}, False),
    "labels in any case with an axis": (
        {"x": "f4 10 4", "Labels": "u1 10 1"},
        {"train": (10, {"x": "x"}, "Labels")},
        False,
    ),
    "as Keras has MNIST": (
        {"x_train": "u1 60 28 28", "y_train": "u1 60", "x_test": "u1 10 28 28", "y_test": "u1 10"},
        {"train": (60, {"x": "x_train"}, "y_train"), "test": (10, {"x": "x_test"}, "y_test")},
        True,
    ),
    "as MedMNIST is": (
        {
            f"{split}_{what}": f"u1 {count} {sides}"
            for split, count in (("train", 7), ("val", 2), ("test", 3))
            for what, sides in (("images", "28 28 3"), ("labels", "1"))
        },
        {
            split: (count, {"images": f"{split}_images"}, f"{split}_labels")
            for split, count in (("train", 7), ("val", 2), ("test", 3))
        },
        True,
    ),
    "as people have it in scikit-learn": (
        {"X_train": "f8 9 4", "X_test": "f8 3 4", "y_train": "i8 9", "y_test": "i8 3"},
        {"train": (9, {"X": "X_train"}, "y_train"), "test": (3, {"X": "X_test"}, "y_test")},
        False,
    ),
    "splits alone": (
        {"train": "f4 9 4", "validation": "f4 3 4"},
        {"train": (9, {"x": "train"}, ""), "val": (3, {"x": "validation"}, "")},
        False,
    ),
    "an input that is called like labels": ({"y": "i8 10"}, {"train": (10, {"y": "y"}, "")}, False),
    "grey pictures": ({"images": "u1 5 8 6"}, {"train": (5, {"images": "images"}, "")}, True),
    "grey pictures with an axis": ({"a": "u1 5 8 6 1"}, {"train": (5, {"a": "a"}, "")}, True),
    "pictures of two inputs": (
        {"a": "u1 5 8 6 1", "b": "u1 5 8 6 3"},
        {"train": (5, {"a": "a", "b": "b"}, "")},
        True,
    ),
    "pictures and numbers": (
        {"a": "u1 5 8 6 3", "b": "f4 5 2"},
        {"train": (5, {"a": "a", "b": "b"}, "")},
        False,
    ),
    "floats by height and width": ({"a": "f4 5 8 6 3"}, {"train": (5, {"a": "a"}, "")}, False),
    "bytes of another form": ({"a": "u1 5 8"}, {"train": (5, {"a": "a"}, "")}, False),
    "bytes with four channels": ({"a": "u1 5 8 6 4"}, {"train": (5, {"a": "a"}, "")}, False),
}


@pytest.mark.parametrize("what", RECOGNISED)
def test_arrays_are_recognised(what: str) -> None:
    arrays, wanted, pictures = RECOGNISED[what]
    layout = arranged(held(**arrays))
    assert parts(layout) == wanted
    assert layout.pictures is pictures
    assert layout.left_out == ()


def test_labels_may_be_named() -> None:
    arrays = held(x="f4 10 4", kind="i4 10", y="f4 10")
    assert arranged(arrays, "kind").parts["train"] == Part(10, {"x": "x", "y": "y"}, "kind")
    split = held(x_train="f4 9 4", k_train="i8 9", x_test="f4 3 4", k_test="i8 3")
    assert arranged(split, "k") == arranged(split, "k_train")
    assert arranged(split, "k").parts["test"] == Part(3, {"x": "x_test"}, "k_test")


LEFT_OUT: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "words": ({"x": "f4 9 4", "names": "U3 2"}, {"names": "an array of <U3 (2,), which are not numbers"}),
    "complex numbers": (
        {"x": "f4 9", "z": "c 9"},
        {"z": "an array of complex64 (9,), which are not numbers"},
    ),
    "one number": ({"x": "f4 9 4", "rate": "i8"}, {"rate": "an array of int64 (), one number for all rows"}),
    "what is regressed to": (
        {"x_train": "f4 9 4", "y_train": "f4 9", "x_test": "f4 3 4", "y_test": "f4 3"},
        {
            name: f"an array of float32 ({rows},), named like labels, which are whole numbers, one per row"
            for name, rows in (("y_train", 9), ("y_test", 3))
        },
    ),
    "labels in columns": (
        {"x": "f4 9 4", "labels": "i8 9 3"},
        {"labels": "an array of int64 (9, 3), named like labels, which are whole numbers, one per row"},
    ),
    "what is of no split": (
        {"x_train": "f4 9 4", "mean": "f4 4"},
        {"mean": "an array of float32 (4,), whose name says no split"},
    ),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_does_not_go_in_is_named(what: str) -> None:
    arrays, reasons = LEFT_OUT[what]
    layout = arranged(held(**arrays))
    assert layout.left_out == tuple(Dropped(name, reason) for name, reason in reasons.items())
    used = {name for part in layout.parts.values() for name in part.inputs.values()}
    assert used == set(arrays) - set(reasons)


REFUSED: dict[str, tuple[dict[str, str], str | None, str]] = {
    "nothing": ({}, None, "has no array of numbers with a row for each sample; it has none"),
    "no numbers": (
        {"names": "U3 2", "rate": "i8"},
        None,
        "has no array of numbers with a row for each sample; it has 'names' <U3 (2,), 'rate' int64 ()",
    ),
    "labels alone": (
        {"x": "f4 9 4", "y": "i8 9"},
        "x",
        "has labels 'x' of float32 (9, 4); expected whole numbers",
    ),
    "other lengths": (
        {"a": "f4 9 4", "b": "f4 8 4"},
        None,
        "has 9 rows in 'a' and 8 in 'b'; expected as many in each, one per sample",
    ),
    "labels of another length": ({"x": "f4 9 4", "y": "i8 8"}, None, "has 9 rows in 'x' and 8 in 'y'"),
    "no row": ({"x": "f4 0 4"}, None, "has nothing in 'x' float32 (0, 4)"),
    "rows of nothing": ({"x": "f4 4 0"}, None, "has nothing in 'x' float32 (4, 0)"),
    "no such labels": (
        {"x": "f4 9 4", "y": "i8 9"},
        "z",
        "has no array 'z', which data.labels names; it has 'x', 'y'",
    ),
    "two that may be labels": (
        {"x": "f4 9 4", "y": "i8 9", "targets": "i8 9"},
        None,
        "has 'y', 'targets', which may be the labels; say which with data.labels",
    ),
    "labels of train alone": (
        {"x_train": "f4 9 4", "y_train": "i8 9", "x_test": "f4 3 4"},
        None,
        "has no 'y' for test, which train has",
    ),
    "other labels in test": (
        {"x_train": "f4 9 4", "y_train": "i8 9", "x_test": "f4 3 4", "y_test": "f4 3"},
        None,
        "has labels 'y_test' of float32 (3,); expected whole numbers, one per row",
    ),
    "no train": ({"x_test": "f4 9 4"}, None, "has 'x_test', and no array named like one of train"),
    "two names of one": (
        {"x_train": "f4 9 4", "train_x": "f4 9 4"},
        None,
        "has 'x_train' and 'train_x', which mean the same",
    ),
    "with and without a split": (
        {"x": "f4 9 4", "x_train": "f4 9 4"},
        None,
        "has 'x', which names no split, beside 'x_train'",
    ),
    "other inputs in test": (
        {"a_train": "f4 9 4", "b_test": "f4 9 4"},
        None,
        "has 'b_test' for test, and 'a_train' for train; expected the same for each split",
    ),
    "one picture": (
        {"x": "u1 40 50 3"},
        None,
        "has 'x' uint8 (40, 50, 3), which may be one picture: save array[None], or numbers as float32",
    ),
    "names that a terminal obeys": (
        {"a\x1b": "f4 9", "b": "f4 8"},
        None,
        r"has 9 rows in 'a\x1b' and 8 in 'b'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_arrays_that_are_no_samples_are_one_sentence(what: str) -> None:
    arrays, labels, message = REFUSED[what]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        arranged(held(**arrays), labels)
