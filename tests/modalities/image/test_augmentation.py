from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.modalities.image.augment import Augment, Colour, Crop, ZoomOut
from tflbuild.modalities.image.augmentation import apply
from tflbuild.modalities.image.modality import ImageModality

PLAIN = Augment(
    crop=Crop(probability=0),
    zoom_out=ZoomOut(probability=0),
    colour=Colour(brightness=0, contrast=0, saturation=0, hue=0),
)
NO_BOXES = np.zeros((0, 4), np.float32)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give a grey image with a red square of label 3."""
    image = np.full((120, 160, 3), 100, np.uint8)
    image[40:80, 60:120] = (255, 0, 0)
    return image, np.array([[40 / 120, 60 / 160, 80 / 120, 120 / 160]], np.float32), np.array([3], np.int32)


def red(pixels: np.ndarray) -> np.ndarray:
    """Find the red square: ymin, xmin, ymax, xmax in pixels."""
    rows, columns = np.nonzero((pixels[..., 0] > 170) & (pixels[..., 1] < 60))
    return np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])


@pytest.mark.parametrize("aspect", ["stretch", "letterbox", "center_crop"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        replace(PLAIN, flip=True),
        replace(PLAIN, crop=Crop(probability=1.0, min_area=0.2)),
        replace(PLAIN, zoom_out=ZoomOut(probability=1.0, max_scale=2.0)),
        replace(PLAIN, flip=True, crop=Crop(probability=0.5), zoom_out=ZoomOut(probability=0.5)),
    ],
    ids=["flip", "crop", "zoom_out", "all"],
)
def test_boxes_follow_the_pixels(options: Augment, antialias: bool, aspect: str) -> None:
    preprocess = ImageModality(aspect=aspect, antialias=antialias)
    seen = 0
    for seed in range(24):
        pixels, boxes, labels = apply(options, *scene(), np.random.default_rng(seed), 96, 96, preprocess)
        assert pixels.shape == (96, 96, 3)
        assert pixels.dtype == np.uint8
        assert boxes.dtype == np.float32
        assert len(boxes) == len(labels)
        if len(boxes):
            seen += 1
            np.testing.assert_allclose(boxes[0] * 96, red(pixels), atol=1.6)
    assert seen >= 16


def test_a_box_whose_centre_leaves_is_dropped_and_others_are_clipped() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 0.2, 0.2], [0.3, 0.3, 0.7, 0.7], [0.8, 0.8, 1, 1]], np.float32)
    options = replace(PLAIN, crop=Crop(probability=1.0, min_area=0.2, min_overlap=(0.1,)))
    kept = set()
    for seed in range(100):
        result = apply(
            options,
            image,
            boxes,
            np.arange(3, dtype=np.int32),
            np.random.default_rng(seed),
            96,
            96,
            ImageModality(),
        )
        assert ((result.boxes >= 0) & (result.boxes <= 1)).all()
        assert (result.boxes[:, 2:] > result.boxes[:, :2]).all()
        kept.add(tuple(result.labels.tolist()))
    assert {(0, 1), (1, 2), (1,)} & kept
    assert (0, 1, 2) not in kept or len(kept) > 1


def test_the_same_generator_gives_the_same_example() -> None:
    one, two = (
        apply(Augment(flip=True), *scene(), np.random.default_rng(7), 64, 64, ImageModality())
        for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_switched_off_it_is_preprocessing_alone() -> None:
    image, boxes, labels = scene()
    block = ImageModality(aspect="letterbox", channels="bgr")
    result = apply(Augment(enabled=False), image, boxes, labels, np.random.default_rng(0), 64, 48, block)
    assert np.array_equal(result.pixels, block.pixels(image, 64, 48))
    np.testing.assert_allclose(result.boxes, block.place(boxes, 120, 160, 64, 48), atol=1e-6)


def test_half_of_the_images_are_mirrored() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 64, axis=0).repeat(3, axis=2)
    mirrored = sum(
        bool(
            apply(
                replace(PLAIN, flip=True),
                ramp,
                NO_BOXES,
                np.array([0], np.int32),
                np.random.default_rng(seed),
                64,
                64,
                ImageModality(),
            ).pixels[0, 0, 0]
            > 128
        )
        for seed in range(200)
    )
    assert 70 < mirrored < 130  # 100 expected, standard deviation 7


def test_images_that_hold_a_class_with_a_direction_are_never_mirrored() -> None:
    image, boxes, labels = scene()
    for seed in range(30):
        result = apply(
            replace(PLAIN, flip=True),
            image,
            boxes,
            labels,
            np.random.default_rng(seed),
            120,
            160,
            ImageModality(),
            unflippable={3},
        )
        assert np.array_equal(result.pixels, image)


def test_classification_keeps_its_label_whatever_is_cropped() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    for seed in range(30):
        result = apply(
            Augment(crop=Crop(probability=1.0, min_area=0.1)),
            image,
            NO_BOXES,
            np.array([5], np.int32),
            np.random.default_rng(seed),
            32,
            32,
            ImageModality(),
        )
        assert result.labels.tolist() == [5]
        assert result.boxes.shape == (0, 4)


def test_an_image_without_objects_stays_without() -> None:
    image = np.zeros((50, 70, 3), np.uint8)
    for seed in range(10):
        result = apply(
            Augment(),
            image,
            NO_BOXES,
            np.zeros(0, np.int32),
            np.random.default_rng(seed),
            32,
            32,
            ImageModality(),
        )
        assert result.boxes.shape == (0, 4)
        assert result.labels.shape == (0,)


def test_grey_has_no_hue_to_turn() -> None:
    grey = np.full((8, 8, 3), 90, np.uint8)
    options = replace(PLAIN, colour=Colour(brightness=0, contrast=0, saturation=0.9, hue=0.5))
    pixels = apply(
        options, grey, NO_BOXES, np.zeros(0, np.int32), np.random.default_rng(3), 8, 8, ImageModality()
    )[0]
    assert abs(pixels.astype(int) - 90).max() <= 1


ONE = np.array([0], np.int32)


def recoloured(image: Any, colour: Colour, rng: Any) -> Any:
    pixels = np.array(image, np.uint8)
    height, width = pixels.shape[:2]
    options = replace(PLAIN, colour=colour)
    return apply(options, pixels, NO_BOXES, ONE, rng, height, width, ImageModality()).pixels


def only(**changed: float) -> Colour:
    return Colour(**{**dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0), **changed})


@pytest.mark.parametrize(
    ("draw", "shift"), [(0.0, -25.5), (0.25, -12.75), (0.5, 0.0), (0.75, 12.75), (0.9999999, 25.5)]
)
def test_brightness_is_shifted_by_a_fraction_of_white(
    draws: Callable[..., Any], draw: float, shift: float
) -> None:
    image = np.full((4, 4, 3), (60, 130, 200), np.uint8)
    pixels = recoloured(image, only(brightness=0.1), draws(brightness=draw))
    assert np.abs(pixels - (image + shift)).max() <= 1


def stripes() -> np.ndarray:
    """Give an image of which three quarters are 20 and one is 100: its mean is 40."""
    image = np.full((16, 16, 3), 20, np.uint8)
    image[:, 12:] = 100
    return image


@pytest.mark.parametrize(("draw", "dark", "bright"), [(0.9999999, 10, 130), (0.0, 30, 70), (0.5, 20, 100)])
def test_contrast_is_changed_around_the_images_own_mean(
    draws: Callable[..., Any], draw: float, dark: int, bright: int
) -> None:
    # By hand: 40 + 1.5 x (20 - 40) = 10 and 40 + 1.5 x (100 - 40) = 130; with half, 30 and 70.
    pixels = recoloured(stripes(), only(contrast=0.5), draws(contrast=draw)).astype(int)
    assert np.abs(pixels[:, :12] - dark).max() <= 1
    assert np.abs(pixels[:, 12:] - bright).max() <= 1


@pytest.mark.parametrize(("draw", "factor"), [(0.9999999, 1.5), (0.0, 0.5), (0.75, 1.25)])
def test_saturation_is_a_colours_distance_from_its_grey(
    draws: Callable[..., Any], draw: float, factor: float
) -> None:
    # By hand: the luma of (160, 100, 60) by ITU-R BT.601 is 0.299 x 160 + 0.587 x 100 + 0.114 x 60 = 113.38.
    colour, luma = np.array([160, 100, 60]), 113.38
    pixels = recoloured(np.full((4, 4, 3), colour), only(saturation=0.5), draws(saturation=draw))
    assert np.abs(pixels[0, 0] - (luma + factor * (colour - luma))).max() <= 1.5


@pytest.mark.parametrize(
    ("largest", "draw", "colour"),
    [
        # By hand, in YIQ: (180, 100, 100) has Y 123.92, I 47.68, Q 16.88.
        (0.25, 0.9999999, (137, 98, 224)),  # a quarter turn: I -16.88, Q 47.68
        (0.25, 0.0, (110, 150, 24)),  # the other way: I 16.88, Q -47.68
        (0.5, 0.9999999, (68, 148, 148)),  # half a turn: I -47.68, Q -16.88
        (0.5, 0.75, (137, 98, 224)),  # half of half a turn
        (0.5, 0.5, (180, 100, 100)),
    ],
)
def test_hue_is_turned_by_a_fraction_of_the_circle(
    draws: Callable[..., Any], largest: float, draw: float, colour: tuple[int, ...]
) -> None:
    pixels = recoloured(np.full((4, 4, 3), (180, 100, 100)), only(hue=largest), draws(hue=draw))
    assert np.abs(pixels[0, 0].astype(int) - colour).max() <= 1


def test_all_colours_change_at_once(draws: Callable[..., Any]) -> None:
    """Saturation and hue, then contrast around the mean, then brightness, in floating point."""
    image = np.random.default_rng(0).integers(60, 190, (8, 8, 3), dtype=np.uint8)
    image[...] = image[:1, :1]  # one colour, whose mean is that of its channels
    rng = draws(brightness=0.7, contrast=0.8, saturation=0.9, hue=0.6)
    pixels = recoloured(image, Colour(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.1), rng)
    red, green, blue = image[0, 0].astype(float)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    i = 0.596 * red - 0.274 * green - 0.322 * blue
    q = 0.211 * red - 0.523 * green + 0.312 * blue
    turned = (i + 1j * q) * (1 + 0.3 * 0.8) * np.exp(2j * np.pi * 0.1 * 0.2)
    colour = [
        y + a * turned.real + b * turned.imag for a, b in ((0.956, 0.621), (-0.272, -0.647), (-1.106, 1.703))
    ]
    gain, mean = 1 + 0.2 * 0.6, image.mean()
    wanted = [gain * value + (1 - gain) * mean + 255 * 0.1 * 0.4 for value in colour]
    assert np.abs(pixels[0, 0] - np.clip(wanted, 0, 255)).max() <= 1.5


def test_without_colours_no_pixel_is_touched(draws: Callable[..., Any]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    rng = draws(brightness=1.0, contrast=1.0, saturation=1.0, hue=1.0)
    assert np.array_equal(recoloured(image, only(), rng), image)


FOUR = np.repeat(np.arange(4, dtype=np.uint8)[:, None] * 4, 4, axis=1) + np.arange(4, dtype=np.uint8)
"""(4, 4): every pixel its own number, row by row."""
BOX = np.array([[0.25, 0.0, 0.5, 0.5]], np.float32)


def four() -> np.ndarray:
    return np.repeat(FOUR[..., None], 3, axis=2)


@pytest.mark.parametrize(("draw", "mirrored"), [(0.499, True), (0.5, False)])
def test_a_mirror_swaps_left_and_right_of_pixels_and_boxes(
    draws: Callable[..., Any], draw: float, mirrored: bool
) -> None:
    options = replace(PLAIN, flip=True)
    found = apply(options, four(), BOX, ONE, draws(flip=draw), 4, 4, ImageModality())
    assert np.array_equal(found.pixels[..., 0], FOUR[:, ::-1] if mirrored else FOUR)
    assert found.boxes.tolist() == ([[0.25, 0.5, 0.5, 1.0]] if mirrored else BOX.tolist())
    plain = apply(PLAIN, four(), BOX, ONE, draws(flip=draw), 4, 4, ImageModality())
    assert np.array_equal(plain.pixels[..., 0], FOUR), "it is off by default"


def test_only_images_with_a_class_of_a_direction_are_not_mirrored(draws: Callable[..., Any]) -> None:
    options = replace(PLAIN, flip=True)
    boxes, labels = np.repeat(BOX, 2, axis=0), np.array([1, 2], np.int32)
    for unflippable, mirrored in ((frozenset({2}), False), (frozenset({3}), True), (frozenset(), True)):
        found = apply(options, four(), boxes, labels, draws(flip=0.1), 4, 4, ImageModality(), unflippable)
        assert (found.pixels[0, 0, 0] == 3) == mirrored


def test_a_wider_view_puts_the_image_on_a_plain_canvas(draws: Callable[..., Any]) -> None:
    options = replace(PLAIN, zoom_out=ZoomOut(probability=0.3, max_scale=3.0))
    nearest = ImageModality(resize="nearest")
    rng = draws(choice=0.2, first=0.5, second=0.25, third=0.75)
    found = apply(options, four(), BOX, ONE, rng, 8, 8, nearest)
    # By hand: half of the way to three sides is two; the image lies a quarter down and three quarters across
    # of what is free, at row 1 and column 3 of 8.
    assert np.array_equal(found.pixels[1:5, 3:7, 0], FOUR)
    rest = np.ones((8, 8), bool)
    rest[1:5, 3:7] = False
    assert (found.pixels[rest] == 128).all()
    np.testing.assert_allclose(found.boxes, [[2 / 8, 3 / 8, 3 / 8, 5 / 8]], atol=1e-6)


def test_a_crop_is_the_part_that_was_drawn(draws: Callable[..., Any]) -> None:
    # By hand: the smallest area 1/4 at an aspect of 1 is 2 x 2 of 4; it starts at 0.5 x 1 row and 0.5 x 0 columns.
    crop = Crop(probability=0.5, min_area=0.25, min_aspect=0.5, max_aspect=2.0, min_overlap=(0.0,))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0.2))
    rng = draws([[0.0, 0.5, 1.0, 0.0]], choice=0.3)
    seen, unseen, right, top = (
        (0.5, 0, 1, 0.25),
        (0, 0, 0.25, 0.25),
        (0.25, 0.25, 0.875, 0.75),
        (0.25, 0, 0.75, 0.25),
    )
    boxes = np.array([seen, unseen, right, top], np.float32)
    found = apply(options, four(), boxes, np.arange(4, dtype=np.int32), rng, 2, 2, ImageModality())
    assert np.array_equal(found.pixels[..., 0], FOUR[2:, :2])
    # The second box is not seen, and the centres of the last two lie on an edge.
    assert found.labels.tolist() == [0]
    assert found.boxes.tolist() == [[0.0, 0.0, 1.0, 0.5]]


@pytest.mark.parametrize(
    ("area", "aspect", "shape"),
    [
        (0.0, 0.0, (1 / 2 * 2**0.5, 1 / 2 / 2**0.5)),  # the narrowest: width / height 1/2
        (0.0, 1.0, (1 / 2 / 2**0.5, 1 / 2 * 2**0.5)),
        (0.0, 0.5, (1 / 2, 1 / 2)),
        (0.2, 0.5, (0.4**0.5, 0.4**0.5)),  # 0.25 + 0.2 x 0.75 of the area
        (1.0, 0.5, (1.0, 1.0)),
        (1.0, 1.0, (0.5**0.5, 1.0)),  # no wider than the image
    ],
)
def test_crops_have_the_area_and_the_shape_that_was_drawn(
    draws: Callable[..., Any], area: float, aspect: float, shape: tuple[float, float]
) -> None:
    crop = Crop(probability=1.0, min_area=0.25, min_aspect=0.5, max_aspect=2.0, min_overlap=())
    image = np.repeat(np.repeat(np.arange(200, dtype=np.uint8)[:, None, None], 200, axis=1), 3, axis=2)
    image[..., 1] = np.arange(200)
    rng = draws([[area, aspect, 0.0, 0.0]], choice=0.0)
    whole = np.array([[0, 0, 1, 1]], np.float32)
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0))
    found = apply(options, image, whole, ONE, rng, 100, 100, ImageModality(antialias=False))
    last = found.pixels[-1, -1].astype(float)
    # A box that reaches beyond is clipped to what is seen, of an image of 200 greys a side.
    assert found.boxes.tolist() in ([[0, 0, 1, 1]], [])
    assert last[:2] + 1.5 == pytest.approx([200 * side for side in shape], abs=1.5)


@pytest.mark.parametrize(("draw", "row"), [(0.0, 0), (0.49, 0), (0.5, 1), (0.99, 1)])
def test_a_crop_is_tried_until_it_covers_enough_of_some_object(
    draws: Callable[..., Any], draw: float, row: int
) -> None:
    """The first crop covers half of the box, the second all of it; half or three quarters are asked for."""
    crop = Crop(probability=1.0, min_area=0.25, min_aspect=1.0, max_aspect=1.0, min_overlap=(0.5, 0.75))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0))
    boxes = np.array([[0.25, 0.0, 0.75, 0.25], [0.9, 0.9, 1.0, 1.0]], np.float32)
    rng = draws([[0, 0, 0.0, 0.0], [0, 0, 0.5, 0.0], [0, 0, 1.0, 0.0]], choice=0.0, first=draw)
    found = apply(options, four(), boxes, np.array([0, 1], np.int32), rng, 2, 2, ImageModality())
    assert np.array_equal(found.pixels[..., 0], FOUR[row : row + 2, :2])


def test_an_image_stays_whole_where_no_crop_covers_enough(draws: Callable[..., Any]) -> None:
    crop = Crop(probability=1.0, min_area=0.25, min_aspect=1.0, max_aspect=1.0, min_overlap=(0.51,))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0))
    boxes = np.array([[0.25, 0.0, 0.75, 0.25]], np.float32)
    rng = draws([[0, 0, 0.0, 0.0]], choice=0.0)
    assert np.array_equal(apply(options, four(), boxes, ONE, rng, 4, 4, ImageModality()).pixels, four())


@pytest.mark.parametrize("across", [False, True], ids=["bars above and below", "bars on both sides"])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_what_lies_behind_the_bars_of_a_letterbox_is_not_seen(
    draws: Callable[..., Any], start: float, across: bool
) -> None:
    """Half of an image fills the middle half of the input; a box whose centre is in the other half is dropped."""
    crop = Crop(probability=1.0, min_area=0.5, min_aspect=0.5, max_aspect=2.0, min_overlap=(0.0,))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0))
    rng = draws([[0.0, 0.0 if across else 1.0, start, start]], choice=0.0)
    inside, beyond = ([start / 2, 0, start / 2 + 0.5, 0.5], [0.25 * (1 - start), 0, 1 - 0.25 * start, 0.5])
    boxes = np.array([inside, beyond], np.float32)
    boxes = boxes[:, [1, 0, 3, 2]] if across else boxes
    letterbox = ImageModality(aspect="letterbox")
    found = apply(options, four(), boxes, np.arange(2, dtype=np.int32), rng, 4, 4, letterbox)
    assert found.labels.tolist() == [0]
    wanted = [0.0, 0.25, 0.5, 0.75] if across else [0.25, 0.0, 0.75, 0.5]
    np.testing.assert_allclose(found.boxes, [wanted], atol=1e-6)


def test_twelve_crops_are_tried(draws: Callable[..., Any]) -> None:
    crop = Crop(probability=1.0, min_area=0.25, min_aspect=1.0, max_aspect=1.0, min_overlap=(1.0,))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0))
    boxes = np.array([[0.5, 0.0, 1.0, 0.25]], np.float32)
    for place, covered in ((11, True), (12, False)):
        tried = [[0.0, 0.0, 0.0, 0.0] for _ in range(13)]
        tried[place] = [0.0, 0.0, 1.0, 0.0]
        found = apply(options, four(), boxes, ONE, draws(tried, choice=0.0), 2, 2, ImageModality())
        assert np.array_equal(found.pixels[..., 0], FOUR[2:, :2]) == covered


@pytest.mark.parametrize(
    ("choice", "boxes", "what"),
    [
        (0.19, BOX, "wide"),
        (0.2, BOX, "crop"),
        (0.69, BOX, "crop"),
        (0.7, BOX, "whole"),
        (0.19, NO_BOXES, "crop"),  # classification is never zoomed out; its crops have their own probability
        (0.49, NO_BOXES, "crop"),
        (0.5, NO_BOXES, "whole"),
    ],
)
def test_an_image_is_zoomed_out_cropped_or_neither(
    draws: Callable[..., Any], choice: float, boxes: Any, what: str
) -> None:
    crop = Crop(probability=0.5, min_area=0.25, min_aspect=1.0, max_aspect=1.0, min_overlap=(0.0,))
    options = replace(PLAIN, crop=crop, zoom_out=ZoomOut(probability=0.2, max_scale=2.0))
    rng = draws([[0, 0, 0.0, 0.0]], choice=choice, first=0.999, second=0.0, third=0.0)
    corner = apply(options, four(), boxes, ONE, rng, 4, 4, ImageModality(resize="nearest")).pixels[-1, -1, 0]
    assert {"whole": 15, "crop": 5, "wide": 128}[what] == corner


def test_nothing_is_drawn_of_an_augmentation_that_is_off(draws: Callable[..., Any]) -> None:
    off = Augment(enabled=False, flip=True, crop=Crop(probability=1.0), zoom_out=ZoomOut(probability=1.0))
    rng = draws([[0, 0, 0, 0]], choice=0.0, brightness=1.0, contrast=1.0, hue=1.0, flip=0.0)
    found = apply(off, four(), BOX, ONE, rng, 4, 4, ImageModality())
    assert np.array_equal(found.pixels, four())
    assert found.boxes.tolist() == BOX.tolist()


def test_the_input_has_the_declared_order_of_channels(draws: Callable[..., Any]) -> None:
    image = np.full((4, 4, 3), (1, 2, 3), np.uint8)
    found = apply(PLAIN, image, NO_BOXES, ONE, draws(), 4, 4, ImageModality(channels="bgr"))
    assert found.pixels[0, 0].tolist() == [3, 2, 1]
    assert found.pixels.flags["C_CONTIGUOUS"]


def test_grey_is_the_luma_of_the_varied_colours(draws: Callable[..., Any]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    options = replace(PLAIN, flip=True, colour=Colour(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.1))
    named = {"flip": 0.1, "brightness": 0.9, "contrast": 0.2, "saturation": 0.7, "hue": 0.3}
    coloured = apply(options, image, NO_BOXES, ONE, draws(**named), 8, 8, ImageModality())
    grey = apply(options, image, NO_BOXES, ONE, draws(**named), 8, 8, ImageModality(channels="grey"))
    assert grey.pixels.shape == (8, 8, 1)
    assert np.array_equal(grey.pixels[..., 0], np.asarray(Image.fromarray(coloured.pixels).convert("L")))


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_wider_view_is_filled_by_channel_with_what_the_model_takes_for_nothing(
    draws: Callable[..., Any], channels: Any
) -> None:
    options = replace(PLAIN, zoom_out=ZoomOut(probability=1.0, max_scale=3.0))
    modality = ImageModality(channels=channels, mean=(10.0, 100.0, 200.0))
    rng = draws(choice=0.0, first=0.5, second=0.0, third=0.0)
    found = apply(options, four(), BOX, ONE, rng, 8, 8, modality)
    assert found.pixels[7, 7].tolist() == [10, 100, 200]
