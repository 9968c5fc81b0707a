from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tflbuild.modalities.image.modality import ImageModality, Placement


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_default_maps_bytes_to_minus_one_and_just_below_one() -> None:
    values = ImageModality().values(np.array([[[0, 128, 255]]], np.uint8))
    assert values.dtype == np.float32
    assert values.ravel().tolist() == [-1.0, 0.0, 127 / 128]  # by hand: pixel / 128 - 1


def test_the_default_is_exactly_zero_point_128() -> None:
    assert ImageModality().quantization() == (1 / 128, 128)
    assert ImageModality().shift == 0


@pytest.mark.parametrize(
    ("scale", "offset", "zero_point", "shift"),
    [
        (1 / 255, 0.0, 0, 0.0),
        (1 / 127.5, -1.0, 128, -1.0 + 128 / 127.5),  # 127.5 is no integer: half a step is left over
        (1.0, -300.0, 255, -45.0),  # outside 0..255
        (1.0, 10.0, 0, 10.0),
    ],
)
def test_what_no_zero_point_can_say_is_the_shift(
    scale: float, offset: float, zero_point: int, shift: float
) -> None:
    block = ImageModality(scale=scale, offset=offset)
    assert block.quantization() == (scale, zero_point)
    assert block.shift == pytest.approx(shift)


@pytest.mark.parametrize(
    ("kernel", "pil"),
    [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC"), ("box", "BOX"), ("nearest", "NEAREST")],
)
def test_antialiased_kernels_are_pils(kernel: str, pil: str) -> None:
    image = noise(60, 90)
    expected = np.asarray(Image.fromarray(image).resize((32, 24), Image.Resampling[pil]))
    assert np.array_equal(ImageModality(resize=kernel).pixels(image, 24, 32), expected)


def test_stretching_fills_the_input_and_keeps_boxes() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    assert ImageModality().pixels(noise(10, 40), 16, 16).shape == (16, 16, 3)
    assert np.array_equal(ImageModality().place(boxes, 10, 40, 16, 16), boxes)


def test_letterboxing_keeps_the_shape_and_pads_with_a_value_near_zero() -> None:
    white = np.full((20, 40, 3), 255, np.uint8)
    pixels = ImageModality(aspect="letterbox").pixels(white, 16, 16)
    # By hand: 40 x 20 into 16 x 16 is 16 x 8, 4 rows above and below.
    assert (pixels[:4] == 128).all()
    assert (pixels[4:12] == 255).all()
    assert (pixels[12:] == 128).all()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ((20, 40), Placement(4, 0, 8, 16)),
        ((40, 20), Placement(0, 4, 16, 8)),
        ((7, 7), Placement(0, 0, 16, 16)),
    ],
)
def test_a_letterbox_is_placed_in_the_middle(image: tuple[int, int], expected: Placement) -> None:
    assert ImageModality(aspect="letterbox").placement(*image, 16, 16) == expected


def test_a_very_thin_image_keeps_at_least_one_pixel() -> None:
    assert ImageModality(aspect="letterbox").placement(1, 1000, 16, 16) == Placement(7, 0, 1, 16)


@pytest.mark.parametrize("shape", [(480, 640), (320, 240), (97, 311), (50, 50)])
def test_boxes_come_back_from_the_letterbox(shape: tuple[int, int]) -> None:
    block = ImageModality(aspect="letterbox")
    rng = np.random.default_rng(1)
    corners = np.sort(rng.random((50, 2, 2)), axis=1).astype(np.float32)
    boxes = corners.reshape(50, 4)
    placed = block.place(boxes, *shape, 96, 128)
    np.testing.assert_allclose(block.unplace(placed, *shape, 96, 128), boxes, atol=1e-6)


def test_placed_boxes_lie_where_the_object_went() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[20:60, 50:150] = 255
    block = ImageModality(aspect="letterbox")
    box = block.place(np.array([[0.2, 0.25, 0.6, 0.75]], np.float32), 100, 200, 64, 64)[0] * 64
    rows, columns = np.nonzero(block.pixels(image, 64, 64)[..., 0] > 200)
    np.testing.assert_allclose(box, [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], atol=1.0)


def test_boxes_that_reach_into_the_padding_are_clipped() -> None:
    undone = ImageModality(aspect="letterbox").unplace(np.array([[0, 0, 1, 1]], np.float32), 20, 40, 16, 16)
    assert undone.tolist() == [[0, 0, 1, 1]]


def test_bgr_turns_the_channels_round() -> None:
    image = noise(8, 8)
    assert np.array_equal(
        ImageModality(channels="bgr").pixels(image, 8, 8), ImageModality().pixels(image, 8, 8)[..., ::-1]
    )


