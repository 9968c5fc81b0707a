"""Pictures as cameras and apps alter them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.modality import MODALITIES
from tflbuild.modalities.altered_image import Alteration, AlteredImage
from tflbuild.modalities.image.camera import ALTERATIONS, STORED_AS, altered, upright
from tflbuild.modalities.image.files import TURNS
from tflbuild.modalities.image.modality import ImageModality

RNG = np.random.default_rng(3)
PHOTO = np.asarray(Image.fromarray(RNG.integers(0, 256, (3, 4, 3), np.uint8)).resize((30, 21)))


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_stored_picture_is_seen_upright_by_its_orientation(orientation: int) -> None:
    stored = Image.fromarray(altered(PHOTO, STORED_AS[orientation]))
    assert np.array_equal(np.asarray(stored.transpose(TURNS[orientation])), PHOTO)


@pytest.mark.parametrize("how", [*STORED_AS.values(), "jpeg90"])
def test_boxes_follow_the_picture_back(how: str) -> None:
    picture = np.zeros((20, 50, 3), np.uint8)
    picture[4:10, 5:30] = 255  # ymin 0.2, xmin 0.1, ymax 0.5, xmax 0.6
    seen = altered(picture, how)
    rows, columns = np.nonzero(seen[..., 0] > 127)
    height, width = seen.shape[:2]
    box = [
        rows.min() / height,
        columns.min() / width,
        (rows.max() + 1) / height,
        (columns.max() + 1) / width,
    ]
    assert upright(np.array([box], np.float32), how)[0] == pytest.approx([0.2, 0.1, 0.5, 0.6])


def test_colours_in_yuv_are_those_of_bt_601() -> None:
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    # Y 76, U 85 - 128 = -43, V 255 - 128 = 127 (JFIF); back: 76 + 1.402 x 127, ...
    assert altered(red, "yuv420")[0, 0].tolist() == [254, 0, 0]
    # U and V swapped: 76 - 1.402 x 43, 76 - 0.344 x 127 + 0.714 x 43, 76 + 1.772 x 127
    assert altered(red, "yuv420_swapped")[0, 0].tolist() == [16, 63, 255]
    white, black = np.full((2, 2, 3), 255, np.uint8), np.zeros((3, 3, 3), np.uint8)
    assert altered(white, "yuv420_range")[0, 0].tolist() == [235, 235, 235]
    assert altered(black, "yuv420_range")[2, 2].tolist() == [16, 16, 16]


def test_chroma_is_halved_and_brightness_is_not() -> None:
    pair = np.zeros((2, 2, 3), np.uint8)
    pair[:, 0] = (255, 0, 0)
    seen = altered(pair, "yuv420")
    luma = np.asarray(Image.fromarray(seen).convert("YCbCr")).astype(int)
    assert luma[0, 0, 0] > luma[0, 1, 0] + 40
    assert seen[0, 1, 0] > 60, "red bleeds into its neighbour"


def test_less_quality_is_farther_from_the_picture() -> None:
    apart = [np.abs(altered(PHOTO, how).astype(int) - PHOTO).mean() for how in ("jpeg90", "jpeg75", "jpeg50")]
    assert 0 < apart[0] < apart[1] < apart[2]


def test_the_modality_alters_and_is_an_image_otherwise() -> None:
    shape: tuple[int, ...] = (8, 8, 3)
    assert set(Alteration.__args__) == {"none", *ALTERATIONS}  # type: ignore[attr-defined]
    assert MODALITIES.get("altered_image") is AlteredImage
    options: dict[str, Any] = {**ImageModality(channels="bgr").to_json(), "altered": "turned_left"}
    AlteredImage.check_options("", options)
    seen = AlteredImage.of(options).encode(PHOTO, shape)
    wanted = ImageModality(channels="bgr").encode(np.rot90(PHOTO), shape)
    assert np.array_equal(seen.codes, wanted.codes)
    assert seen.geometry == (30, 21)
    plain = AlteredImage().encode(PHOTO, shape)
    assert np.array_equal(plain.codes, ImageModality().encode(PHOTO, shape).codes)
    with pytest.raises(ValueError, match=r"a picture is \(rows, columns, 3\) uint8"):
        AlteredImage(altered="jpeg50").encode(np.zeros(3), shape)
