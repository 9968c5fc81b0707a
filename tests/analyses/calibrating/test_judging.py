"""Faults of calibration samples, each planted and named; and good draws of real photos, of which nothing is named."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.analyses.calibrating import judging
from tflbuild.analyses.calibrating.sources import Samples
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.sample_look import look
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.passes.quantizing.faults import Fault, Source

PICTURE = Meaning.of_image(task="classification", height=32, width=32, labels=("a", "b"), preprocess={})
ROWS = Meaning(task="unlabelled", inputs={"x": Input(modality="vector", shape=(16,))})
KIND = ImageModality()


def samples(values: Any, classes: Any = (), kind: str = "u", name: str = "image") -> Samples:
    """Give samples of one input."""
    rows = [{name: np.asarray(one, np.float32)} for one in values]
    known = [frozenset({label}) for label in classes] or [frozenset()] * len(rows)
    return Samples(
        rows,
        {name: [look(row[name]) for row in rows]},
        known,
        frozenset(kind),
        [str(n) for n in range(len(rows))],
    )


def photos(count: int, seed: int = 0) -> list[Any]:
    """Give pictures whose neighbours are alike, as those of photos are: sums of waves, in colours that go together."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:32] / 32
    made = []
    for _ in range(count):
        waves = sum(
            rng.normal()
            * np.sin(2 * np.pi * (rng.uniform(0, 2) * x + rng.uniform(0, 2) * y) + rng.uniform(0, 6))
            for _ in range(4)
        )
        grey = 128 + 50 * np.asarray(waves)[..., None] + rng.normal(0, 20)
        pixels = (grey + rng.normal(0, 15, 3)).clip(0, 255).astype(np.uint8)
        made.append(KIND.values(pixels))
    return made


def source(name: str, count: int, of: int | None = None) -> Source:
    return Source(name, "quantize", count, of or count, 200)


def named(taken: Samples, train: Samples, meaning: Meaning = PICTURE, name: str = "folder/") -> list[Fault]:
    of = source(name, len(taken.values))
    return judging.of_values(taken, train, meaning, of, ("a", "b"))


TRAIN = samples(photos(100), [0, 1] * 50)


def test_random_noise_is_named_and_so_is_noise_that_was_enlarged() -> None:
    rng = np.random.default_rng(1)
    fine = [KIND.values(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)) for _ in range(12)]
    coarse = [np.kron(one[:16, :16], np.ones((2, 2, 1))) for one in fine]
    for values in (fine, coarse):
        (fault,) = named(samples(values), TRAIN)
        assert fault.cause == "calibration.noise"
        assert fault.beyond_doubt
        assert fault.override == "quantize.calibration.source=data.train"
    assert "12 calibration samples are random noise: " in fault.sentence


def test_copies_are_named_with_how_many() -> None:
    (fault,) = named(samples(photos(1) * 10), TRAIN)
    assert (fault.cause, fault.beyond_doubt) == ("calibration.copies", True)
    assert fault.text.startswith("all 10 calibration samples are copies of one: ")


def test_copies_are_no_fault_where_training_samples_are_copies_too() -> None:
    (fault,) = named(samples(photos(20) * 2), samples(photos(50) * 2))
    assert (fault.cause, fault.beyond_doubt) == ("calibration.copies", False)
    assert fault.text.endswith("so are 50 of 100 training samples")


def test_one_class_is_named_where_a_draw_would_show_several() -> None:
    (fault,) = named(samples(photos(20, 5), [1] * 20), TRAIN)
    assert (fault.cause, fault.figures["class"], fault.figures["share"]) == (
        "calibration.one_class",
        "b",
        0.5,
    )
    assert (
        named(samples(photos(20, 5), [1] * 20), samples(photos(100), [1] * 90 + [0] * 10)) == []
    )  # 0.9^20 = 12 %


def test_too_few_are_named_with_the_chance_that_others_exceed_them() -> None:
    """The next of n + 1 alike is the smallest or the largest with a chance of 2 / (n + 1): 40 % behind 4."""
    (fault,) = named(samples(photos(4, 9)), TRAIN)
    assert fault.cause == "calibration.few"
    assert "only 4 calibration samples: 40% of all others" in fault.text
    assert source("data.train", 4, of=500).more == "quantize.calibration.samples=200"


