"""Calibration images: a seeded choice, in pairs with their labels, some of them held out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing.calibration import (
    Calibration,
    calibration_labels,
    calibration_samples,
    parted,
)

FACTS = Meaning.of_image(
    task="classification",
    height=2,
    width=3,
    labels=("a",),
    preprocess={"scale": 0.0078125, "offset": -1.0},
)
few = settings(deadline=None, max_examples=40, derandomize=True)


class Numbered(Dataset):
    """Images whose pixels are their number, which is also their label."""

    task = "classification"

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        image = np.full((5, 4, 3), number, np.uint8)
        return Example(image, np.zeros((0, 4)), np.array(sample.labels))


@dataclass
class Context:
    """What the functions use of a pass's context; it has no augmentation, and one source."""

    count: int
    seed: int = 0
    label: str = "quantize"
    notes: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    told: list[tuple[float, float, str]] = field(default_factory=list)

    def dataset(self, source: str) -> Split:
        assert source == "data.val"
        samples = tuple(Sample(str(n), str(n), labels=(n,)) for n in range(self.count))
        return Split("val", Numbered(), Index(classes=("a",), splits={"val": samples}))

    def log(self, text: str) -> None:
        self.said.append(text)

    def progress(self, done: float, total: float, note: str) -> None:
        self.told.append((done, total, note))


def numbers(samples: Sequence[Any]) -> list[int]:
    """Read off the number of each image, by hand: pixel = (value + 1) * 128."""
    assert all(list(sample) == ["image"] for sample in samples)
    images = [sample["image"] for sample in samples]
    assert all(image.shape == (2, 3, 3) and image.dtype == np.float32 for image in images)
    return [int((image[0, 0, 0] + 1) * 128) for image in images]


def chosen(ctx: Any, samples: int) -> list[int]:
    return numbers(
        calibration_samples(Calibration(source="data.val", samples=samples), FACTS, ["image"], ctx)
    )


@few
@given(count=st.integers(1, 30), samples=st.integers(1, 30), seed=st.integers(0, 99))
def test_labels_are_those_of_the_images_held_out_or_not(count: int, samples: int, seed: int) -> None:
    ctx: Any = Context(count, seed)
    calibration = Calibration(source="data.val", samples=samples)
    images, labels = (
        calibration_samples(calibration, FACTS, ["image"], ctx),
        calibration_labels(calibration, ctx),
    )
    assert numbers(images) == labels
    for some, theirs in zip(parted(images, seed), parted(labels, seed), strict=True):
        assert numbers(some) == theirs


def test_the_choice_is_that_of_the_seed_and_not_the_first_images() -> None:
    wanted = {seed: sorted(random.Random(seed).sample(range(20), 5)) for seed in range(30)}
    found = {seed: chosen(Context(20, seed), 5) for seed in wanted}
    assert found == wanted
    assert set().union(*found.values()) == set(range(20)), "each image may be chosen"


def test_all_are_taken_where_fewer_are_there_than_wanted_and_that_is_said() -> None:
    ctx = Context(4)
    assert chosen(ctx, 7) == [0, 1, 2, 3]
    assert ctx.said[0] == "7 calibration samples were wanted, data.val holds 4"
    note = ctx.notes["calibration"]
    assert {key: note[key] for key in ("source", "samples", "of")} == {
        "source": "data.val",
        "samples": 4,
        "of": 4,
    }
    assert [fault["cause"] for fault in note["named"]] == ["", "calibration.few"]
    assert ctx.said[1:] == [fault["text"] for fault in note["named"]]
    assert ctx.told == [(n, 4, "calibration samples") for n in (1, 2, 3, 4)]


def test_nothing_is_said_where_there_are_enough() -> None:
    ctx = Context(9)
    assert len(chosen(ctx, 4)) == 4
    assert chosen(Context(4), 4) == [0, 1, 2, 3]
    assert not any("were wanted" in text for text in ctx.said)
    assert (ctx.notes["calibration"]["samples"], ctx.notes["calibration"]["of"]) == (4, 9)


def test_no_image_is_an_error_that_names_the_source() -> None:
    with pytest.raises(DataError) as caught:
        chosen(Context(0), 3)
    assert str(caught.value) == "quantize.calibration.source: 'data.val' holds no sample."


@few
@given(count=st.integers(2, 60), seed=st.integers(0, 99))
def test_no_image_is_both_calibrated_and_measured_on(count: int, seed: int) -> None:
    seen, held_out = parted(list(range(count)), seed)
    assert sorted(seen + held_out) == list(range(count))
    assert set(seen).isdisjoint(held_out)
    assert len(seen) >= 1
    assert abs(len(held_out) - 0.3 * count) <= 0.5


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (5, 2), (8, 2), (10, 3), (40, 12), (200, 60)])
def test_thirty_percent_are_held_out(count: int, held_out: int) -> None:
    assert [len(part) for part in parted(list(range(count)), 0)] == [count - held_out, held_out]


def test_the_seed_says_which_are_held_out_and_one_image_serves_for_both() -> None:
    found = {tuple(sorted(parted(list(range(20)), seed)[1])) for seed in range(10)}
    assert len(found) == 10
    assert parted(list(range(20)), 3) == parted(list(range(20)), 3)
    assert parted(["only"], 0) == (["only"], ["only"])


@dataclass(frozen=True, kw_only=True)
class Watched(Numbered):
    task = "reconstruction"


def watched(labels: Sequence[int]) -> Any:
    """Give a context whose val split holds normal samples, 0, and abnormal ones, 1."""
    ctx = Context(len(labels))
    samples = tuple(Sample(str(number), str(number), labels=(label,)) for number, label in enumerate(labels))
    split = Split("val", Watched(), Index(classes=(), splits={"val": samples}))
    ctx.dataset = lambda source: split  # type: ignore[method-assign, assignment]
    return ctx


def test_ranges_are_never_measured_on_what_is_abnormal() -> None:
    assert chosen(watched([0, 1, 0, 1, 1, 0]), 6) == [0, 2, 5]
    with pytest.raises(DataError, match=r"'data.val' holds abnormal samples alone"):
        chosen(watched([1, 1]), 2)
