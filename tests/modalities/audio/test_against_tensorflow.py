"""The front ends beside `tf.signal`, on noise and on recorded words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.modality import Audio

pytestmark = pytest.mark.slow

MOST = {"float64": 1e-5, "float32": 1e-4}
"""How far a number may be from TensorFlow's. Ours is rounded to float32 at the end."""

OPTIONS: dict[str, dict[str, Any]] = {
    "keywords of MLPerf Tiny": {},
    "machines of MLPerf Tiny": {"window": 64, "stride": 32, "bands": 128, "high": 8000, "power": 2},
    "odd": {"window": 25.0625, "window_shape": "hamming", "fft": 600, "stride": 10, "coefficients": 13},
}


def theirs(kind: Audio, samples: np.ndarray, precision: str = "float64") -> np.ndarray:
    """Give what TensorFlow makes of a sound in a precision."""
    import tensorflow as tf

    sound = tf.constant(samples, precision)
    if kind.level == "largest":
        sound = sound / tf.reduce_max(sound)
    window = {"hann": tf.signal.hann_window, "hamming": tf.signal.hamming_window}[kind.window_shape]
    spectra = tf.signal.stft(
        sound, kind.window_samples, kind.stride_samples, fft_length=kind.fft, window_fn=window
    )
    weights = tf.signal.linear_to_mel_weight_matrix(
        kind.bands, spectra.shape[-1], kind.rate, kind.low, kind.high, tf.as_dtype(precision)
    )
    bands = tf.tensordot(tf.abs(spectra) ** kind.power, weights, 1)
    found = tf.math.log(bands + tf.constant(kind.log_offset, precision))
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
        for precision, most in MOST.items():
            assert np.abs(made - theirs(kind, samples, precision)).max() < most


def words(shared_data: Path, kind: Audio) -> Iterator[np.ndarray]:
    for path in sorted((shared_data / "spoken_digits" / "test").glob("*/*.wav"))[::10]:
        yield kind.fitted(read(path))


@pytest.mark.parametrize("front_end", ["log_mel", "mfcc"])
@pytest.mark.parametrize("name", OPTIONS)
def test_words_give_what_tensorflow_gives(name: str, front_end: str, shared_data: Path) -> None:
    kind = Audio(front_end=front_end, **OPTIONS[name])  # type: ignore[arg-type]
    for samples in words(shared_data, kind):
        assert np.abs(kind.features(samples) - theirs(kind, samples)).max() < MOST["float64"]


@pytest.mark.parametrize(
    ("name", "least"), [("keywords of MLPerf Tiny", 5e-6), ("machines of MLPerf Tiny", 1e-3)]
)
def test_in_float32_tensorflow_is_off_from_its_own_float64(
    name: str, least: float, shared_data: Path
) -> None:
    # so that the distance to its float32 says nothing of ours: of bands with little energy it is rounding
    kind = Audio(front_end="log_mel", **OPTIONS[name])
    off = [
        np.abs(theirs(kind, samples, "float32") - theirs(kind, samples)).max()
        for samples in words(shared_data, kind)
    ]
    assert least < max(off) < 2e-2
