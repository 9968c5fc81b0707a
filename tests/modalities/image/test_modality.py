from __future__ import annotations

import json
import re
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.image.geometry import Placement
from tflbuild.modalities.image.modality import ImageModality


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


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        # resize_to_range of the Object Detection API, by hand: the long side becomes 16, the other one its share of it
        ((20, 40), Placement(0, 0, 8, 16)),
        ((40, 20), Placement(0, 0, 16, 8)),
        ((30, 47), Placement(0, 0, 10, 16)),  # 10.2
        ((7, 7), Placement(0, 0, 16, 16)),
    ],
)
def test_a_letterbox_of_the_corner_is_placed_at_the_top_left(
    image: tuple[int, int], expected: Placement
) -> None:
    block = ImageModality(aspect="letterbox_corner")
    assert block.placement(*image, 16, 16) == expected
    pixels = block.pixels(np.full((*image, 3), 255, np.uint8), 16, 16)
    assert (pixels[: expected.height, : expected.width] == 255).all()
    assert (pixels[expected.height :] == 128).all()
    assert (pixels[:, expected.width :] == 128).all()


def test_a_very_thin_image_keeps_at_least_one_pixel() -> None:
    assert ImageModality(aspect="letterbox").placement(1, 1000, 16, 16) == Placement(7, 0, 1, 16)


@pytest.mark.parametrize("aspect", ["letterbox", "letterbox_corner"])
@pytest.mark.parametrize("shape", [(480, 640), (320, 240), (97, 311), (50, 50)])
def test_boxes_come_back_from_the_letterbox(
    shape: tuple[int, int], aspect: Literal["letterbox", "letterbox_corner"]
) -> None:
    block = ImageModality(aspect=aspect)
    rng = np.random.default_rng(1)
    corners = np.sort(rng.random((50, 2, 2)), axis=1).astype(np.float32)
    boxes = corners.reshape(50, 4)
    placed = block.place(boxes, *shape, 96, 128)
    np.testing.assert_allclose(block.unplace(placed, *shape, 96, 128), boxes, atol=1e-6)


@pytest.mark.parametrize("aspect", ["letterbox", "letterbox_corner"])
def test_placed_boxes_lie_where_the_object_went(aspect: Literal["letterbox", "letterbox_corner"]) -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[20:60, 50:150] = 255
    block = ImageModality(aspect=aspect)
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


BY_CHANNEL = {"mean": (0.0, 100.0, 200.0), "std": (1.0, 2.0, 4.0)}


@pytest.mark.parametrize(
    ("options", "values"),
    [
        # By hand, of a pixel of 120 in each channel.
        (BY_CHANNEL, [120.0, 10.0, -20.0]),
        ({**BY_CHANNEL, "channels": "bgr"}, [120.0, 10.0, -20.0]),
        ({"mean": (0.0, 100.0, 200.0)}, [120.0, 20.0, -80.0]),
        ({"std": (1.0, 2.0, 4.0)}, [120.0, 60.0, 30.0]),
        ({**BY_CHANNEL, "scale": 7.0, "offset": 7.0}, [120.0, 10.0, -20.0]),  # which have no say then
        ({"mean": (20.0,), "std": (50.0,), "channels": "grey"}, [2.0]),
    ],
)
def test_every_channel_has_its_mean_and_its_deviation(options: Any, values: list[float]) -> None:
    codes = np.full((2, 4, 4, len(values)), 120, np.uint8)
    found = ImageModality(**options).values(codes)
    assert (found.dtype, found.shape) == (np.float32, codes.shape)
    np.testing.assert_allclose(found[1, 3, 2], values, rtol=1e-6)


def test_blue_has_its_own_mean_where_it_comes_first() -> None:
    """Caffe's means, of blue, green and red: a picture of that colour is worth nothing."""
    caffe = ImageModality(channels="bgr", mean=(104.0, 117.0, 124.0))
    picture = np.full((5, 7, 3), (124, 117, 104), np.uint8)
    assert not caffe.values(caffe.encode(picture, (4, 4, 3)).codes).any()


