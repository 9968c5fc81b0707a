"""Numbers as a model's input."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.modality import MODALITIES
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.vector import Vector

VECTOR = Vector()


@pytest.mark.parametrize(
    ("sample", "shape", "wanted"),
    [
        ([1, 2, 3], (3,), [1.0, 2.0, 3.0]),
        (np.array([[1, 2], [3, 4]], np.int16), (2, 2, 1), [[[1.0], [2.0]], [[3.0], [4.0]]]),
        (np.array([[[0.5]], [[-0.5]]]), (2,), [0.5, -0.5]),
        (np.float64(7), (), 7.0),
        (np.array([255], np.uint8), (1,), [255.0]),
        (np.array([True, False]), (2,), [1.0, 0.0]),
        (np.zeros((0, 3)), (0,), []),
    ],
)
def test_as_many_numbers_as_the_input_takes_are_put_into_its_shape(
    sample: Any, shape: tuple[int, ...], wanted: Any
) -> None:
    encoded = VECTOR.encode(sample, shape)
    assert (encoded.codes.dtype, encoded.codes.shape) == (np.float32, shape)
    assert encoded.codes.tolist() == wanted
    assert encoded.codes.flags["C_CONTIGUOUS"]
    assert encoded.geometry is None


def test_rows_stay_rows_whatever_their_order_in_memory() -> None:
    turned = np.arange(6).reshape(2, 3).T
    assert VECTOR.encode(turned, (6,)).codes.tolist() == [0, 3, 1, 4, 2, 5]
    assert VECTOR.encode(turned, (3, 2)).codes.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("sample", "shape", "said"),
    [
        (np.zeros((49, 10)), (490, 2), "it has the shape (49, 10), and the input takes (490, 2)"),
        ([1, 2], (3,), "it has the shape (2,), and the input takes (3,)"),
        (["a", "b"], (2,), "numbers are wanted, and this is <U1"),
        (np.array([1j]), (1,), "numbers are wanted, and this is complex128"),
        (np.array([{}], object), (1,), "numbers are wanted, and this is object"),
        ([0.0, float("nan")], (2,), "it holds values that are not finite"),
        ([float("inf")], (1,), "it holds values that are not finite"),
        ([1e300], (1,), "it holds values that are not finite"),  # to float32
    ],
)
def test_what_is_no_numbers_of_this_shape_is_refused(sample: Any, shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        VECTOR.encode(sample, shape)


def test_numbers_are_given_to_the_model_as_they_are() -> None:
    codes = VECTOR.encode([-3.5, 0.0, 1e20], (3,)).codes
    assert np.array_equal(VECTOR.values(codes), codes)
    assert VECTOR.values(codes).dtype == np.float32
    assert VECTOR.scaled(7.0) == 7.0


def test_numbers_have_no_codes_that_a_uint8_input_could_take() -> None:
    assert VECTOR.quantization() is None
    assert VECTOR.limits() is None


@pytest.mark.parametrize("dtype", ["float32", "int8", "int32"])
def test_every_tensor_of_numbers_takes_them(dtype: str) -> None:
    assert VECTOR.refusal(TensorSpec((1, 7), dtype)) == ""


def test_a_tensor_of_text_takes_none() -> None:
    assert VECTOR.refusal(TensorSpec((1,), "string")) == "it is (1,) string, and numbers are wanted"


def test_numbers_have_no_options() -> None:
    assert MODALITIES.get("vector") is Vector
    VECTOR.check()
    Vector.check_options("preprocess.", {})
    with pytest.raises(ValueError, match=r"^'preprocess\.scale' is unknown to this version of tflbuild$"):
        Vector.check_options("preprocess.", {"scale": 1.0})


class Rows(Dataset):
    """Rows of two numbers, whose label is their place."""

    def read(self, sample: Sample) -> Example:
        place = float(sample.key)
        return Example(np.array([place, -place]), np.zeros((0, 4), np.float32), np.array([place]))


def test_training_batches_hold_every_row_once_an_epoch() -> None:
    samples = tuple(Sample(str(place), str(place)) for place in range(8))
    split = Split("train", Rows(), Index(classes=("place",), splits={"train": samples}))
    stream = VECTOR.batches(split, {}, (2, 1), 4, seed=3)
    first, second = next(stream), next(stream)
    assert (first.codes.shape, first.codes.dtype) == ((4, 2, 1), np.float32)
    for batch in (first, second):
        assert np.array_equal(batch.codes[:, 0, 0], np.concatenate(batch.labels))
    assert sorted(np.concatenate([*first.labels, *second.labels])) == list(range(8))
    again = VECTOR.batches(split, {}, (2, 1), 4, seed=3, start=1)
    assert np.array_equal(next(again).codes, second.codes)
    with pytest.raises(DataError, match=r"sample \d does not fit the input: it has the shape \(2,\)"):
        next(VECTOR.batches(split, {}, (3,), 4, seed=3))


def test_a_sample_is_described_by_its_shape() -> None:
    assert VECTOR.plain(np.zeros((49, 10), np.float32)) == "(49, 10) float32"
    assert VECTOR.plain([1, 2]) == "[1, 2]"
