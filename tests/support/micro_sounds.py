"""Recordings by rule, and settings of the micro frontend, for which TensorFlow's answers are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio.micro.settings import Micro
from tflbuild.modalities.audio.modality import Audio

SPEECH: dict[str, Any] = {"front_end": "micro", "level": "recorded", "low": 125.0, "high": 7500.0}
"""Of TensorFlow's micro_speech, with the defaults."""

KINDS: dict[str, Audio] = {
    "micro_speech": Audio(**SPEECH, duration=0.11),
    "the op's defaults": Audio(**SPEECH, duration=0.06, window=25, stride=10, bands=32),
    "no gain": Audio(**SPEECH, duration=0.11, micro=Micro(gain=False)),
    "no logarithm": Audio(**SPEECH, duration=0.11, micro=Micro(log=False)),
    "neither": Audio(**SPEECH, duration=0.11, micro=Micro(log=False, gain=False)),
    "two halvings": Audio(**SPEECH | {"high": 15000.0}, rate=44100, duration=0.06, window=25, stride=10, bands=24),
    "parts of a sample": Audio(**SPEECH | {"high": 5000.0}, rate=11025, duration=0.11),
    "other settings": Audio(
        **SPEECH, duration=0.02, window=5, stride=3, bands=20,
        micro=Micro(noise_even=0.5, noise_odd=0.0, noise_least=0.3, noise_bits=14, gain_bits=18, gain_strength=0.5,
                    gain_offset=2.0, log_shift=11),
    ),
}  # fmt: skip


def sound(kind: Audio, loud: int) -> NDArray[np.int16]:
    """Give noise by a rule of whole numbers, at most so loud, that begins and ends softly."""
    state, made = 12345, []
    for place in range(kind.samples):
        state = (1103515245 * state + 12345) % (1 << 31)
        inside = min(place, kind.samples - 1 - place, 500)
        made.append(((state >> 8) % (2 * loud + 1) - loud) * inside // 500)
    return np.array(made, np.int16)


LOUD = (30, 20000)
"""Loudnesses: of bands that are almost silent, and of words."""
