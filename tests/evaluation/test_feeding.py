"""What goes into a tensor, and what comes out of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from on_bytes import take_bytes
from tflbuild.core.modality import Modality
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.feeding import as_input, dequantized, quantized, takes_codes
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.vector import Vector
from tflbuild.runtimes.interpreter import Loaded

SCALE = 1 / 128
PLAIN = ImageModality()
CODES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
"""Every code, in a picture of 16 x 16."""


def spec(dtype: str, scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec((1, 16, 16, 3), dtype, scale, zero_point)


def test_a_float_input_takes_model_values() -> None:
    values = as_input(CODES, PLAIN, spec("float32"))
    assert values.dtype == np.float32
    assert values[0, 8, 0].tolist() == [0.0] * 3  # code 128
    assert np.array_equal(values, PLAIN.values(CODES))
    assert as_input(CODES, PLAIN, spec("float16")).dtype == np.float16


def test_floats_are_scaled_and_then_shifted() -> None:
    values = as_input(
        np.full((1, 2, 2, 3), 8, np.uint8), ImageModality(scale=0.5, offset=-3.0), spec("float32")
    )
    assert (np.unique(values).tolist(), values.dtype) == ([1.0], np.float32)


def test_unsigned_raw_bytes_go_in_as_they_are() -> None:
    assert as_input(CODES, PLAIN, spec("uint8", SCALE, 128)) is CODES


def test_an_int8_input_takes_raw_bytes_less_128() -> None:
    found = as_input(CODES, PLAIN, spec("int8", SCALE, 0))
    assert found.dtype == np.int8
    assert np.array_equal(found, CODES.astype(int) - 128)


def test_an_integer_input_of_another_scale_takes_quantized_values() -> None:
    found = as_input(CODES, ImageModality(scale=1 / 255, offset=0.0), spec("int8", SCALE, 0))
    # White is 1.0 to this preprocessing, which saturates at level 127; black is 0.0, level 0.
    assert (found.dtype, found.max(), found.min()) == (np.int8, 127, 0)
    # By hand: code 51 is 0.2, and 0.2 x 128 is 25.6.
    assert found[0, 3, 3].tolist() == [26] * 3


def test_an_integer_input_takes_channels_that_differ_as_quantized_values() -> None:
    """No scale and zero point can say what a code is worth to each of the channels."""
    differing = ImageModality(mean=(0.0, 100.0, 200.0), std=(1.0, 2.0, 4.0))
    given = spec("int8", 1.0, 0)
    found = as_input(np.full((1, 1, 1, 3), 120, np.uint8), differing, given)
    # By hand: 120 / 1, 20 / 2 and -80 / 4.
    assert (found.dtype, found.ravel().tolist()) == (np.int8, [120, 10, -20])


def test_an_integer_input_of_numbers_takes_quantized_values() -> None:
    """Numbers have no codes: what a tensor takes is the number itself, quantized."""
    numbers = np.array([[-1.0, 0.24, 0.26, 100.0]], np.float32)
    found = as_input(numbers, Vector(), TensorSpec((1, 4), "int8", 0.5, -3))
    assert (found.dtype, found.tolist()) == (np.int8, [[-5, -3, -2, 127]])
    # One that is not quantized takes whole numbers, such as an index.
    index = as_input(np.array([[7.0, 0.0]], np.float32), Vector(), TensorSpec((1, 2), "int32"))
    assert (index.dtype, index.tolist()) == (np.int32, [[7, 0]])


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "preprocess", "raw"),
    [
        ("uint8", SCALE, 128, PLAIN, True),
        ("int8", SCALE, 0, PLAIN, True),
        ("uint8", 1 / 255, 0, ImageModality(scale=1 / 255, offset=0.0), True),
        # true zero point 127.5: half a level off
        ("uint8", 1 / 127.5, 128, ImageModality(scale=1 / 127.5, offset=-1.0), True),
        ("uint8", SCALE, 126, PLAIN, False),
        ("uint8", 1.01 / 128, 128, PLAIN, False),
        ("int16", 1 / 32768, 0, PLAIN, False),
        ("float32", 0.0, 0, PLAIN, False),
        ("uint8", 0.0, 0, PLAIN, False),
        # the same by mean and deviation, where all channels are alike
        ("uint8", SCALE, 128, ImageModality(mean=(128.0,) * 3, std=(128.0,) * 3), True),
        ("int8", SCALE, 0, ImageModality(mean=(128.0,) * 3, std=(128.0,) * 3), True),
        ("uint8", SCALE, 126, ImageModality(mean=(128.0,) * 3, std=(128.0,) * 3), False),
        ("uint8", SCALE, 128, ImageModality(mean=(128.0,), std=(128.0,), channels="grey"), True),
        ("uint8", SCALE, 128, ImageModality(mean=(128.0, 128.0, 127.0), std=(128.0,) * 3), False),
        ("int8", 1.0, 0, Vector(), False),
    ],
)
def test_raw_bytes_are_right_only_where_scale_and_zero_point_say_so(
    dtype: str, scale: float, zero_point: int, preprocess: Modality, raw: bool
) -> None:
    assert takes_codes(spec(dtype, scale, zero_point), preprocess) is raw


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_raw_bytes_give_what_the_float_model_gives(
    dtype: str, float_classifier: Path, integer_classifier: Path, tmp_path: Path
) -> None:
    path = integer_classifier
    if dtype == "uint8":
        path = tmp_path / "unsigned.tflite"
        path.write_bytes(take_bytes(integer_classifier.read_bytes(), "uint8", {0: (SCALE, 128)}))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    found = {}
    for name, file in (("float", float_classifier), ("integer", path)):
        loaded = Loaded(file)
        given, made = loaded.signature.inputs["image"], loaded.signature.outputs["scores"]
        raw = loaded.run({"image": as_input(pixels, PLAIN, given)})["scores"]
        found[name] = dequantized(raw, made)
    assert Loaded(path).signature.inputs["image"].dtype == dtype
    assert found["integer"][0] == pytest.approx(found["float"][0], abs=0.02)


def test_quantizing_rounds_half_to_even_and_saturates() -> None:
    values = np.array([-2.0, -1.0, 0.0, 0.5 / 128, 1.5 / 128, 5.0], np.float32)
    assert quantized(values, spec("int8", SCALE, 0)).tolist() == [-128, -128, 0, 0, 2, 127]


@pytest.mark.parametrize(
    ("dtype", "least", "most"), [("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)]
)
def test_levels_saturate_at_the_ends_of_their_integer(dtype: str, least: int, most: int) -> None:
    found = quantized(np.array([-1e9, 1e9, 0.0, 1.0], np.float32), spec(dtype, 0.25, 7))
    assert (found.tolist(), found.dtype) == ([least, most, 7, 11], np.dtype(dtype))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (TensorSpec((3,), "int8", 0.5, 5), [-66.5, 0.0, 61.0]),
        (TensorSpec((3,), "int8"), [-128, 5, 127]),
        (TensorSpec((), "float32"), [-128, 5, 127]),
    ],
)
def test_outputs_are_dequantized_by_scale_and_zero_point(given: TensorSpec, wanted: list[Any]) -> None:
    found = dequantized(np.array([-128, 5, 127], np.int8), given)
    assert (found.tolist(), found.dtype) == (wanted, np.float32)
