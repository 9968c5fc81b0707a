from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.dataset import Index
from tflbuild.data.sounds.tone_renderer import LENGTH, RATE, SHAPES, recording
from tflbuild.data.tones import CLASSES, Tones


def index(**options: int | float) -> Index:
    return Tones(train=24, val=8, test=16, **options).index(lambda path: None)  # type: ignore[arg-type, return-value]


def test_every_class_is_in_every_split_as_often() -> None:
    for samples in index().splits.values():
        labels = [sample.labels[0] for sample in samples]
        assert np.bincount(labels).tolist() == [len(samples) // 8] * 8


def test_what_is_drawn_follows_from_seed_and_number() -> None:
    data, samples = Tones(), index().splits["train"]
    first, again, other = data.read(samples[0]), Tones().read(samples[0]), data.read(samples[8])
    assert np.array_equal(first.value.samples, again.value.samples)
    assert not np.array_equal(first.value.samples, other.value.samples)
    assert first.labels.tolist() == [0]
    assert not np.array_equal(Tones(seed=1).read(samples[0]).value.samples, first.value.samples)
    assert index().digest("test") != index(seed=1).digest("test") != index(noise=0.5).digest("test")


@pytest.mark.parametrize("name", CLASSES)
def test_a_recording_is_16_bits_of_one_second(name: str) -> None:
    samples, rate = recording((0, name), name, 1.0)
    assert (samples.shape, rate) == ((LENGTH,), RATE)
    assert np.array_equal(samples * 32768, np.rint(samples * 32768))
    assert 0.05 < np.abs(samples).max() < 0.91


def pitches(name: str) -> tuple[float, float]:
    """Give the loudest frequency near the beginning and near the end of a tone without noise."""
    samples, rate = recording((0, 5), name, 0.0)
    there = samples[np.flatnonzero(samples)[0] : np.flatnonzero(samples)[-1]]
    parts = there[800:2848], there[-2848:-800]
    found = [
        np.abs(np.fft.rfft(part * np.hanning(2048), 1 << 14)).argmax() * rate / (1 << 14) for part in parts
    ]
    return float(found[0]), float(found[1])


def test_pitches_move_as_their_classes_say() -> None:
    low = pitches("low")
    assert low[0] == pytest.approx(low[1], rel=0.02)
    assert pitches("high")[0] == pytest.approx(3 * low[0], rel=0.02)
    assert pitches("two")[1] == pytest.approx(2 * low[0], rel=0.02)
    first, last = pitches("rising")
    assert low[0] < first < last < 3.1 * low[0]
    first, last = pitches("falling")
    assert 3.1 * low[0] > first > last > low[0]


def test_every_class_has_a_shape() -> None:
    assert tuple(SHAPES) == CLASSES
