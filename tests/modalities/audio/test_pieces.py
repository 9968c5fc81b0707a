"""Recordings that are cut into pieces, as MLPerf Tiny's anomaly detection has them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tflbuild.core.dataset import Example, Sample
from tflbuild.modalities.audio import spectrum
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.audio.recording import Recording

MLPERF: dict[str, Any] = {
    "front_end": "log_mel",
    "cut": "pieces",
    "duration": 0.192,
    "level": "recorded",
    "window": 64.0,
    "stride": 32.0,
    "power": 2,
    "bands": 128,
    "low": 0.0,
    "high": 8000.0,
    "mel": "slaney",
    "logarithm": "decibels",
    "log_offset": 2.220446049250313e-16,
}
KIND = Audio(**MLPERF)


def chirp() -> Recording:
    time = np.arange(32000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * (1000 * time + 900 * time * time))
    return Recording(sound.astype(np.float32), 16000)


def test_bands_are_those_of_librosa() -> None:
    """10 log10 of librosa.feature.melspectrogram(sr=16000, n_fft=1024, hop_length=512, n_mels=128); its first frame
    begins half a frame before the recording."""
    found = KIND.features(KIND.fitted(chirp()))[..., 0]
    assert found.shape == (61, 128)
    right = {
        (0, 10): -72.2597391087706,
        (0, 40): -72.23081198155849,
        (12, 10): -46.847954754691976,
        (28, 20): -61.53167381247214,
        (60, 20): -83.36674493714156,
        (90, 55): -97.75912726231896,
        (127, 30): -136.2116002403172,
    }
    for (band, frame), value in right.items():
        assert found[frame - 1, band] == pytest.approx(value, abs=1e-4)


def test_weights_have_an_area_of_one() -> None:
    weights = spectrum.slaney_weights(40, 4097, 16000, 0.0, 8000.0)
    assert weights.sum(axis=0) * 8000 / 4096 == pytest.approx(np.ones(40), rel=0.02)


def test_pieces_are_frames_that_follow_each_other() -> None:
    features = KIND.features(KIND.fitted(chirp()))[..., 0]
    pieces = KIND.pieces(chirp(), (640,))
    assert pieces.shape == (57, 640)
    for place in (0, 13, 56):
        assert np.array_equal(pieces[place], features[place : place + 5].ravel())
    assert KIND.pieces(chirp(), (5, 128, 1)).shape == (57, 5, 128, 1)
    every_fifth = Audio(**{**MLPERF, "piece_stride": 5}).pieces(chirp(), (640,))
    assert np.array_equal(every_fifth, pieces[::5])


def test_one_piece_stands_for_a_recording_where_one_is_wanted() -> None:
    assert np.array_equal(KIND.encode(chirp(), (640,)).codes, KIND.pieces(chirp(), (640,))[28])


def test_mlperf_has_196_pieces_of_frames_50_to_249() -> None:
    noise = np.random.Generator(np.random.PCG64(5)).uniform(-1, 1, 160000).astype(np.float32)
    kind = Audio(**{**MLPERF, "begin": 1.568, "end": 8.0})
    pieces = kind.pieces(Recording(noise, 16000), (640,))
    assert pieces.shape == (196, 640)
    whole = KIND.features(noise)[..., 0]  # its frame 0 is librosa's frame 1
    assert np.array_equal(pieces[0], whole[49:54].ravel())
    assert np.array_equal(pieces[-1], whole[244:249].ravel())


def test_long_recordings_are_transformed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = KIND.features(KIND.fitted(chirp()))
    monkeypatch.setattr(spectrum, "MOST_FRAMES", 7)
    assert np.array_equal(KIND.features(KIND.fitted(chirp())), whole)


def test_a_recording_of_another_rate_is_resampled_as_a_whole() -> None:
    low = Recording(chirp().samples[::2], 8000)
    assert KIND.pieces(low, (640,)).shape == (57, 640)


@pytest.mark.parametrize(
    ("options", "samples", "message"),
    [
        ({}, 3000, "it is 0.188 s long, too short for a piece of 0.192 s"),
        ({"begin": 1.0}, 19000, "too short for a piece of 0.192 s that begins at 1 s"),
        ({}, 0, "it has no sample"),
    ],
)
def test_a_recording_without_a_piece_is_refused(options: dict[str, Any], samples: int, message: str) -> None:
    kind = Audio(**{**MLPERF, **options})
    with pytest.raises(ValueError, match=re.escape(message)):
        kind.pieces(Recording(np.ones(samples, np.float32), 16000), (640,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cut": "first", "piece_stride": 2}, "piece_stride: it is for cut=pieces"),
        ({"cut": "first", "begin": 1.0}, "begin: it is for cut=pieces"),
        ({"cut": "first", "end": 1.0}, "end: it is for cut=pieces"),
        ({"front_end": "waveform"}, "cut: pieces are of frames that do not depend"),
        ({"begin": 1.0, "end": 1.1}, "end: from 1 s to 1.1 s there is no piece of 0.192 s"),
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Audio(**{**MLPERF, **options}).check()


class Heard:
    """A split of two recordings."""

    samples = (Sample("a", "1"), Sample("b", "2"))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, place: int) -> Example:
        first = chirp()
        value = first if place == 0 else Recording(first.samples[::-1].copy(), 16000)
        return Example(value, np.zeros((0, 4), np.float32), np.array([0], np.int32))


def test_training_draws_pieces_of_every_recording() -> None:
    pieces = np.concatenate([KIND.pieces(Heard()[place].value, (640,)) for place in (0, 1)])
    known = {row.tobytes() for row in pieces}
    stream = KIND.batches(Heard(), {"enabled": False}, (640,), 32, seed=3)  # type: ignore[arg-type]
    batch = next(stream)
    assert batch.codes.shape == (32, 640)
    drawn = {row.tobytes() for row in batch.codes}
    assert drawn <= known
    assert len(drawn) > 16
    again = next(KIND.batches(Heard(), {"enabled": False}, (640,), 32, seed=3))  # type: ignore[arg-type]
    assert np.array_equal(batch.codes, again.codes)


def test_augmentation_works_on_a_piece_of_sound() -> None:
    still = {"enabled": True, "shift": 0.0, "noise": {"probability": 0.0}, "masks": {"times": 0}}
    batch = next(KIND.batches(Heard(), still, (640,), 8, seed=3))  # type: ignore[arg-type]
    pieces = np.concatenate([KIND.pieces(Heard()[place].value, (640,)) for place in (0, 1)])
    nearest = np.abs(batch.codes[:, None] - pieces[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-3
