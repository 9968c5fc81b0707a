"""Short-time spectra, mel bands and cepstra as `tf.signal` defines them, and Slaney's bands; in NumPy, in float64.

References:
    TensorFlow, tf.signal: stft, hann_window, linear_to_mel_weight_matrix, mfccs_from_log_mel_spectrograms.
    Slaney, Auditory Toolbox, Technical Report 1998-010, Interval Research Corporation, 1998.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_FRAMES = 4096
"""Windows whose spectra are in memory at once."""

HALF = {"hann": 0.5, "hamming": 0.54, "rectangle": 1.0}
"""Mean of each shape of a window."""

LINEAR, KNEE, OCTAVES = 200.0 / 3, 1000.0, np.log(6.4) / 27
"""Slaney's scale: so many Hz for one mel up to the knee, and from there by this logarithm of the frequency."""

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


def blocks(samples: Floats, length: int, step: int) -> Iterator[Floats]:
    """Give the samples of so many windows at once that their spectra fit into memory.

    Args:
        samples: (n,) with at least `length` of them.
        length: samples of a window.
        step: samples from one window to the next.
    """
    frames = 1 + (len(samples) - length) // step
    for first in range(0, frames, MOST_FRAMES):
        last = min(first + MOST_FRAMES, frames) - 1
        yield samples[first * step : last * step + length]


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
def slaney_weights(bands: int, bins: int, rate: int, low: float, high: float, *, even: bool = True) -> Floats:
    """Give (bins, bands): triangles that are evenly spaced on Slaney's scale, each of the area 1 in Hz where `even`."""
    ends = _slaney(np.array([low, high], np.float64))
    edges = _hertz(np.linspace(ends[0], ends[1], bands + 2))
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    frequencies = np.linspace(0.0, rate / 2, bins)[:, None]
    rising, falling = (frequencies - below) / (centre - below), (above - frequencies) / (above - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(weights * 2 / (above - below) if even else weights)


def _slaney(frequency: Floats) -> Floats:
    above = KNEE / LINEAR + np.log(np.maximum(frequency, KNEE) / KNEE) / OCTAVES
    return np.asarray(np.where(frequency < KNEE, frequency / LINEAR, above))


def _hertz(mel: Floats) -> Floats:
    knee = KNEE / LINEAR
    return np.asarray(np.where(mel < knee, mel * LINEAR, KNEE * np.exp(OCTAVES * (mel - knee))))


WEIGHTS: Mapping[str, Callable[[int, int, int, float, float], Floats]] = {
    "htk": mel_weights,
    "slaney": slaney_weights,
}
"""Mel bands of the bins of a spectrum, by scale."""


@lru_cache(maxsize=8)
def cosines(bands: int, count: int) -> Floats:
    """Give (bands, count): what makes the first cepstral coefficients of logarithms of bands."""
    angle = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(count)
    return np.asarray(2 * np.cos(angle) / np.sqrt(2 * bands))
