"""Points and numbers through augmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.points import mirrored
from tflbuild.modalities.image.augment import Augment, Colour, Crop, ZoomOut
from tflbuild.modalities.image.augmentation import apply
from tflbuild.modalities.image.batches import training_batches
from tflbuild.modalities.image.modality import ImageModality

NAMES = ("nose", "left_hand", "right_hand")
COLOURS = {"nose": (0, 255, 0), "left_hand": (255, 0, 0), "right_hand": (0, 0, 255)}
PLACES = {"nose": (30, 80), "left_hand": (70, 130), "right_hand": (60, 40)}
PLAIN = Augment(
    crop=Crop(probability=0),
    zoom_out=ZoomOut(probability=0),
    colour=Colour(brightness=0, contrast=0, saturation=0, hue=0),
)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give a grey picture of 120 x 160 with a coloured square of 12 pixels around each point."""
    image = np.full((120, 160, 3), 100, np.uint8)
    rows = []
    for name, (y, x) in PLACES.items():
        image[y - 6 : y + 6, x - 6 : x + 6] = COLOURS[name]
        rows.append((y / 120, x / 160, 2.0, 0.05))
    box = np.array([[20 / 120, 30 / 160, 80 / 120, 140 / 160]], np.float32)
    return image, box, np.array([*rows, (120, 160, 500, 0), (0, 0, 1, 1)], np.float64)


def place_of(pixels: np.ndarray, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Find the middle of a square."""
    near = (np.abs(pixels.astype(int) - colour) < 60).all(axis=2)
    rows, columns = np.nonzero(near)
    return rows.mean() + 0.5, columns.mean() + 0.5


def augmented(options: Augment, seed: int, **given: object) -> tuple[np.ndarray, np.ndarray]:
    preprocess = ImageModality(**given)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    made = apply(options, *scene(), rng, 96, 96, preprocess, (), mirrored(NAMES))
    return made.pixels, made.labels


def test_a_mirror_exchanges_left_and_right() -> None:
    other = {"left_hand": "right_hand", "right_hand": "left_hand", "nose": "nose"}
    flipped = 0
    for seed in range(12):
        pixels, labels = augmented(replace(PLAIN, flip=True), seed)
        mirror = place_of(pixels, COLOURS["left_hand"])[1] < 48  # it was at the right
        flipped += mirror
        for place, name in enumerate(NAMES):
            shown = place_of(pixels, COLOURS[other[name] if mirror else name])
            assert labels[place, :2] * 96 == pytest.approx(shown, abs=1.0)
    assert 0 < flipped < 12


@pytest.mark.parametrize("aspect", ["stretch", "letterbox", "center_crop"])
@pytest.mark.parametrize(
    "options",
    [
        PLAIN,
        replace(PLAIN, crop=Crop(probability=1.0, min_area=0.6, min_overlap=(0.9,))),
        replace(PLAIN, zoom_out=ZoomOut(probability=1.0, max_scale=1.6)),
    ],
    ids=["plain", "crop", "zoom_out"],
)
def test_points_follow_the_pixels(options: Augment, aspect: str) -> None:
    found = 0
    for seed in range(8):
        pixels, labels = augmented(options, seed, aspect=aspect)
        for place, name in enumerate(NAMES):
            y, x = labels[place, :2] * 96
            edge = min(y, x, 96 - y, 96 - x)
            if labels[place, 2] and edge > 10:
                found += 1
                assert (y, x) == pytest.approx(place_of(pixels, COLOURS[name]), abs=1.5)
        assert labels[-2:].tolist() == scene()[2][-2:].tolist()
    assert found > 8


def test_a_point_that_is_cut_off_is_not_marked() -> None:
    options = replace(PLAIN, crop=Crop(probability=1.0, min_area=0.3, min_overlap=(0.3,)))
    cut = 0
    for seed in range(24):
        _, labels = augmented(options, seed)
        for y, x, visible, _ in labels[:3]:
            inside = 0 <= y <= 1 and 0 <= x <= 1
            assert bool(visible) == inside
            cut += not inside
    assert cut


class Pointed(Dataset):
    """Pictures with points in memory."""

    task = "keypoints"

    def read(self, sample: Sample) -> Example:
        return Example(*scene())


def split() -> Split:
    samples = (Sample("a", "a"),)
    return Split("train", Pointed(), Index(classes=NAMES, splits={"train": samples}))


def test_training_batches_know_which_points_change_places() -> None:
    batches = training_batches(
        ImageModality(aspect="center_crop"),
        split(),
        {"flip": True, "crop": {"probability": 0.0}, "zoom_out": {"probability": 0.0}},
        (96, 96, 3),
        16,
        seed=0,
    )
    batch = next(batches)
    seen = set()
    for pixels, labels in zip(batch.codes, batch.labels, strict=True):
        red = pixels[..., 0].astype(int) - pixels[..., 2] > 60
        y, x = labels[1, :2] * 96
        shown = bool(red[max(0, round(y) - 2) : round(y) + 2, max(0, round(x) - 2) : round(x) + 2].all())
        seen.add(shown)
        assert labels[1, 1] > labels[2, 1]  # a left hand is at the right of who faces the viewer
    assert seen == {True, False}


def test_values_stay_as_they_are() -> None:
    image, _, _ = scene()
    options = replace(PLAIN, flip=True, crop=Crop(probability=1.0), flip_except=("x",))
    given = (image, np.zeros((0, 4), np.float32), np.array([0.0, 7.25]))
    made = apply(options, *given, np.random.default_rng(0), 32, 32, ImageModality(), (0,))
    assert made.labels.tolist() == [0.0, 7.25]
