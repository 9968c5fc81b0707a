"""Features of a recording as other code makes them: other frames, mel scales, logarithms, cepstra, normalisations.

References:
    McFee et al., librosa: Audio and Music Signal Analysis in Python, 2015 (the Slaney mel scale, centred frames).
    Young et al., The HTK Book (pre-emphasis, liftering).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio import spectrum

if TYPE_CHECKING:
    from tflbuild.modalities.altered_audio import AlteredAudio

Floats = NDArray[np.float64]

LIFTER = 22
"""Period of the sine that HTK lifts cepstra by."""

FACTORS = {"natural": 1.0, "log10": np.log10(np.e), "log2": np.log2(np.e)}
FACTORS |= {"decibels": 10 * np.log10(np.e), "decibels_20": 20 * np.log10(np.e)}
"""Factors that make other logarithms of natural ones."""


def emphasised(samples: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Take a share of the sample before off each sample."""
    made = samples.copy()
    made[1:] -= np.float32(share) * samples[:-1]
    return made


def silence(samples: NDArray[np.float32], length: int, place: str) -> NDArray[np.float32]:
    """Move the sound, the first `length` samples, so that silence is `before` it, or `around` it."""
    free = len(samples) - length
    return np.roll(samples, free if place == "before" else free // 2)


def features(kind: AlteredAudio, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give (frames, bands or coefficients, 1) of (samples,)."""
    sound = samples.astype(np.float64)
    largest = float(sound.max(initial=0.0))
    if kind.level == "largest" and largest > 0:
        sound = sound / largest
    if kind.framing == "centred":
        sound = np.pad(sound, kind.fft_samples // 2, mode="reflect")
    fft = max(kind.fft_samples, kind.window_samples)
    sizes = _magnitudes(kind, sound, fft)
    found = sizes**kind.power @ _weights(kind, sizes.shape[1])
    if kind.logarithm != "none":
        found = np.log(found + kind.log_offset) * FACTORS[kind.logarithm]
    if kind.front_end == "mfcc":
        found = _cepstra(kind, found)
    return found.astype(np.float32)[..., None]


def _magnitudes(kind: AlteredAudio, sound: Floats, fft: int) -> Floats:
    """Give the size of each frequency; a symmetric curve of n samples is the first n of a period of n - 1."""
    length, step = kind.window_samples, kind.stride_samples
    if kind.curve == "periodic" or length < 2:
        return spectrum.magnitudes(sound, length, step, fft, kind.window_shape)
    mean = spectrum.HALF[kind.window_shape]
    curve = mean - (1 - mean) * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    return np.abs(np.fft.rfft(frames * curve, fft))


def _weights(kind: AlteredAudio, bins: int) -> Floats:
    high = min(kind.high, kind.rate / 2)
    if kind.mel == "htk":
        return spectrum.mel_weights(kind.bands, bins, kind.rate, kind.low, high)
    return spectrum.slaney_weights(kind.bands, bins, kind.rate, kind.low, high, even=kind.mel == "slaney")


def _cepstra(kind: AlteredAudio, found: Floats) -> Floats:
    extra = kind.cepstra == "without_first"
    count = min(kind.coefficients + extra, kind.bands)
    made: Any = found @ spectrum.cosines(kind.bands, count)
    if kind.cepstra == "orthonormal":
        made[:, 0] /= np.sqrt(2)
    elif kind.cepstra == "unscaled":
        made *= np.sqrt(2 * kind.bands)
    elif kind.cepstra == "liftered":
        made *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(count) / LIFTER)
    return np.asarray(made[:, 1:] if extra else made)


def normalised(found: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """Change features as a whole: to mean 0 and deviation 1, to their own range, or by what each band's mean is."""
    if how == "none":
        return found
    values = found.astype(np.float64)
    if how in ("standardised_each", "mean_removed"):
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        made = (values - mean) / (1.0 if how == "mean_removed" else np.where(deviation, deviation, 1.0))
    elif how == "standardised":
        made = (values - values.mean()) / (values.std() or 1.0)
    else:
        low, span = values.min(), float(np.ptp(values)) or 1.0
        made = (values - low) / span
        made = made * 2 - 1 if how == "scaled_minus1_1" else made
    return np.asarray(made, np.float32)
