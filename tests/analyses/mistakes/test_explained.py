"""Tensors of apps, on a picture made by hand; the apps are written with PIL and NumPy alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.analyses.mistakes.candidates import Pictures, Vectors, of_picture, of_vector
from tflbuild.analyses.mistakes.explained import Explained, explained, fitted
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.vector import Vector

SIDE = 24
RNG = np.random.default_rng(5)
BLOCKS = Image.fromarray(RNG.integers(0, 256, (5, 7, 3), np.uint8)).resize((90, 62), Image.Resampling.BICUBIC)
PHOTO = np.clip(np.asarray(BLOCKS).astype(int) + RNG.integers(-20, 21, (62, 90, 3)), 0, 255).astype(np.uint8)
INT8 = TensorSpec((1, SIDE, SIDE, 3), "int8", 1 / 128, 0)
UINT8 = TensorSpec((1, SIDE, SIDE, 3), "uint8", 1 / 128, 128)
FLOAT = TensorSpec((1, SIDE, SIDE, 3), "float32")


def look(tensor: Any, spec: TensorSpec, photo: Any = PHOTO, orientation: int = 1) -> Explained:
    kind = ImageModality()
    return explained(tensor, spec, of_picture(kind, spec, orientation), Pictures(photo, kind, spec).made)


def names(found: Explained) -> list[str]:
    assert found.found is not None, [(one.distance, [m.name for m in one.mistakes]) for one in found.nearest]
    return sorted(one.name for one in found.found.mistakes)


def pixels(photo: Any = PHOTO, kernel: Image.Resampling = Image.Resampling.BILINEAR) -> Any:
    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), kernel)).astype(np.float64)


def as_int8(values: Any) -> Any:
    return np.round(values * 128).clip(-128, 127).astype(np.int8)[None]


def test_the_right_tensor_is_said_to_be_right() -> None:
    for tensor, spec in (
        (as_int8(pixels() / 128 - 1), INT8),
        (pixels().astype(np.uint8)[None], UINT8),
        ((pixels() / 128 - 1).astype(np.float32)[None], FLOAT),
    ):
        found = look(tensor, spec)
        assert (names(found), found.seen) == ([], ())
        assert found.found is not None
        assert found.found.distance < 1e-6
        assert found.nearest[0] == found.found
        assert len(found.nearest) == 3


BLUE_FIRST: Callable[[Any], Any] = lambda given: given[..., ::-1]  # noqa: E731


@pytest.mark.parametrize(
    ("tensor", "wanted"),
    [
        (as_int8(BLUE_FIRST(pixels()) / 128 - 1), ["bgr"]),
        (as_int8(pixels() / 255), ["0..1"]),
        (as_int8(pixels(kernel=Image.Resampling.NEAREST) / 128 - 1), ["nearest"]),
        (as_int8(pixels(np.rot90(PHOTO, 2)) / 128 - 1), ["turned_half"]),
        (as_int8(pixels(PHOTO[:, 14:76]) / 128 - 1), ["center_crop"]),  # 62 x 62 in the middle of 90 x 62
        (as_int8(pixels(PHOTO[:, ::-1]) / 128 - 1), ["mirrored"]),
        (as_int8(BLUE_FIRST(pixels()) / 255), ["0..1", "bgr"]),
        (as_int8(pixels(PHOTO[:, 14:76], Image.Resampling.BICUBIC) / 128 - 1), ["bicubic", "center_crop"]),
        ((pixels() / 128 - 1).astype(np.float32)[None], ["float"]),
        (BLUE_FIRST(pixels() / 128 - 1).astype(np.float32)[None], ["bgr", "float"]),
        (pixels().astype(np.uint8)[None], ["bytes"]),
        (pixels().astype(np.uint8).view(np.int8)[None], ["wrapped"]),
        (as_int8(pixels() / 128 - 1)[0].transpose(2, 0, 1).reshape(1, SIDE, SIDE, 3), ["planes"]),
        (as_int8(pixels() / 128 - 1).transpose(0, 2, 1, 3), ["transposed"]),
    ],
)
def test_one_mistake_and_two_are_told_of_an_integer_input(tensor: Any, wanted: list[str]) -> None:
    assert names(look(tensor, INT8)) == wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pixels(), ["0..255"]),
        (pixels() / 255, ["0..1"]),
        ((pixels() / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), ["imagenet"]),
        (BLUE_FIRST(pixels()) - (103.939, 116.779, 123.68), ["caffe"]),
        (pixels() / 128, ["no_offset"]),
        ((pixels() / 128 - 1) / 128 - 1, ["twice"]),
        (BLUE_FIRST(pixels()), ["0..255", "bgr"]),
    ],
)
def test_values_are_told_of_a_float_input(values: Any, wanted: list[str]) -> None:
    assert names(look(values.astype(np.float32)[None], FLOAT)) == wanted


def test_coding_as_jpeg_is_told_from_the_kernel() -> None:
    content = io.BytesIO()
    Image.fromarray(PHOTO).save(content, "JPEG", quality=50)
    decoded = np.asarray(Image.open(content))
    assert names(look(as_int8(pixels(decoded) / 128 - 1), INT8)) == ["jpeg50"]


def test_code_that_rounds_otherwise_is_right_within_a_step() -> None:
    found = look(np.floor(pixels() - 128 + 0.4).astype(np.int8)[None], INT8)
    assert names(found) == []
    truncated = look(np.floor((pixels() / 255) * 128).clip(0, 127).astype(np.int8)[None], INT8)
    assert names(truncated) == ["0..1"]
    assert truncated.found is not None
    assert 0.1 < truncated.found.distance < 1


def test_none_is_said_where_nothing_known_explains_it() -> None:
    noise = np.random.default_rng(1).integers(-128, 128, INT8.shape).astype(np.int8)
    found = look(noise, INT8)
    assert found.found is None
    assert len(found.nearest) == 3
    assert found.nearest[0].distance > 20
    other = look(as_int8(pixels()[::-1] / 300 - 0.7), INT8)
    assert other.found is None


def test_mistakes_that_make_the_same_tensor_of_a_picture_are_all_said() -> None:
    grey = np.repeat(PHOTO.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    symmetric = np.concatenate([grey, grey[:, ::-1]], axis=1)
    found = look(as_int8(pixels(symmetric[::-1]) / 128 - 1), INT8, symmetric)
    assert found.found is not None
    same = [{one.name for one in some} for some in found.found.same]
    assert {"flipped", "turned_half"} == {*names(found), *(name for some in same for name in some)}


def test_a_picture_as_it_is_stored_is_told_by_its_orientation() -> None:
    turned = as_int8(pixels(np.ascontiguousarray(np.rot90(PHOTO))) / 128 - 1)
    found = look(turned, INT8, orientation=6)
    assert found.found is not None
    assert found.found.mistakes[0].how == "as stored: its EXIF orientation 6 is ignored"


def test_shape_and_dtype_are_seen_without_a_guess() -> None:
    right = as_int8(pixels() / 128 - 1)
    found = look(right[0].transpose(2, 0, 1), INT8)
    assert (names(found), list(found.seen)) == (
        [],
        [
            "it lacks the batch axis: (3, 24, 24), and the input takes (1, 24, 24, 3)",
            "its channels come first (NCHW)",
        ],
    )
    assert look(right.astype(np.float32), INT8).seen == ("it is float32, and such a tensor is int8",)
    flat = look(right.ravel(), INT8)
    assert (names(flat), flat.seen) == ([], ("it has the shape (1728,), and the input takes (1, 24, 24, 3)",))
    wide = TensorSpec((1, 2, 4, 3), "float32")
    numbers, seen = fitted(np.arange(24.0).reshape(1, 4, 2, 3), wide)
    assert seen == ["its rows and columns are exchanged (NWHC)"]
    assert numbers[1, 3].tolist() == [21, 22, 23]
    assert numbers[1, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (np.zeros((1, 8, 8, 3)), r"has the shape \(1, 8, 8, 3\), and the input takes \(1, 24, 24, 3\)"),
        (np.zeros((2, 24, 12, 3)), r"has the shape \(2, 24, 12, 3\)"),
        (np.full(INT8.shape, np.nan), "holds values that are not finite"),
        (np.zeros(INT8.shape, complex), "holds complex128; a tensor holds real numbers"),
    ],
)
def test_what_cannot_be_such_a_tensor_is_refused(tensor: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fitted(tensor, INT8)


@pytest.mark.parametrize(
    ("altered", "wanted"),
    [
        (lambda values: values, []),
        (lambda values: values / 32768, ["divided by 32,768"]),
        (lambda values: values[::-1], ["reversed"]),
        (lambda values: values.T.reshape(values.shape), ["transposed"]),
    ],
)
def test_numbers_are_explained_too(altered: Callable[[Any], Any], wanted: list[str]) -> None:
    values = np.random.default_rng(2).normal(size=(6, 4)).astype(np.float32)
    spec, kind = TensorSpec((1, 6, 4), "float32"), Vector()
    tensor = np.ascontiguousarray(altered(values))[None].astype(np.float32)
    assert names(explained(tensor, spec, of_vector(kind, spec), Vectors(values, kind, spec).made)) == wanted
