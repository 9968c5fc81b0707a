"""TensorFlow's micro frontend: window, transform in 16 bits, bands, noise reduction, gain, logarithm.

References:
    TensorFlow, tensorflow/lite/experimental/microfrontend.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio.micro import bands
from tflbuild.modalities.audio.micro.gain import evened
from tflbuild.modalities.audio.micro.integers import Whole, bits_of, signed16
from tflbuild.modalities.audio.micro.logarithm import logarithms
from tflbuild.modalities.audio.micro.noise import reduced
from tflbuild.modalities.audio.micro.transform import spectrum

if TYPE_CHECKING:
    from tflbuild.modalities.audio.modality import Audio

WINDOW_BITS = 12
"""Bits behind the point of the window."""

LARGEST = 0xFFFF
"""Largest number that is given."""


def features(samples: NDArray[np.int16], kind: Audio) -> NDArray[np.uint16]:
    """Give (frames, bands): what the op gives of a recording that begins here.

    Args:
        samples: (n,) at the rate of the front end, at least a frame.
        kind: the front end.
    """
    length, fft, settings = kind.window_samples, kind.fft_samples, kind.micro
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.int64), length)[
        :: kind.stride_samples
    ]
    windowed = signed16((frames * _window(length)) >> WINDOW_BITS)
    shift = 15 - bits_of(np.maximum(signed16(np.abs(windowed)), 0).max(axis=1))
    padded = np.zeros((len(frames), fft), np.int64)
    padded[:, :length] = signed16(windowed << shift[:, None])
    weights = bands.weights(kind.bands, fft, kind.rate, kind.low, kind.high)
    found = reduced(bands.sizes(spectrum(padded), weights, shift), settings)
    values = evened(found.signal, found.estimate, settings, fft) if settings.gain else found.signal
    if settings.log:
        values = logarithms(values, fft, settings.log_shift)
    return np.minimum(values, LARGEST).astype(np.uint16)


@lru_cache(maxsize=8)
def _window(length: int) -> Whole:
    """Give half a turn of a cosine, between the samples."""
    turn = float(np.float32(2 * np.pi / length))
    shape = (0.5 - 0.5 * np.cos(turn * (np.arange(length) + 0.5))).astype(np.float32)
    scaled = np.floor(shape.astype(np.float64) * (1 << WINDOW_BITS) + 0.5)
    return np.asarray(scaled, np.int64)
