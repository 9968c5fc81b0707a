"""The micro frontend, held to what TensorFlow's op gave (`micro.json`), and to numbers by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micro_sounds import KINDS, LOUD, SPEECH, sound
from recordings import tone
from tflbuild.core.meaning import Meaning
from tflbuild.modalities.audio.micro import bands, integers, logarithm, transform
from tflbuild.modalities.audio.micro.frontend import features
from tflbuild.modalities.audio.micro.settings import CHECKS, Micro
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.audio.recording import Recording

KEPT = json.loads((Path(__file__).parent / "micro.json").read_text())
"""What `pytest tests/modalities/audio/test_micro_against_tensorflow.py` holds to the op."""


@pytest.mark.parametrize("name", KINDS)
def test_every_number_is_the_one_that_the_op_gave(name: str) -> None:
    KINDS[name].check()
    for loud in LOUD:
        assert features(sound(KINDS[name], loud), KINDS[name]).tolist() == KEPT[name][str(loud)]


def test_the_model_is_given_the_scaled_numbers() -> None:
    kind = KINDS["micro_speech"]
    whole = sound(kind, 20000)
    codes = kind.encode(whole, kind.shape()).codes
    assert kind.shape() == (5, 40, 1)
    assert codes.dtype == np.float32
    assert np.array_equal(codes[..., 0], np.array(KEPT["micro_speech"]["20000"]) * 10 / 256)
    floats = Recording(whole.astype(np.float32) / np.float32(32768), 16000)
    assert np.array_equal(kind.encode(floats, kind.shape()).codes, codes)
    other = Audio(**SPEECH, duration=0.11, micro=Micro(scale=0.5))
    assert np.array_equal(other.encode(whole, kind.shape()).codes, codes * np.float32(12.8))


def test_a_louder_sample_than_a_file_holds_is_cut_to_the_loudest() -> None:
    kind = KINDS["micro_speech"]
    wave = tone(16000, 0.11, 440, 2.0).astype(np.float32)
    cut = np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16)
    assert np.array_equal(kind.features(wave)[..., 0], features(cut, kind) * np.float32(10 / 256))


def test_silence_is_nothing() -> None:
    kind = KINDS["micro_speech"]
    assert not features(np.zeros(kind.samples, np.int16), kind).any()


def test_the_transform_is_near_the_exact_one() -> None:
    samples = np.random.default_rng(0).integers(-32000, 32000, (3, 128))
    for count in (4, 8, 64, 128):
        found = transform.spectrum(samples[:, :count])
        exact = np.fft.rfft(samples[:, :count], axis=1) / count
        assert np.abs(found.re + 1j * found.im - exact).max() < 4


def test_whole_numbers_by_hand() -> None:
    assert integers.signed16(np.array([32768, -32769, 65536])).tolist() == [-32768, 32767, 0]
    # the root of 65535.9 would be 65536, which 16 bits do not hold
    assert integers.rounded_root(np.array([2**32 - 1, 2**50 - 1, 2**50 + 2**25 + 1])).tolist() == [
        65535, 2**25, 2**25 + 1,
    ]  # fmt: skip
    assert integers.rounded_root(np.array([0, 2, 3, 6, 7, 12, 13])).tolist() == [0, 1, 2, 2, 3, 3, 4]
    # 1 counts as nothing; ln(2) x 64, with no correction
    assert logarithm.logarithms(np.array([1, 2]), 64, 6).tolist() == [0, round(np.log(2) * 64)]
    # ln(1000 x 8) x 64, as the correction of a transform of 512 samples is 3 bits
    assert logarithm.logarithms(np.array([1000, 0]), 512, 6).tolist() == [round(np.log(8000) * 64), 0]


def test_a_frequency_rises_into_one_band_by_what_it_falls_out_of_the_other() -> None:
    weights = bands.weights(40, 512, 16000, 125.0, 7500.0)
    inside = weights.sum(axis=1)[8:220]
    assert set(inside.tolist()) <= {4096, 4097}
    assert not weights[:5].any(), "the mean and what is below 125 Hz"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "largest"}, "level: front_end=micro does not do largest; use recorded"),
        ({"window_shape": "hamming"}, "window_shape: front_end=micro does not do hamming; use hann"),
        ({"mel": "slaney"}, "mel: front_end=micro does not do slaney; use htk"),
        ({"logarithm": "decibels"}, "logarithm: front_end=micro does not do decibels; use natural"),
        ({"fft": 1024}, "fft: front_end=micro does not do 1024; use null"),
        (
            {"window": 0.5, "stride": 0.5},
            "window: a frame of 0.5 ms has 8 samples, and front_end=micro takes 16",
        ),
        ({"stride": 31}, "stride: 31 ms are more than the 30 ms of a frame"),
        ({"high": 8000.0}, "high: 8000 Hz is not below half of the rate, 8000 Hz"),
        (
            {"micro": Micro(gain_bits=14)},
            "micro.gain_bits: 14 are below 15, which frames of 512 samples need",
        ),
        ({"micro": Micro(noise_bits=2)}, "micro.noise_bits: 2 are below 3"),
    ],
)
def test_what_the_op_does_not_do_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Audio(**{**SPEECH, **options}).check()
    Audio(**SPEECH, micro=Micro(gain=False, gain_bits=14, noise_bits=2)).check()


def test_settings_travel_in_a_file_and_what_is_wrong_there_is_refused() -> None:
    kind = Audio(**SPEECH, micro=Micro(gain=False, log_shift=7))
    facts = {
        "task": "classification",
        "labels": [],
        "inputs": {"sound": {"modality": "audio", "shape": [49, 40, 1], "preprocess": kind.to_json()}},
    }
    assert Meaning.from_json(json.loads(json.dumps(facts))).only.kind == kind
    assert kind.to_json()["micro"].keys() == CHECKS.keys()
    for option, wrong in (
        ("noise_even", 1.5), ("noise_odd", -1), ("noise_least", "all"), ("noise_bits", 17), ("gain", 1),
        ("gain_strength", 5), ("gain_offset", 0), ("gain_bits", 31), ("log", None), ("log_shift", 12), ("scale", 0),
        ("spell", 1),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"preprocess\.micro\.{option}"):
            Audio.check_options("preprocess.", {**kind.to_json(), "micro": {option: wrong}})
    with pytest.raises(ValueError, match=r"'preprocess\.micro' is 3"):
        Audio.check_options("preprocess.", {**kind.to_json(), "micro": 3})
    with pytest.raises(ValueError, match=r"preprocess\.micro\.gain_bits: 3 are below 15"):
        Audio.check_options("preprocess.", {**Audio(**SPEECH).to_json(), "micro": {"gain_bits": 3}})


def test_people_are_told_what_goes_in() -> None:
    said = Audio(**SPEECH).described((49, 40, 1)).description
    assert said.endswith("of each 40 bands of the micro frontend.")
