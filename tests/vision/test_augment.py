from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tflbuild.vision.augment import Augment, Colour, Crop, ZoomOut
from tflbuild.vision.preprocess import Preprocess

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


@pytest.mark.parametrize("aspect", ["stretch", "letterbox"])
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
    preprocess = Preprocess(aspect=aspect, antialias=antialias)
    seen = 0
    for seed in range(60):
        pixels, boxes, labels = options.apply(*scene(), np.random.default_rng(seed), 96, 96, preprocess)
        assert pixels.shape == (96, 96, 3)
        assert pixels.dtype == np.uint8
        assert boxes.dtype == np.float32
        assert len(boxes) == len(labels)
        if len(boxes):
            seen += 1
            np.testing.assert_allclose(boxes[0] * 96, red(pixels), atol=1.6)
    assert seen >= 40


def test_a_box_whose_centre_leaves_is_dropped_and_others_are_clipped() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 0.2, 0.2], [0.3, 0.3, 0.7, 0.7], [0.8, 0.8, 1, 1]], np.float32)
    options = replace(PLAIN, crop=Crop(probability=1.0, min_area=0.2, min_overlap=(0.1,)))
    kept = set()
    for seed in range(100):
        result = options.apply(
            image, boxes, np.arange(3, dtype=np.int32), np.random.default_rng(seed), 96, 96, Preprocess()
        )
        assert ((result.boxes >= 0) & (result.boxes <= 1)).all()
        assert (result.boxes[:, 2:] > result.boxes[:, :2]).all()
        kept.add(tuple(result.labels.tolist()))
    assert {(0, 1), (1, 2), (1,)} & kept
    assert (0, 1, 2) not in kept or len(kept) > 1


def test_the_same_generator_gives_the_same_example() -> None:
    one, two = (
        Augment(flip=True).apply(*scene(), np.random.default_rng(7), 64, 64, Preprocess()) for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_switched_off_it_is_preprocessing_alone() -> None:
    image, boxes, labels = scene()
    block = Preprocess(aspect="letterbox", channels="bgr")
    result = Augment(enabled=False).apply(image, boxes, labels, np.random.default_rng(0), 64, 48, block)
    assert np.array_equal(result.pixels, block.pixels(image, 64, 48))
    np.testing.assert_allclose(result.boxes, block.place(boxes, 120, 160, 64, 48), atol=1e-6)


def test_half_of_the_images_are_mirrored() -> None:
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 4, 64, axis=0).repeat(3, axis=2)
    mirrored = sum(
        bool(
            replace(PLAIN, flip=True)
            .apply(ramp, NO_BOXES, np.array([0], np.int32), np.random.default_rng(seed), 64, 64, Preprocess())
            .pixels[0, 0, 0]
            > 128
        )
        for seed in range(200)
    )
    assert 70 < mirrored < 130  # 100 expected, standard deviation 7


def test_images_that_hold_a_class_with_a_direction_are_never_mirrored() -> None:
    image, boxes, labels = scene()
    for seed in range(30):
        result = replace(PLAIN, flip=True).apply(
            image, boxes, labels, np.random.default_rng(seed), 120, 160, Preprocess(), unflippable={3}
        )
        assert np.array_equal(result.pixels, image)


def test_classification_keeps_its_label_whatever_is_cropped() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    for seed in range(30):
        result = Augment(crop=Crop(probability=1.0, min_area=0.1)).apply(
            image, NO_BOXES, np.array([5], np.int32), np.random.default_rng(seed), 32, 32, Preprocess()
        )
        assert result.labels.tolist() == [5]
        assert result.boxes.shape == (0, 4)


def test_an_image_without_objects_stays_without() -> None:
    image = np.zeros((50, 70, 3), np.uint8)
    for seed in range(10):
        result = Augment().apply(
            image, NO_BOXES, np.zeros(0, np.int32), np.random.default_rng(seed), 32, 32, Preprocess()
        )
        assert result.boxes.shape == (0, 4)
        assert result.labels.shape == (0,)


def test_colour_changes_stay_near_the_image() -> None:
    image = np.full((32, 32, 3), (120, 130, 140), np.uint8)
    seen = set()
    for seed in range(40):
        pixels = replace(PLAIN, colour=Colour(brightness=0.1, contrast=0, saturation=0, hue=0)).apply(
            image, NO_BOXES, np.zeros(0, np.int32), np.random.default_rng(seed), 32, 32, Preprocess()
        )[0]
        difference = pixels[0, 0].astype(int) - image[0, 0]
        assert abs(difference).max() <= 27  # by hand: 0.1 * 255, and the conversion's rounding
        assert difference.max() - difference.min() <= 2
        seen.add(int(difference[0]))
    assert len(seen) > 10


def test_grey_has_no_hue_to_turn() -> None:
    grey = np.full((8, 8, 3), 90, np.uint8)
    options = replace(PLAIN, colour=Colour(brightness=0, contrast=0, saturation=0.9, hue=0.5))
    pixels = options.apply(
        grey, NO_BOXES, np.zeros(0, np.int32), np.random.default_rng(3), 8, 8, Preprocess()
    )[0]
    assert abs(pixels.astype(int) - 90).max() <= 1


def test_options_come_from_a_nested_mapping() -> None:
    options = Augment.of(
        {"flip": True, "crop": {"min_area": 0.6}, "colour": {"hue": 0.0}, "flip_except": ["a"]}
    )
    assert options == Augment(flip=True, crop=Crop(min_area=0.6), colour=Colour(hue=0.0), flip_except=("a",))