@pytest.mark.parametrize(
    ("options", "quantization", "limits"),
    [
        # By hand: black is 0, -50 and -50, white 255, 77.5 and 13.75.
        (BY_CHANNEL, None, (-50.0, 255.0)),
        ({"mean": (1.0, 1.0, 2.0)}, None, (-2.0, 254.0)),
        ({"mean": (128.0,) * 3, "std": (128.0,) * 3}, (1 / 128, 128), (-1.0, 127 / 128)),
        ({"mean": (100.0,) * 3}, (1.0, 100), (-100.0, 155.0)),
        ({"std": (255.0,) * 3}, (1 / 255, 0), (0.0, 1.0)),
        ({"mean": (128.0,), "std": (128.0,), "channels": "grey"}, (1 / 128, 128), (-1.0, 127 / 128)),
    ],
)
def test_one_scale_and_zero_point_are_given_where_all_channels_are_alike(
    options: Any, quantization: Any, limits: tuple[float, float]
) -> None:
    block = ImageModality(**options)
    assert block.quantization() == quantization
    assert block.limits() == pytest.approx(limits)


def test_the_shift_is_that_of_mean_and_deviation() -> None:
    # By hand: 127.5 is no integer: half of 1 / 127.5 is left over.
    assert ImageModality(mean=(127.5,) * 3, std=(127.5,) * 3).shift == pytest.approx(0.5 / 127.5)
    assert ImageModality(mean=(128.0,) * 3, std=(128.0,) * 3).shift == 0


def test_grey_is_pils() -> None:
    image = noise(61, 47)
    block = ImageModality(channels="grey")
    found = block.pixels(image, 61, 47)
    assert found.shape == (61, 47, 1)
    assert np.array_equal(found[..., 0], np.asarray(Image.fromarray(image).convert("L")))
    resized = Image.fromarray(image).resize((32, 24), Image.Resampling.BILINEAR)
    encoded = block.encode(image, (24, 32, 1))
    assert np.array_equal(encoded.codes[..., 0], np.asarray(resized.convert("L")))
    assert encoded.codes.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("image", "shape", "crop", "part"),
    [
        # By hand: top, left, height and width of what is cut out.
        ((10, 21), (8, 8), 1.0, (0, 5, 10, 10)),
        ((21, 10), (8, 8), 1.0, (5, 0, 10, 10)),
        ((9, 9), (4, 8), 1.0, (2, 0, 5, 9)),  # 4.5 rows are 5
        ((9, 9), (8, 4), 1.0, (0, 2, 9, 5)),
        ((6, 9), (6, 9), 1.0, (0, 0, 6, 9)),
        ((1, 100), (8, 8), 1.0, (0, 49, 1, 1)),
        ((256, 256), (224, 224), 0.875, (16, 16, 224, 224)),
        ((101, 67), (32, 32), 0.875, (21, 4, 59, 59)),  # 58.6 of 67
        ((30, 41), (10, 20), 0.5, (10, 10, 10, 21)),  # of 20.5 x 41 half: 10.25 and 20.5
        ((3, 3), (8, 8), 0.1, (1, 1, 1, 1)),
    ],
)
@pytest.mark.parametrize("kernel", ["bilinear", "nearest"])
def test_a_centred_crop_is_the_largest_middle_part_of_the_inputs_shape(
    image: tuple[int, int], shape: tuple[int, int], crop: float, part: tuple[int, ...], kernel: Any
) -> None:
    picture = noise(*image)
    block = ImageModality(aspect="center_crop", crop=crop, resize=kernel)
    assert block.seen(*image, *shape) == part
    top, left, height, width = part
    cut = Image.fromarray(picture).crop((left, top, left + width, top + height))
    wanted = cut.resize(shape[::-1], Image.Resampling[kernel.upper()])
    assert np.array_equal(block.pixels(picture, *shape), np.asarray(wanted))


def test_boxes_of_a_centred_crop_are_placed_in_what_is_seen_and_back() -> None:
    # By hand: 10 x 20 into a square shows columns 5 to 15; with half of each side rows 2 to 7 and columns 7 to 12.
    block = ImageModality(aspect="center_crop")
    boxes = np.array([[0.2, 0.25, 0.8, 0.75], [0.0, 0.0, 0.5, 0.5], [0, 0.8, 1, 1]], np.float32)
    placed = block.place(boxes, 10, 20, 8, 8)
    np.testing.assert_allclose(placed, [[0.2, 0, 0.8, 1], [0, -0.5, 0.5, 0.5], [0, 1.1, 1, 1.5]], atol=1e-6)
    np.testing.assert_allclose(block.unplace(placed, 10, 20, 8, 8), boxes, atol=1e-6)
    half = ImageModality(aspect="center_crop", crop=0.5)
    whole = np.array([[0, 0, 1, 1]], np.float32)
    np.testing.assert_allclose(half.unplace(whole, 10, 20, 8, 8), [[0.2, 0.35, 0.7, 0.6]], atol=1e-6)
    np.testing.assert_allclose(
        half.unplace(np.array([[-9, -9, 9, 9]], np.float32), 10, 20, 8, 8), whole, atol=1e-6
    )