def test_every_option_goes_through_its_mapping() -> None:
    block = ImageModality(
        resize="box", antialias=False, aspect="letterbox", channels="bgr", scale=2.0, offset=1.0
    )
    assert ImageModality.of(block.to_json()) == block
    assert ImageModality.of({}) == ImageModality()


def test_what_a_recipe_that_says_nothing_gets() -> None:
    assert ImageModality().to_json() == {
        "resize": "bilinear",
        "antialias": True,
        "aspect": "stretch",
        "channels": "rgb",
        "scale": 1 / 128,
        "offset": -1.0,
    }


@pytest.mark.parametrize(
    ("scale", "offset", "black", "white"),
    [
        (1 / 128, -1.0, -1.0, 127 / 128),
        (1 / 255, 0.0, 0.0, 1.0),
        (1.0, -300.0, -255.0, 0.0),  # what no zero point can say is left out
        (2.0, 10.0, 0.0, 510.0),
    ],
)
def test_black_and_white_as_a_uint8_input_expresses_them(
    scale: float, offset: float, black: float, white: float
) -> None:
    assert ImageModality(scale=scale, offset=offset).limits() == pytest.approx((black, white))


SIDES = st.integers(1, 700)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(SIDES, SIDES, st.integers(1, 320), st.integers(1, 320))
def test_a_letterbox_fills_one_axis_keeps_the_shape_and_lies_in_the_middle(
    rows: int, columns: int, height: int, width: int
) -> None:
    place = ImageModality(aspect="letterbox").placement(rows, columns, height, width)
    zoom = min(height / rows, width / columns)
    assert place.height == pytest.approx(max(1, rows * zoom), abs=0.5001)
    assert place.width == pytest.approx(max(1, columns * zoom), abs=0.5001)
    assert place.height == height or place.width == width
    below, right = height - place.height - place.top, width - place.width - place.left
    assert below - place.top in (0, 1)
    assert right - place.left in (0, 1)


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        # By hand, into 10 x 16: 5 x 7 fills the height: 14 columns.
        ((5, 7), Placement(0, 1, 10, 14)),
        ((3, 5), Placement(0, 0, 10, 16)),  # 9.6 rows are 10
        ((5, 16), Placement(2, 0, 5, 16)),
        ((9, 32), Placement(2, 0, 5, 16)),  # 4.5 rows are 5
        ((4, 5), Placement(0, 1, 10, 13)),  # 12.5 columns are 13
        ((2, 9), Placement(3, 0, 4, 16)),  # 3.56 rows are 4
    ],
)
def test_a_letterbox_rounds_half_a_pixel_up(shape: tuple[int, int], place: Placement) -> None:
    assert ImageModality(aspect="letterbox").placement(*shape, 10, 16) == place


@settings(deadline=None, derandomize=True, max_examples=40)
@given(SIDES, SIDES, st.integers(1, 320), st.integers(1, 320), st.sampled_from(["stretch", "letterbox"]))
def test_boxes_come_back_from_every_input(
    rows: int, columns: int, height: int, width: int, aspect: str
) -> None:
    block = ImageModality(aspect=aspect)  # type: ignore[arg-type]
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [0.5, 0, 0.6, 0.01]], np.float32)
    placed = block.place(boxes, rows, columns, height, width)
    assert placed.dtype == np.float32
    # A letterbox may be a single pixel of 320: what float32 keeps of it is worth 1e-4 of the image.
    np.testing.assert_allclose(block.unplace(placed, rows, columns, height, width), boxes, atol=1e-4)
    place = block.placement(rows, columns, height, width)
    whole = [place.top, place.left, place.top + place.height, place.left + place.width]
    np.testing.assert_allclose(placed[0] * [height, width, height, width], whole, atol=1e-3)


@pytest.mark.parametrize(
    ("scale", "offset", "fill"), [(1 / 255, 0.0, 0), (1 / 127.5, -1.0, 128), (1.0, -114.8, 115)]
)
def test_a_letterbox_is_filled_with_what_the_model_takes_for_nothing(
    scale: float, offset: float, fill: int
) -> None:
    block = ImageModality(aspect="letterbox", scale=scale, offset=offset)
    assert block.pixels(np.full((8, 8, 3), 200, np.uint8), 8, 16)[0, 0].tolist() == [fill] * 3


def test_a_tall_image_lies_between_bars_on_both_sides() -> None:
    image = noise(8, 4)
    pixels = ImageModality(aspect="letterbox", resize="nearest", channels="bgr").pixels(image, 8, 10)
    assert np.array_equal(pixels[:, 3:7], image[..., ::-1])
    assert (pixels[:, :3] == 128).all()
    assert (pixels[:, 7:] == 128).all()
    assert pixels.flags["C_CONTIGUOUS"]
