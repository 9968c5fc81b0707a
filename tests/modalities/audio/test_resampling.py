from __future__ import annotations

import numpy as np
import pytest

from recordings import tone
from tflbuild.modalities.audio.resampling import resampled


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, 16000), (44100, 16000), (48000, 16000), (11025, 16000), (22050, 8000)]
)
def test_a_tone_stays_the_same_tone(rate: int, wanted: int) -> None:
    made = resampled(tone(rate, 0.5, 1000).astype(np.float32), rate, wanted, 10**6)
    exact = tone(wanted, 0.5, 1000)
    assert len(made) == len(exact)
    inner = slice(wanted // 20, -wanted // 20)
    assert np.abs(made[inner] - exact[inner]).max() < 1e-4


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    made = resampled(tone(48000, 0.5, 9500).astype(np.float32), 48000, 16000, 10**6)
    assert np.abs(made[800:-800]).max() < 0.5 * 10 ** (-80 / 20)


def test_an_equal_rate_and_a_constant_stay_as_they_are() -> None:
    given = np.arange(10, dtype=np.float32)
    assert np.array_equal(resampled(given, 16000, 16000, 6), given[:6])
    flat = resampled(np.ones(4000, np.float32), 8000, 16000, 8000)
    assert np.abs(flat[400:-400] - 1).max() < 1e-6


def test_the_first_samples_do_not_depend_on_how_many_are_wanted() -> None:
    given = tone(8000, 6.0, 313).astype(np.float32)
    whole = resampled(given, 8000, 16000, 10**6)
    assert len(whole) == 96000
    assert np.array_equal(resampled(given, 8000, 16000, 40000), whole[:40000])