@settings(deadline=None, derandomize=True, max_examples=60)
@given(SIDES, SIDES, st.integers(1, 320), st.integers(1, 320), st.floats(0.05, 1.0))
def test_a_centred_crop_has_the_inputs_shape_lies_in_the_middle_and_gives_boxes_back(
    rows: int, columns: int, height: int, width: int, crop: float
) -> None:
    block = ImageModality(aspect="center_crop", crop=crop)
    top, left, down, across = block.seen(rows, columns, height, width)
    zoom = crop * min(rows / height, columns / width)
    assert down == pytest.approx(max(1, height * zoom), abs=0.5001)
    assert across == pytest.approx(max(1, width * zoom), abs=0.5001)
    assert rows - down - top - top in (0, 1)
    assert columns - across - left - left in (0, 1)
    part = np.array([[top / rows, left / columns, (top + down) / rows, (left + across) / columns]])
    np.testing.assert_allclose(block.place(part, rows, columns, height, width), [[0, 0, 1, 1]], atol=1e-6)
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]], np.float32)
    placed = block.place(boxes, rows, columns, height, width)
    # What is seen may be one of 700 pixels: what float32 keeps of a box is then worth 1e-4 of the image.
    np.testing.assert_allclose(block.unplace(placed, rows, columns, height, width), boxes, atol=1e-4)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_letterbox_is_filled_by_channel_with_what_the_model_takes_for_nothing(channels: Any) -> None:
    """Means are in the order of the channels, whichever it is."""
    block = ImageModality(
        aspect="letterbox", channels=channels, mean=(10.0, 100.0, 200.0), std=(3.0, 2.0, 1.0)
    )
    codes = block.encode(np.full((8, 8, 3), 55, np.uint8), (8, 16, 3)).codes
    assert codes[0, 0].tolist() == [10, 100, 200]
    assert codes[7, 15].tolist() == [10, 100, 200]
    assert codes[4, 8].tolist() == [55, 55, 55]
    assert np.abs(block.values(codes)[:, :4]).max() < 1e-6
    assert block.fill == ((10, 100, 200) if channels == "rgb" else (200, 100, 10))


