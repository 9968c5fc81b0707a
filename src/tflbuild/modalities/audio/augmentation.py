"""Vary a recording: shift and noise of the sound, masks of what the front end makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio.augment import Augment, Masks, Noise
from tflbuild.modalities.audio.modality import Audio

Floats = NDArray[np.float32]

FIRST = {"piece_stride": 1, "begin": 0.0, "end": None}
"""Options of a piece that is prepared by itself."""


def varied(options: Augment, samples: Floats, kind: Audio, rng: np.random.Generator) -> Floats:
    """Give the features of a random variant of a recording.

    Args:
        options: what is varied.
        samples: (n,) as `Audio.fitted` gives them.
        kind: the front end.
        rng: decides everything that is random.
    """
    if not options.enabled:
        return kind.features(samples)
    reach = min(round(options.shift * kind.rate / 1000), len(samples) - 1)
    moved = shifted(samples, int(rng.integers(-reach, reach + 1)))
    features = kind.features(noisy(options.noise, moved, rng))
    return features if kind.front_end == "waveform" else masked(options.masks, features, rng)


def prepared(options: Augment, samples: Floats, kind: Audio) -> Floats:
    """Give what `piece_of` takes of a recording that is cut into pieces; any other stays as it is.

    Its sound where that is varied, as loud as the front end makes it; else its features, which are made once.
    """
    if not kind.several():
        return samples
    return kind.levelled(samples) if options.enabled else kind.features(samples)


def piece_of(options: Augment, given: Floats, kind: Audio, rng: np.random.Generator) -> Floats:
    """Give the features of a random piece of a recording.

    Args:
        options: what is varied.
        given: what `prepared` gave.
        kind: the front end.
        rng: decides everything that is random.
    """
    if not options.enabled:
        every = kind.pieces_of(given)
        return np.asarray(every[int(rng.integers(len(every)))])
    last = (len(given) - kind.samples) // (kind.stride_samples * kind.piece_stride)
    start = int(rng.integers(last + 1)) * kind.stride_samples * kind.piece_stride
    whole = Audio.of({**kind.to_json(), "cut": "first", "level": "recorded", **FIRST})
    return varied(options, given[start : start + kind.samples], whole, rng)


def shifted(samples: Floats, by: int) -> Floats:
    """Move a recording to later, or earlier where `by` is negative; silence fills the gap."""
    moved = np.zeros_like(samples)
    if by >= 0:
        moved[by:] = samples[: len(samples) - by]
    else:
        moved[:by] = samples[-by:]
    return moved


def noisy(options: Noise, samples: Floats, rng: np.random.Generator) -> Floats:
    """Add white noise, so many decibels below the mean power of the sound."""
    if rng.random() >= options.probability:
        return samples
    low, high = sorted((options.loudest, options.quietest))
    below = rng.uniform(low, high)
    size = np.sqrt(np.mean(np.square(samples, dtype=np.float64))) * 10 ** (-below / 20)
    return np.asarray(samples + size * rng.standard_normal(len(samples)), np.float32)


def masked(options: Masks, features: Floats, rng: np.random.Generator) -> Floats:
    """Replace runs of frames, the first axis, and of bands, the second, by the mean of each band."""
    made, means = features.copy(), features.mean(axis=0, keepdims=True)
    for axis, count, share in ((0, options.times, options.longest), (1, options.bands, options.widest)):
        side = features.shape[axis]
        for _ in range(count):
            long = int(rng.integers(0, int(share * side) + 1))
            start = int(rng.integers(0, side - long + 1))
            where = (slice(start, start + long),) if axis == 0 else (slice(None), slice(start, start + long))
            made[where] = np.broadcast_to(means, made.shape)[where]
    return made
