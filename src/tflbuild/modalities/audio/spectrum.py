"""Short-time spectra, mel bands and cepstra as `tf.signal` defines them, in NumPy and in float64.

References:
    TensorFlow, tf.signal: stft, hann_window, linear_to_mel_weight_matrix, mfccs_from_log_mel_spectrograms.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF = {"hann": 0.5, "hamming": 0.54, "rectangle": 1.0}
"""Mean of each shape of a window."""

BREAK, SLOPE = 700.0, 1127.0
"""The mel scale of HTK: mel = SLOPE x ln(1 + frequency / BREAK)."""


def enclosing_power_of_two(count: int) -> int:
    """Give the power of two that holds a window.

    >>> enclosing_power_of_two(480), enclosing_power_of_two(512)
    (512, 512)
    """
    return 1 << max(0, count - 1).bit_length()


@lru_cache(maxsize=8)
def window(shape: str, length: int) -> Floats:
    """Give a window: a period of its cosine where `length` is even, else from end to end."""
    if length == 1:
        return np.ones(1)
    turn = length if length % 2 == 0 else length - 1
    mean = HALF[shape]
    return np.asarray(mean - (1 - mean) * np.cos(2 * np.pi * np.arange(length) / turn))


def magnitudes(samples: Floats, length: int, step: int, fft: int, shape: str) -> Floats:
    """Give (frames, fft // 2 + 1): the size of each frequency in each whole window.

    Args:
        samples: (n,) with at least `length` of them.
        length: samples of a window.
        step: samples from one window to the next.
        fft: samples that are transformed, of which those behind the window are 0.
        shape: of the window.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::step]
    return np.abs(np.fft.rfft(frames * window(shape, length), fft))


@lru_cache(maxsize=8)
def mel_weights(bands: int, bins: int, rate: int, low: float, high: float) -> Floats:
    """Give (bins, bands): triangles that are evenly spaced in mel; the bin of the mean counts nowhere."""
    mels = _mel(np.linspace(0.0, rate / 2, bins)[1:, None])
    edges = np.linspace(_mel(low), _mel(high), bands + 2)
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (mels - below) / (centre - below), (above - mels) / (above - centre)
    return np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((1, 0), (0, 0)))


def _mel(frequency: float | Floats) -> Floats:
    return np.asarray(SLOPE * np.log(1 + np.asarray(frequency) / BREAK))


@lru_cache(maxsize=8)
def cosines(bands: int, count: int) -> Floats:
    """Give (bands, count): what makes the first cepstral coefficients of logarithms of bands."""
    angle = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(count)
    return np.asarray(2 * np.cos(angle) / np.sqrt(2 * bands))
