from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tflbuild.vision.resample import resample


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_without_antialiasing_shrinking_samples_between_the_nearest_two() -> None:
    row = np.array(
        [[[0] * 3, [10] * 3, [20] * 3, [30] * 3, [100] * 3, [200] * 3, [50] * 3, [60] * 3]], np.uint8
    )
    # By hand: 8 to 2 columns, centres at 4 k + 1.5, halfway between columns 1 and 2, 5 and 6.
    shrunk = resample(row, 1, 2, "bilinear", antialias=False)
    assert shrunk[0, :, 0].tolist() == [15, 125]
    averaged = resample(row, 1, 2, "bilinear", antialias=True)
    assert averaged[0, :, 0].tolist() != [15, 125]


def test_cubic_weights_are_keys_at_the_midpoint() -> None:
    row = np.array([[[0] * 3, [160] * 3, [160] * 3, [0] * 3]], np.uint8)
    # By hand: weights -1/16, 9/16, 9/16, -1/16 at the middle, with a = -1/2.
    assert resample(row, 1, 1, "bicubic", antialias=False)[0, 0, 0] == 180


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_enlarging_is_the_same_with_and_without_antialiasing(kernel: str) -> None:
    image = noise(12, 10) // 2 + 64  # room to overshoot: PIL clips after each axis
    with_, without = (resample(image, 30, 40, kernel, antialias=a).astype(int) for a in (True, False))
    assert abs(with_[4:-4, 8:-8] - without[4:-4, 8:-8]).max() <= 1  # PIL rounds after each axis, too
    if kernel == "bilinear":
        assert abs(with_ - without).max() <= 1


def test_nearest_and_box_without_antialiasing_take_the_pixel_at_the_centre() -> None:
    image = noise(60, 90)
    expected = np.asarray(Image.fromarray(image).resize((32, 24), Image.Resampling.NEAREST))
    assert np.array_equal(resample(image, 24, 32, "nearest", antialias=False), expected)
    assert np.array_equal(resample(image, 24, 32, "box", antialias=False), expected)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("kernel", ["nearest", "box", "bilinear", "bicubic"])
def test_a_region_of_whole_pixels_is_a_crop(kernel: str, antialias: bool) -> None:
    image = noise(20, 30)
    part = resample(image, 8, 12, kernel, antialias, (4.0, 6.0, 12.0, 18.0))
    assert np.array_equal(part, image[4:12, 6:18])