@pytest.mark.parametrize(
    ("factor", "shift", "said"),
    [(127.5, 127.5, "0..255"), (0.5, 0.5, "0..1"), (1 / 127.5, 0.0, "too small")],
)
def test_another_scale_is_named(factor: float, shift: float, said: str) -> None:
    rows = np.random.default_rng(0).uniform(-1, 1, (140, 16)).astype(np.float32)
    train = samples(rows[:100], kind="f", name="x")
    (fault,) = named(samples(rows[100:] * factor + shift, kind="f", name="x"), train, ROWS)
    assert (fault.cause, fault.beyond_doubt) == ("calibration.scale", True)
    assert said in fault.text
    assert named(samples(rows[100:], kind="f", name="x"), train, ROWS) == []


@pytest.mark.parametrize(
    ("part", "cause", "sure"), [(0.25, "calibration.range", True), (0.5, "", False), (0.8, None, False)]
)
def test_a_part_of_the_range_is_named_where_no_draw_has_so_little(
    part: float, cause: str | None, sure: bool
) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(140, 2)) @ rng.normal(size=(2, 16)) / 3).astype(np.float32)
    train = samples(rows[:100], kind="f", name="x")
    found = named(samples(0.3 + part * rows[100:], kind="f", name="x"), train, ROWS)
    assert [(fault.cause, fault.beyond_doubt) for fault in found] == (
        [] if cause is None else [(cause, sure)]
    )


def test_pictures_of_0_to_1_are_named() -> None:
    dark = [
        KIND.values(np.random.default_rng(n).integers(0, 2, (32, 32, 3)).astype(np.uint8)) for n in range(12)
    ]
    (fault,) = named(samples(dark), TRAIN)
    assert fault.cause == "calibration.scale"
    assert "is above 1 of 255: they hold 0..1 where 0..255 is meant" in fault.text


def test_numbers_that_vary_in_all_directions_alike_are_noise() -> None:
    """Training samples lie in a plane: two directions of 16."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, 2)) @ rng.normal(size=(2, 16))
    train = samples(rows[:100], kind="f", name="x")
    free = rng.normal(size=(50, 16)) * rows.std(axis=0)
    (fault,) = named(samples(free, kind="f", name="x"), train, ROWS)
    assert fault.cause == "calibration.noise"
    assert named(samples(rows[100:], kind="f", name="x"), train, ROWS) == []


def test_directions_by_hand() -> None:
    """Points on a line vary in one; those at the corners of a square in two."""
    assert judging.directions(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])) == pytest.approx(1)
    assert judging.directions(
        np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    ) == pytest.approx(2)


def test_another_dtype_is_an_error() -> None:
    rows = np.zeros((12, 16))
    (fault,) = named(samples(rows, kind="u", name="x"), samples(rows, kind="f", name="x"), ROWS)
    assert fault.error
    assert fault.text.startswith("calibration samples are unsigned integers, and training samples floats")


def test_missing_classes_are_worth_knowing() -> None:
    taken = samples(photos(30), [0] * 10 + [1] * 20)
    train = samples(photos(30), [0] * 10 + [1] * 10 + [2] * 10)
    assert judging.coverage(taken, train, ("a", "b", "c"))["text"] == (
        "no calibration sample shows c, but training samples do"
    )
    assert judging.coverage(taken, taken, ("a", "b")) == {}


@pytest.mark.parametrize(("folder", "pattern"), [("coco128", "images/*/*.jpg"), ("bccd", "JPEGImages/*.jpg")])
def test_of_20_good_draws_of_photos_nothing_is_named(folder: str, pattern: str, shared_data: Path) -> None:
    files = sorted((shared_data / folder).glob(pattern))[:128]
    assert files
    pictures = []
    for file in files:
        image = Image.open(file)
        image.draft("RGB", (96, 96))
        pictures.append(KIND.values(KIND.pixels(np.asarray(image.convert("RGB")), 48, 48)))
    whole = samples(pictures)
    for seed in range(20):
        drawn = sorted(random.Random(seed).sample(range(len(files)), 60))
        taken, train = _part(whole, drawn[::2]), _part(whole, drawn[1::2])
        assert named(taken, train) == [], seed


def _part(whole: Samples, places: list[int]) -> Samples:
    return Samples(
        [whole.values[place] for place in places],
        {name: [looks[place] for place in places] for name, looks in whole.looks.items()},
        [whole.classes[place] for place in places],
        whole.kinds,
        [whole.keys[place] for place in places],
    )
