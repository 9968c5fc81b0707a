from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.modality import Batch
from tflbuild.data.tones import Tones
from tflbuild.modalities.audio.modality import Audio

KIND = Audio(duration=0.2)
DATA = Tones(train=24, val=8, test=8)
SPLIT = Split("train", DATA, DATA.index(lambda path: None))  # type: ignore[arg-type, return-value]


def taken(start: int, count: int, seed: int = 1) -> list[Batch]:
    return list(islice(KIND.batches(SPLIT, {}, KIND.shape(), 4, seed, start), count))


def test_a_batch_follows_from_its_seed_and_step_alone() -> None:
    whole = taken(0, 9)
    assert whole[0].codes.shape == (4, *KIND.shape())
    assert whole[0].codes.dtype == np.float32
    later = taken(7, 2)
    for one, other in zip(whole[7:], later, strict=True):
        assert np.array_equal(one.codes, other.codes)
    assert not np.array_equal(taken(0, 1, seed=2)[0].codes, whole[0].codes)


def test_an_epoch_has_every_recording_once() -> None:
    labels = [int(label[0]) for batch in taken(0, 6) for label in batch.labels]
    assert sorted(labels) == sorted([k % 8 for k in range(24)])


def test_without_augmentation_training_sees_what_evaluation_sees() -> None:
    batch = next(KIND.batches(SPLIT, {"enabled": False}, KIND.shape(), 24, 1))
    codes = {KIND.encode(SPLIT[k].value, KIND.shape()).codes.tobytes() for k in range(24)}
    assert {one.tobytes() for one in batch.codes} == codes


def test_a_recording_that_does_not_fit_is_named() -> None:
    with pytest.raises(DataError, match=r"data: train/\d+: it is 1 s long, shorter than a frame of 2000 ms"):
        next(Audio(window=2000, duration=3).batches(SPLIT, {}, (1, 1, 1), 4, 1))
