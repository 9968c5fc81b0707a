"""The front ends, held to numbers that were computed by hand; `test_against_tensorflow` holds them to TensorFlow's."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from recordings import tone
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.audio import spectrum
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.audio.recording import Recording

SMALL: dict[str, Any] = {
    "rate": 1000,
    "duration": 0.008,
    "window": 4.0,
    "stride": 2.0,
    "low": 0.0,
    "high": 500.0,
}


def test_the_defaults_are_those_of_mlperf_tiny() -> None:
    kind = Audio()
    assert (kind.samples, kind.window_samples, kind.stride_samples, kind.fft_samples) == (
        16000,
        480,
        320,
        512,
    )
    assert kind.shape() == (49, 10, 1)
    assert Audio(front_end="log_mel").shape() == (49, 40, 1)
    assert Audio(front_end="waveform").shape() == (16000, 1)
    machine = Audio(front_end="log_mel", window=64, stride=32, bands=128, high=8000)
    assert (machine.window_samples, machine.stride_samples, machine.fft_samples) == (1024, 512, 1024)


def test_windows_by_hand() -> None:
    assert spectrum.window("hann", 4) == pytest.approx([0, 0.5, 1, 0.5])  # one period: the next would be 0
    assert spectrum.window("hann", 3) == pytest.approx(
        [0, 1, 0]
    )  # odd: from end to end, as TensorFlow has it
    assert spectrum.window("hamming", 4) == pytest.approx([0.08, 0.54, 1, 0.54])
    assert spectrum.window("rectangle", 3) == pytest.approx([1, 1, 1])
    assert spectrum.window("hann", 1) == pytest.approx([1])


def test_magnitudes_of_two_frames_by_hand() -> None:
    found = spectrum.magnitudes(np.array([1.0, 0, -1, 0, 1, 0]), 4, 2, 4, "rectangle")
    # one turn in four samples: all of it in bin 1, with half of four samples
    assert found == pytest.approx(np.array([[0, 2, 0], [0, 2, 0]]), abs=1e-12)


def test_mel_weights_by_hand() -> None:
    # bins at 0, 125, 250, 375, 500 Hz; edges 0, 303.76, 607.5 in mel (500 Hz), one band
    weights = spectrum.mel_weights(1, 5, 1000, 0.0, 500.0)[:, 0]

    def mel(hertz: float) -> float:
        return 1127 * math.log(1 + hertz / 700)

    top = mel(500)
    wanted = [0, mel(125) / (top / 2), (top - mel(250)) / (top / 2), (top - mel(375)) / (top / 2), 0]
    assert weights == pytest.approx(wanted, abs=1e-5)


def test_cepstra_by_hand() -> None:
    # two bands x, y: (x + y) and sqrt(2) / 2 x (x - y), each times 2 / sqrt(4)
    assert np.array([3.0, 1.0]) @ spectrum.cosines(2, 2) == pytest.approx([4.0, math.sqrt(2)])


def test_log_mel_of_a_small_sound_by_hand() -> None:
    kind = Audio(front_end="log_mel", level="recorded", bands=1, window_shape="rectangle", **SMALL)
    kind.check()
    sound = np.array(
        [0.5, 0, -0.5, 0, 0.5, 0, -0.5, 0], np.float32
    )  # 250 Hz: magnitude 1 in bin 1 of 0, 250, 500
    weight = spectrum.mel_weights(1, 3, 1000, 0.0, 500.0)[1, 0]
    assert kind.shape() == (3, 1, 1)
    assert kind.encode(sound, (3, 1, 1)).codes.ravel() == pytest.approx(
        [math.log(weight + 1e-6)] * 3, rel=1e-6
    )
    louder = Audio(
        front_end="log_mel",
        level="largest",
        power=2,
        bands=1,
        window_shape="rectangle",
        log_offset=0.5,
        **SMALL,
    )
    # divided by 0.5, the magnitude is 2, its square 4
    assert louder.encode(sound, (3,)).codes == pytest.approx([math.log(4 * weight + 0.5)] * 3, rel=1e-6)


def test_a_waveform_goes_in_as_it_is() -> None:
    kind = Audio(front_end="waveform", level="recorded", rate=1000, duration=0.004)
    whole = np.array([16384, -32768, 0, 8192], np.int16)
    assert kind.encode(whole, (4, 1)).codes.tolist() == [[0.5], [-1.0], [0.0], [0.25]]
    assert kind.encode(whole[:2], (4,)).codes.tolist() == [0.5, -1.0, 0.0, 0.0]  # followed by silence
    assert kind.encode(np.append(whole, whole), (4,)).codes.tolist() == [
        0.5,
        -1.0,
        0.0,
        0.25,
    ]  # the beginning
    largest = Audio(front_end="waveform", rate=1000, duration=0.004)
    assert largest.encode(whole, (4,)).codes.tolist() == [1.0, -2.0, 0.0, 0.5]
    assert largest.encode(np.zeros(4, np.float32), (4,)).codes.tolist() == [0.0] * 4


def test_another_rate_is_resampled() -> None:
    kind = Audio()
    low = Recording(tone(8000, 1.0).astype(np.float32), 8000)
    high = Recording(tone(16000, 1.0).astype(np.float32), 16000)
    found = [kind.encode(one, (49, 10, 1)).codes for one in (low, high)]
    assert np.abs(found[0] - found[1])[2:-2].max() < 0.5
    assert np.abs(kind.fitted(low) - kind.fitted(high))[400:-400].max() < 1e-4


def test_a_long_recording_gives_what_its_beginning_gives() -> None:
    kind = Audio()
    long = np.random.default_rng(0).normal(0, 0.1, 8000 * 30).astype(np.float32)
    assert np.array_equal(kind.fitted(Recording(long, 8000)), kind.fitted(Recording(long[: 8000 * 2], 8000)))


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((2, 100), np.float32), "a recording is (samples,) of floats in -1..1 or of int16"),
        (np.zeros(100, np.int32), "a recording is (samples,) of floats in -1..1 or of int16"),
        (np.zeros(479, np.float32), "it is 0.0299 s long, shorter than a frame of 30 ms"),
        (Recording(np.zeros(200, np.float32), 8000), "it is 0.025 s long, shorter than a frame of 30 ms"),
        (np.zeros(0, np.float32), "it has no sample"),
        (np.full(1000, np.nan, np.float32), "samples that are not finite"),
    ],
)
def test_what_is_no_recording_is_refused(sample: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Audio().encode(sample, (49, 10, 1))


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(
        ValueError, match=re.escape("the front end gives (49, 10, 1), and the input takes (50, 10)")
    ):
        Audio().encode(np.zeros(16000, np.float32), (50, 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": 0.02}, "duration: 0.02 s are shorter than a frame of 30 ms"),
        ({"fft": 256}, "fft: 256 is below the 480 samples of a frame"),
        ({"high": 9000.0}, "high: 9000 Hz is not above low, 20 Hz, and at most half of the rate, 8000 Hz"),
        ({"high": 10.0}, "high: 10 Hz is not above low"),
        ({"coefficients": 41}, "coefficients: 41 are more than the 40 bands"),
    ],
)
def test_options_that_contradict_one_another_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Audio(**options).check()
    Audio(front_end="waveform", **options).check()


def test_options_travel_in_a_file_and_what_is_wrong_there_is_refused() -> None:
    kind = Audio(front_end="log_mel", fft=1024, power=2, window=25.5)
    facts = {
        "task": "classification",
        "labels": [],
        "inputs": {"sound": {"modality": "audio", "shape": [49, 40, 1], "preprocess": kind.to_json()}},
    }
    assert Meaning.from_json(facts).only.kind == kind
    assert kind.to_json().keys() == Audio.checks.keys()
    for option, wrong in (
        ("front_end", "eval"), ("rate", 10**9), ("rate", 16000.5), ("duration", 1e9), ("window", 0), ("fft", 1 << 30),
        ("bands", 10**6), ("power", 3), ("power", True), ("log_offset", 0), ("high", 9000), ("level", None),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=option):
            Audio.check_options("preprocess.", {**kind.to_json(), option: wrong})


def test_silence_can_be_given_to_try_a_file() -> None:
    assert Audio().encode(np.zeros(Audio().raw_shape((49, 10, 1)), np.float32), (49, 10, 1)).codes.shape == (
        49,
        10,
        1,
    )


def test_people_are_told_what_goes_in() -> None:
    assert Audio().plain(Recording(np.zeros(8000, np.float32), 16000)) == "a recording of 0.50 s at 16000 Hz"
    said = Audio().described((49, 10, 1)).description
    assert said == (
        "One channel of sound, 1 s at 16000 Hz: 49 frames of 30 ms, one every 20 ms, of each 10 cepstral coefficients."
    )
    assert Audio().refusal(TensorSpec((1,), "string"))
