from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tflbuild.modalities.image.resample import resample


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


def test_box_takes_the_later_of_two_pixels_that_are_as_near_as_nearest_does() -> None:
    image = np.random.default_rng(4).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    # Halved, each centre lies between pixels 2 k and 2 k + 1: 1, 3, 5, ... by hand.
    halved = resample(image, 4, 6, "box", antialias=False)
    assert np.array_equal(halved, image[1::2, 1::2])
    assert np.array_equal(halved, resample(image, 4, 6, "nearest"))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("kernel", ["nearest", "box", "bilinear", "bicubic"])
def test_a_region_of_whole_pixels_is_a_crop(kernel: str, antialias: bool) -> None:
    image = noise(20, 30)
    part = resample(image, 8, 12, kernel, antialias, (4.0, 6.0, 12.0, 18.0))
    assert np.array_equal(part, image[4:12, 6:18])


@pytest.mark.parametrize(
    ("size", "region"),
    [((7, 5), None), ((30, 40), None), ((6, 9), (2.25, 3.5, 9.75, 11.0)), ((12, 10), (0.0, 4.2, 12.0, 7.7))],
)
def test_without_antialiasing_bilinear_is_scipys_interpolation(
    size: tuple[int, int], region: tuple[float, float, float, float] | None
) -> None:
    image = noise(12, 16)
    top, left, bottom, right = region or (0.0, 0.0, 12.0, 16.0)
    y = top + (np.arange(size[0]) + 0.5) * (bottom - top) / size[0] - 0.5
    x = left + (np.arange(size[1]) + 0.5) * (right - left) / size[1] - 0.5
    grid = np.meshgrid(y, x, indexing="ij")
    found = resample(image, *size, "bilinear", antialias=False, region=region)
    for channel in range(3):
        wanted = ndimage.map_coordinates(image[..., channel].astype(float), grid, order=1, mode="nearest")
        assert np.abs(found[..., channel] - wanted).max() <= 0.51


def test_cubic_weights_are_keys_at_a_quarter() -> None:
    # Keys 1981, a = -1/2, at a quarter between the second and the third of four: -9, 111, 29 and -3 of 128.
    for place, weight in enumerate((-9, 111, 29, -3)):
        row = np.full((1, 4, 3), 100, np.uint8)
        row[0, place] = 228  # 128 above the rest
        # the pixel of a region of width 1 around 1.75 has its centre at 1.75 - 0.5 = 1.25
        pixel = resample(row, 1, 1, "bicubic", False, (0.0, 1.25, 1.0, 2.25))[0, 0, 0]
        assert pixel == 100 + weight


def test_cubic_overshoot_is_cut_at_black_and_white() -> None:
    row = np.array([[[0] * 3, [255] * 3, [255] * 3, [0] * 3]], np.uint8)
    assert resample(row, 1, 1, "bicubic", antialias=False)[0, 0, 0] == 255  # 9/8 of white
    assert resample(255 - row, 1, 1, "bicubic", antialias=False)[0, 0, 0] == 0


@pytest.mark.parametrize("kernel", ["nearest", "box", "bilinear", "bicubic"])
def test_a_region_with_antialiasing_is_pils(kernel: str) -> None:
    image = noise(20, 30)
    region = (2.5, 3.0, 17.25, 28.5)
    box = (region[1], region[0], region[3], region[2])
    wanted = Image.fromarray(image).resize((7, 5), Image.Resampling[kernel.upper()], box=box)
    assert np.array_equal(resample(image, 5, 7, kernel, antialias=True, region=region), np.asarray(wanted))
