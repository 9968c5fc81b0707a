from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.dataset import Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.array_values import ArrayValues

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 5)).astype("f4")
Y = (X[:, 0] * 3 + 7).astype("f8")


def made(path: Path, arrays: dict[str, Any], **options: Any) -> tuple[ArrayValues, Index]:
    np.savez(path / "data.npz", **arrays)
    data = ArrayValues(root=str(path / "data.npz"), **options)
    return data, data.index(lambda path: None)  # type: ignore[arg-type, return-value]


def test_a_row_has_its_numbers(tmp_path: Path) -> None:
    data, index = made(tmp_path, {"x": X, "y": Y})
    assert (data.task, data.modality, index.classes) == ("regression", "vector", ("value",))
    assert {split: len(samples) for split, samples in index.splits.items()} == {
        "train": 10,
        "val": 5,
        "test": 5,
    }
    for split, samples in index.splits.items():
        for place, sample in enumerate(samples):
            example = Split(split, data, index)[place]
            assert np.array_equal(example.value, X[int(sample.key)])
            assert example.labels.tolist() == [Y[int(sample.key)]]


def test_splits_and_several_values_by_name(tmp_path: Path) -> None:
    both = np.stack([Y, -Y], axis=1)
    arrays = {"x_train": X[:12], "y_train": both[:12], "x_test": X[12:], "y_test": both[12:]}
    data, index = made(tmp_path, arrays, columns=("up", "down"))
    assert index.classes == ("up", "down")
    assert [sample.numbers for sample in index.splits["test"]] == [tuple(row) for row in both[12:].tolist()]
    assert made(tmp_path, arrays)[1].classes == ("value_0", "value_1")
    assert data.resolved()[0].augment == {}


def test_pictures_have_numbers_too(tmp_path: Path) -> None:
    pictures = RNG.integers(0, 255, (20, 8, 8), np.uint8)
    data, index = made(tmp_path, {"pictures": pictures, "target": Y}, values="target")
    assert data.modality == "image"
    assert Split("train", data, index)[0].value.shape == (8, 8, 3)


REFUSED = {
    "no values": ({"x": X, "z": Y}, {}, "has no array of values among 'x', 'z'"),
    "two": ({"x": X, "y": Y, "targets": Y}, {}, "has several arrays of values"),
    "another length": (
        {"x": X, "y": Y[:19]},
        {},
        "has 19 rows in 'y' and 20 in 'x'; expected as many in each",
    ),
    "text": ({"x": X, "y": np.array(["a"] * 20)}, {}, "expected a number a row, or several"),
    "three axes": ({"x": X, "y": Y.reshape(20, 1, 1)}, {}, "expected a number a row, or several"),
    "no number": (
        {"x": X, "y": np.where(Y[3] == Y, np.nan, Y)},
        {},
        "nan in row 3 of 'y', which is not a finite",
    ),
    "constant": ({"x": X, "y": np.full(20, 2.5)}, {}, "'value' is 2.5 in every row of train"),
    "names": ({"x": X, "y": Y}, {"columns": ("a", "b")}, "data.columns: 2 different names for 1 values"),
    "a split": ({"x_train": X, "y_train": Y, "x_test": X + 1}, {}, "has no values for test"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    arrays, options, message = REFUSED[name]
    with pytest.raises(DataError, match=re.escape(message)):
        made(tmp_path, arrays, **options)


def test_options_of_pictures_are_refused_for_numbers(tmp_path: Path) -> None:
    data, _ = made(tmp_path, {"x": X, "y": Y}, augment={"flip": True})
    with pytest.raises(DataError, match=r"data\.augment\.flip: this option is for pictures"):
        data.resolved()
