"""The front ends beside `tf.signal`, on noise and on recorded words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.modality import Audio

pytestmark = pytest.mark.slow

MOST = 1e-4

OPTIONS: dict[str, dict[str, Any]] = {
    "keywords of MLPerf Tiny": {},
    "machines of MLPerf Tiny": {"window": 64, "stride": 32, "bands": 128, "high": 8000, "power": 2},
    "odd": {"window": 25.0625, "window_shape": "hamming", "fft": 600, "stride": 10, "coefficients": 13},
}


def theirs(kind: Audio, samples: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    sound = tf.constant(samples)
    if kind.level == "largest":
        sound = sound / tf.reduce_max(sound)
    window = {"hann": tf.signal.hann_window, "hamming": tf.signal.hamming_window}[kind.window_shape]
    spectra = tf.signal.stft(
        sound, kind.window_samples, kind.stride_samples, fft_length=kind.fft, window_fn=window
    )
    weights = tf.signal.linear_to_mel_weight_matrix(
        kind.bands, spectra.shape[-1], kind.rate, kind.low, kind.high
    )
    found = tf.math.log(tf.tensordot(tf.abs(spectra) ** kind.power, weights, 1) + kind.log_offset)
    if kind.front_end == "mfcc":
        found = tf.signal.mfccs_from_log_mel_spectrograms(found)[..., : kind.coefficients]
    given: np.ndarray = found.numpy()[..., None]
    return given


@pytest.mark.parametrize("front_end", ["log_mel", "mfcc"])
@pytest.mark.parametrize("name", OPTIONS)
def test_noise_gives_what_tensorflow_gives(name: str, front_end: str) -> None:
    for level in ("recorded", "largest"):
        kind = Audio(front_end=front_end, level=level, **OPTIONS[name])  # type: ignore[arg-type]
        samples = np.random.default_rng(0).normal(0, 0.1, kind.samples).astype(np.float32)
        samples += np.sin(np.arange(kind.samples) / 9, dtype=np.float32) / 2
        made = kind.encode(samples, kind.shape()).codes
        assert np.abs(made - theirs(kind, samples)).max() < MOST


def test_words_give_what_tensorflow_gives(shared_data: Path) -> None:
    kind = Audio()
    paths = sorted((shared_data / "spoken_digits" / "test").glob("*/*.wav"))[::20]
    for path in paths:
        samples = kind.fitted(read(path))
        assert np.abs(kind.features(samples) - theirs(kind, samples)).max() < MOST
