"""What other code does to a recording, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.modalities.audio import alterations, spectrum


def test_silence_lies_before_or_around_a_short_recording() -> None:
    sound = np.array([1, 2, 0, 0, 0, 0], np.float32)
    assert alterations.silence(sound, 2, "before").tolist() == [0, 0, 0, 0, 1, 2]
    assert alterations.silence(sound, 2, "around").tolist() == [0, 0, 1, 2, 0, 0]


def test_pre_emphasis_takes_a_share_of_the_sample_before() -> None:
    sound = np.array([1, 2, 4], np.float32)
    assert alterations.emphasised(sound, 0.5).tolist() == [1, 1.5, 3]
    assert sound.tolist() == [1, 2, 4]


def test_slaneys_scale_is_even_up_to_1000_hertz_and_logarithmic_above() -> None:
    """By Slaney's Auditory Toolbox: 66.67 Hz a mel up to 1,000 Hz (15 mel), and 27 mel from there to 6,400 Hz."""
    even = spectrum.slaney_weights(
        2, 4, 2000, 0.0, 1000.0, even=False
    )  # edges 0, 5, 10, 15 mel: 0, 333, 667, 1000 Hz
    assert even == pytest.approx(np.array([[0, 0], [1, 0], [0, 1], [0, 0]]), abs=1e-9)
    scaled = spectrum.slaney_weights(2, 4, 2000, 0.0, 1000.0, even=True)  # each 667 Hz wide: of the area 1
    assert scaled == pytest.approx(even * 2 / (2000 / 3), abs=1e-12)
    hertz = np.linspace(0, 8000, 8001)
    above = spectrum.slaney_weights(1, 8001, 16000, 1000.0, 6400.0, even=False)[:, 0]
    assert hertz[above.argmax()] == pytest.approx(1000 * 6.4**0.5, abs=1), "half of the 27 mel"
    whole = spectrum.slaney_weights(1, 8001, 16000, 0.0, 6400.0, even=False)[:, 0]
    assert hertz[whole.argmax()] == pytest.approx(1000 * 6.4 ** (6 / 27), abs=1), (
        "21 of 42 mel, 6 above 1,000 Hz"
    )
    assert hertz[above > 0][[0, -1]].tolist() == [1001, 6399]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", [[0, 2], [4, 6]]),
        ("scaled_0_1", [[0, 1 / 3], [2 / 3, 1]]),
        ("scaled_minus1_1", [[-1, -1 / 3], [1 / 3, 1]]),
        ("mean_removed", [[-2, -2], [2, 2]]),
        ("standardised_each", [[-1, -1], [1, 1]]),
        ("standardised", np.array([[-3, -1], [1, 3]]) / 5**0.5),
    ],
)
def test_features_are_normalised_as_said(how: str, expected: object) -> None:
    found = alterations.normalised(np.array([[0, 2], [4, 6]], np.float32), how)
    assert found == pytest.approx(np.array(expected), abs=1e-6)