def test_a_letterbox_of_one_channel_is_filled_with_its_mean() -> None:
    block = ImageModality(aspect="letterbox", channels="grey", mean=(77.0,), std=(3.0,))
    codes = block.encode(np.full((8, 8, 3), 200, np.uint8), (8, 16, 1)).codes
    assert codes[:, [0, 15]].ravel().tolist() == [77] * 16
    assert codes[0, 8].tolist() == [200]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"aspect": "center_crop", "crop": 0.875},
        {"aspect": "center_crop"},
        BY_CHANNEL,
        {"channels": "grey", "mean": (1.0,), "std": (2.0,)},
    ],
)
def test_options_that_fit_together_are_taken(options: Any) -> None:
    ImageModality(**options).check()
    ImageModality.check_options("preprocess.", json.loads(json.dumps(ImageModality(**options).to_json())))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"crop": 0.875}, "crop: 0.875 has no effect with aspect=stretch; set aspect=center_crop"),
        (
            {"crop": 0.5, "aspect": "letterbox"},
            "crop: 0.5 has no effect with aspect=letterbox; set aspect=center_crop",
        ),
        ({"mean": (1.0,)}, "mean: [1.0] has 1 numbers; channels=rgb wants 3"),
        ({"mean": (1.0, 2.0), "channels": "bgr"}, "mean: [1.0, 2.0] has 2 numbers; channels=bgr wants 3"),
        (
            {"std": (1.0, 2.0, 3.0), "channels": "grey"},
            "std: [1.0, 2.0, 3.0] has 3 numbers; channels=grey wants 1",
        ),
    ],
)
def test_options_that_contradict_one_another_are_refused(options: Any, said: str) -> None:
    block = ImageModality(**options)
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        block.check()
    with pytest.raises(ValueError, match=rf"^preprocess\.{re.escape(said)}$"):
        ImageModality.check_options("preprocess.", block.to_json())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale": 0}, "'preprocess.scale' is 0"),
        ({"crop": 0}, "'preprocess.crop' is 0"),
        ({"crop": 1.5}, "'preprocess.crop' is 1.5"),
        ({"aspect": "squeeze"}, "'preprocess.aspect' is 'squeeze'"),
        ({"channels": "gray"}, "'preprocess.channels' is 'gray'"),
        ({"mean": 1.0}, "'preprocess.mean' is 1.0"),
        ({"mean": []}, "'preprocess.mean' is []"),
        ({"mean": [0, 0, float("nan")]}, "'preprocess.mean' is [0, 0, nan]"),
        ({"mean": [0, 0, 0, 0]}, "'preprocess.mean' is [0, 0, 0, 0]"),
        ({"std": [1, 1, 0]}, "'preprocess.std' is [1, 1, 0]"),
        ({"std": [1, True, 1]}, "'preprocess.std' is [1, True, 1]"),
        ({"median": 1}, "'preprocess.median' is unknown to this version of tflbuild"),
    ],
)
def test_options_of_a_file_that_make_no_sense_are_refused(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        ImageModality.check_options("preprocess.", options)


@pytest.mark.parametrize(
    ("options", "rare"),
    [
        ({"aspect": "center_crop"}, {}),
        ({"aspect": "center_crop", "crop": 0.875}, {"crop": 0.875}),
        (BY_CHANNEL, {"mean": [0.0, 100.0, 200.0], "std": [1.0, 2.0, 4.0]}),
        ({"std": (2.0,) * 3}, {"std": [2.0, 2.0, 2.0]}),
    ],
)
def test_what_only_some_models_need_is_said_where_it_is_needed(options: Any, rare: dict[str, Any]) -> None:
    """Options of earlier runs and files stay as they were."""
    block = ImageModality(**options)
    said = json.loads(json.dumps(block.to_json()))
    assert {key: said[key] for key in ("crop", "mean", "std") if key in said} == rare
    assert ImageModality.of(said) == block


@pytest.mark.parametrize(
    ("shape", "refused"),
    [
        ((1, 8, 8, 3), False),
        ((-1, 8, 8, 3), False),
        ((1, 12, 16, 1), False),
        ((1, 192), True),
        ((1, 8, 8, 4), True),
        ((1, 3, 8, 8), True),
        ((1, -1, -1, 3), True),
        ((2, 4, 8, 3), True),
    ],
)
def test_a_tensor_that_takes_no_picture_is_told(shape: tuple[int, ...], refused: bool) -> None:
    spec = TensorSpec(shape, "float32")
    said = f"it is {spec.text}, and a picture is (1, height, width, 3) or (1, height, width, 1)"
    assert ImageModality().refusal(spec) == (said if refused else "")


def test_a_picture_keeps_its_size_to_undo_the_geometry() -> None:
    encoded = ImageModality().encode(noise(5, 9), (4, 8, 3))
    assert (encoded.codes.shape, encoded.codes.dtype, encoded.geometry) == ((4, 8, 3), np.uint8, (5, 9))


@pytest.mark.parametrize(
    ("options", "sample", "channels", "said"),
    [
        (
            {},
            np.zeros((4, 4), np.uint8),
            3,
            "a picture is (rows, columns, 3) uint8, and this is (4, 4) uint8",
        ),
        (
            {},
            np.zeros((4, 4, 4), np.uint8),
            3,
            "a picture is (rows, columns, 3) uint8, and this is (4, 4, 4) uint8",
        ),
        (
            {},
            np.zeros((4, 6, 3), np.float32),
            3,
            "a picture is (rows, columns, 3) uint8, and this is (4, 6, 3) float32",
        ),
        ({}, "a.png", 3, "a picture is (rows, columns, 3) uint8, and this is a.png"),
        (
            {},
            noise(4, 4),
            1,
            "the input has 1 channel, and preprocess.channels is rgb; set preprocess.channels=grey",
        ),
        (
            {"channels": "grey"},
            noise(4, 4),
            3,
            "the input has 3 channels, and preprocess.channels is grey; set preprocess.channels=rgb",
        ),
    ],
)
def test_a_sample_that_is_no_picture_for_this_input_is_refused(
    options: Any, sample: Any, channels: int, said: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        ImageModality(**options).encode(sample, (8, 8, channels))


def test_a_picture_is_described_by_its_size() -> None:
    assert ImageModality().plain(noise(4, 6)) == "a picture of 6 x 4 pixels"
    assert ImageModality().plain(np.zeros((4, 6), np.float32)) == "(4, 6) float32"
