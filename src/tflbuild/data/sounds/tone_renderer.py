"""Draw one tone: what a class sounds like, and what varies from one recording to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tflbuild.data.layouts.draws import Draws
from tflbuild.modalities.audio.recording import Recording

Floats = NDArray[np.float64]

RATE = 16_000
"""Samples in a second."""

LENGTH = 16_000
"""Samples of a recording: one second."""

FADE = 320
"""Samples in which a tone swells and fades."""

FULL = 32767
"""The loudest sample of 16 bits."""


def recording(seeds: tuple[int | str, ...], shape: str, noise: float) -> Recording:
    """Draw a recording of one second.

    Args:
        seeds: name it.
        shape: one of `SHAPES`.
        noise: loudest noise, as a part of the tone.
    """
    draws = Draws(*seeds)
    long = draws.between(RATE * 2 // 5, RATE * 3 // 4)
    start = draws.between(0, LENGTH - long)
    base = draws.between(300, 900) * 1.0
    loud = draws.between(10, 90) / 100
    hiss = noise * draws.below(1001) / 1000
    tone = SHAPES[shape](np.arange(long) / RATE, base, long / RATE)
    ends = np.clip(np.minimum(np.arange(long) + 1, np.arange(long)[::-1] + 1) / FADE, 0, 1)
    sound = (draws.bytes(2 * LENGTH).view("<i2") / 32768.0) * hiss
    sound[start : start + long] += tone * ends
    samples = np.rint(sound / max(1.0, np.abs(sound).max()) * loud * FULL) / 32768.0
    return Recording(samples.astype(np.float32), RATE)


def _wave(phase: Floats) -> Floats:
    """Give a tone and two of its overtones, from its phase in turns."""
    turn = 2 * np.pi * phase
    return np.asarray((np.sin(turn) + 0.5 * np.sin(2 * turn) + 0.25 * np.sin(3 * turn)) / 1.75)


def _low(time: Floats, base: float, long: float) -> Floats:
    return _wave(base * time)


def _high(time: Floats, base: float, long: float) -> Floats:
    return _wave(3 * base * time)


def _rising(time: Floats, base: float, long: float) -> Floats:
    return _wave(base * (time + time**2 / long))


def _falling(time: Floats, base: float, long: float) -> Floats:
    return _wave(base * (3 * time - time**2 / long))


def _warble(time: Floats, base: float, long: float) -> Floats:
    return _wave(1.5 * base * time + base / 25 * np.sin(2 * np.pi * 6 * time))


def _pulses(time: Floats, base: float, long: float) -> Floats:
    return np.asarray(_wave(1.5 * base * time) * (np.floor(time * 16) % 2 == 0))


def _chord(time: Floats, base: float, long: float) -> Floats:
    return (_wave(base * time) + _wave(1.26 * base * time) + _wave(1.5 * base * time)) / 3


def _two(time: Floats, base: float, long: float) -> Floats:
    return np.asarray(np.where(time < long / 2, _wave(base * time), _wave(2 * base * time)))


SHAPES: Mapping[str, Callable[[Floats, float, float], Floats]] = {
    "low": _low,
    "high": _high,
    "rising": _rising,
    "falling": _falling,
    "warble": _warble,
    "pulses": _pulses,
    "chord": _chord,
    "two": _two,
}
"""Functions that draw each class: (seconds since its beginning, pitch in Hz, its length in seconds) to -1..1."""
