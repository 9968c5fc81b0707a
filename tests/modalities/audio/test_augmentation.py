from __future__ import annotations

import numpy as np
import pytest

from tflbuild.modalities.audio.augment import Augment, Masks, Noise
from tflbuild.modalities.audio.augmentation import masked, noisy, shifted, varied
from tflbuild.modalities.audio.modality import Audio

RAMP = np.arange(1, 6, dtype=np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_shift_is_filled_with_silence() -> None:
    assert shifted(RAMP, 2).tolist() == [0, 0, 1, 2, 3]
    assert shifted(RAMP, -2).tolist() == [3, 4, 5, 0, 0]
    assert shifted(RAMP, 0).tolist() == RAMP.tolist()


@pytest.mark.parametrize("decibels", [0.0, 20.0])
def test_noise_is_as_loud_as_said(decibels: float) -> None:
    sound = np.sin(np.arange(50000) / 7).astype(np.float32)
    options = Noise(probability=1.0, quietest=decibels, loudest=decibels)
    added = noisy(options, sound, rng()) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(added**2)) == pytest.approx(decibels, abs=0.1)
    assert noisy(Noise(probability=0.0), sound, rng()) is sound


def test_masks_hide_runs_behind_the_mean() -> None:
    features = np.random.default_rng(0).normal(size=(20, 10, 1)).astype(np.float32)
    means = np.broadcast_to(features.mean(axis=0, keepdims=True), features.shape)
    seen = set()
    for seed in range(40):
        made = masked(Masks(times=1, longest=0.2, bands=1, widest=0.3), features, np.random.default_rng(seed))
        changed = made != features
        assert np.array_equal(made[changed], means[changed])
        frames, bands = changed.all(axis=(1, 2)), changed.all(axis=(0, 2))
        assert np.array_equal(changed[..., 0], frames[:, None] | bands[None])
        assert (np.diff(np.flatnonzero(frames)) == 1).all()
        seen.add((int(frames.sum()), int(bands.sum())))
    assert max(count for count, _ in seen) == 4
    assert max(count for _, count in seen) == 3
    assert np.array_equal(masked(Masks(times=0, bands=0), features, rng()), features)


def test_without_augmentation_the_features_are_those_of_evaluation() -> None:
    kind = Audio(rate=8000, duration=0.2)
    sound = np.random.default_rng(1).normal(0, 0.1, kind.samples).astype(np.float32)
    assert np.array_equal(varied(Augment(enabled=False), sound, kind, rng()), kind.features(sound))
    assert not np.array_equal(varied(Augment(), sound, kind, rng()), kind.features(sound))
    wave = Audio(front_end="waveform", rate=8000, duration=0.2)
    still = Augment(shift=0.0, noise=Noise(probability=0.0))
    assert np.array_equal(varied(still, sound, wave, rng()), wave.features(sound))
    shift = Augment(shift=10.0, noise=Noise(probability=0.0), masks=Masks(times=0))
    leads = [
        int(np.flatnonzero(varied(shift, np.ones(1600, np.float32), wave, np.random.default_rng(k)))[0])
        for k in range(60)
    ]
    assert 70 <= max(leads) <= 80  # 10 ms at 8 kHz


def test_options_are_built_of_what_yaml_gives() -> None:
    options = Augment.of({"shift": 5, "noise": {"probability": 0.1}, "masks": {"times": 2}})
    assert options == Augment(shift=5, noise=Noise(probability=0.1), masks=Masks(times=2))
