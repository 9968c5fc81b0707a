"""Draw the sound of a machine: a motor's hum with its overtones, air and a room, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflbuild.data.layouts.draws import Draws
from tflbuild.modalities.audio.recording import Recording

Floats = NDArray[np.float64]

RATE = 16_000
"""Samples in a second."""

LENGTH = 32_000
"""Samples of a recording: two seconds."""

FULL = 32767
"""The loudest sample of 16 bits."""

SPEED = 97.0
"""Turns of the motor in a second, give or take two percent."""

OVERTONES = (1.0, 0.55, 0.8, 0.3, 0.45, 0.2, 0.25, 0.12, 0.18, 0.1, 0.08, 0.1)
"""Loudness of each multiple of the speed, from the speed itself on."""

STRIKES = 0.45
"""Strikes of a damaged bearing in a turn."""


@dataclass
class _Machine:
    """One recording while it is made.

    Attributes:
        time: of each sample, in seconds.
        speed: turns in a second.
        overtones: loudness of each multiple.
        added: what sounds beside the hum.
    """

    time: Floats
    speed: float
    overtones: Floats
    added: Floats


def recording(seeds: tuple[int | str, ...], fault: str, strength: float) -> Recording:
    """Draw a recording of two seconds.

    Args:
        seeds: name it.
        fault: one of `FAULTS`; "" for a machine that is well.
        strength: of the fault; 1 as usual, less is harder to hear.
    """
    draws = Draws(*seeds)
    machine = _Machine(
        time=np.arange(LENGTH) / RATE,
        speed=SPEED * (1 + draws.between(-200, 200) / 10_000),
        overtones=np.array(OVERTONES) * [draws.between(80, 125) / 100 for _ in OVERTONES],
        added=np.zeros(LENGTH),
    )
    if fault:
        FAULTS[fault](machine, draws, strength * draws.between(30, 70) / 100)
    sound = _hum(machine, draws) + machine.added + _air(draws) * draws.between(6, 14) / 100
    loud = draws.between(50, 80) / 100
    samples = np.rint(sound / 4 * loud * FULL).clip(-FULL, FULL) / 32768.0
    return Recording(samples.astype(np.float32), RATE)


def _hum(machine: _Machine, draws: Draws) -> Floats:
    """Give the hum: the speed and its multiples, which swell a little with the load."""
    load = 1 + 0.05 * np.sin(2 * np.pi * (1.3 * machine.time + draws.below(1000) / 1000))
    made = np.zeros(LENGTH)
    for number, loud in enumerate(machine.overtones, start=1):
        phase = draws.below(1000) / 1000
        made += loud * np.sin(2 * np.pi * (number * machine.speed * machine.time + phase))
    return np.asarray(made * load)


def _noise(draws: Draws, count: int = LENGTH) -> Floats:
    """Give white noise in -1..1."""
    return draws.bytes(2 * count).view("<i2") / 32768.0


def _air(draws: Draws) -> Floats:
    """Give the noise of moving air: the lower, the louder."""
    white, made = _noise(draws, LENGTH + 64), np.zeros(LENGTH)
    for lag in range(16):
        made += white[lag : lag + LENGTH] * 0.8**lag
    return np.asarray(made + 0.3 * white[:LENGTH])


def _click(machine: _Machine, draws: Draws, strength: float) -> None:
    """Let a damaged bearing strike, each time with a short ring."""
    ring = 2200 + 40 * draws.below(40)
    long = np.arange(RATE // 200) / RATE
    strike = np.sin(2 * np.pi * ring * long) * np.exp(-long * 1200)
    gap = RATE / (machine.speed * STRIKES)
    place = float(draws.below(int(gap)))
    while place + len(strike) < LENGTH:
        start = int(place)
        machine.added[start : start + len(strike)] += 0.9 * strength * strike
        place += gap * (1 + draws.between(-100, 100) / 10_000)


def _missing(machine: _Machine, draws: Draws, strength: float) -> None:
    """Let the third multiple of the speed fade, and the fifth or the seventh."""
    for multiple in (3, 5 + 2 * draws.below(2)):
        machine.overtones[multiple - 1] *= max(0.0, 1 - 0.9 * strength)


def _rattle(machine: _Machine, draws: Draws, strength: float) -> None:
    """Let a loose part rattle in some turns."""
    burst = RATE // 50
    shape = np.exp(-np.arange(burst) / (burst / 4))
    for _ in range(10):
        start = draws.below(LENGTH - burst)
        noise = np.diff(_noise(draws, burst + 1))
        machine.added[start : start + burst] += 0.5 * strength * noise * shape


def _speed(machine: _Machine, draws: Draws, strength: float) -> None:
    """Let the motor turn at another speed."""
    machine.speed *= 1 + 0.08 * strength * (1 if draws.below(2) else -1)


FAULTS: Mapping[str, Callable[[_Machine, Draws, float], None]] = {
    "click": _click,
    "missing": _missing,
    "rattle": _rattle,
    "speed": _speed,
}
"""Functions that draw what goes wrong: a bearing that clicks, missing overtones, a rattling part, another speed."""
