"""Tensors of apps that listen: the apps are written in this file with NumPy alone, by the definitions that they use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recordings import pcm16, wav
from tflbuild.analyses.mistakes.contract import contract_of
from tflbuild.analyses.mistakes.explained import Explained, explained
from tflbuild.analyses.mistakes.recordings import RecordingContract
from tflbuild.core.modality import MODALITIES, Modality
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.altered_audio import AlteredAudio
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality

RATE, FRAME, HOP, BANDS = 16000, 480, 320, 40
FLOAT = TensorSpec((1, 49, 10, 1), "float32")
INT8 = TensorSpec((1, 49, 10, 1), "int8", 0.8, 20)


def word(rate: int = RATE, seconds: float = 1.1, channels: int = 1) -> Any:
    """Give (n, channels): a chirp with overtones over noise, which swells and fades; each channel another one."""
    rng, time = np.random.default_rng(3), np.arange(round(rate * seconds)) / rate
    sides = []
    for side in range(channels):
        pitch = (140 + 60 * side) * time + 90 * time**2
        sound = sum(np.sin(2 * np.pi * pitch * n) / n for n in range(1, 12))
        sides.append(0.2 * sound * np.hanning(len(time)) + 0.01 * rng.standard_normal(len(time)))
    return np.stack(sides, axis=1)


def saved(folder: Path, sound: Any, rate: int = RATE) -> Path:
    path = folder / "word.wav"
    path.write_bytes(wav(pcm16(sound.reshape(-1)), rate=rate, channels=sound.shape[1]))
    return path


def mel(hertz: Any) -> Any:
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)  # HTK; the same as 1127 ln


def triangles(bins: int, bands: int = BANDS, low: float = 20, high: float = 4000) -> Any:
    edges = np.linspace(mel(low), mel(high), bands + 2)
    at = mel(np.linspace(0, RATE / 2, bins))[:, None]
    rising, falling = (
        (at - edges[:-2]) / (edges[1:-1] - edges[:-2]),
        (edges[2:] - at) / (edges[2:] - edges[1:-1]),
    )
    weights = np.clip(np.minimum(rising, falling), 0, None)
    weights[0] = 0
    return weights


def app(sound: Any, **changes: Any) -> Any:
    """Do what an app does with (n,) at 16 kHz: MLPerf Tiny's keyword spotting, with changes."""
    asked: dict[str, Any] = {
        "frame": FRAME, "hop": HOP, "fft": 512, "log": np.log, "power": 1, "curve": np.hanning(FRAME + 1)[:-1],
        "largest": True, "dct": True, "bands": BANDS, "high": 4000.0,
    }  # fmt: skip
    asked |= changes
    sound = np.concatenate([sound, np.zeros(RATE)])[:RATE]
    sound = sound / sound.max() if asked["largest"] else sound
    starts = range(0, RATE - asked["frame"] + 1, asked["hop"])
    frames = np.stack([sound[start : start + asked["frame"]] for start in starts]) * asked["curve"]
    sizes = np.abs(np.fft.rfft(frames, asked["fft"])) ** asked["power"]
    found = asked["log"](sizes @ triangles(asked["fft"] // 2 + 1, asked["bands"], high=asked["high"]) + 1e-6)
    if asked["dct"]:
        at = np.pi / asked["bands"] * (np.arange(asked["bands"])[:, None] + 0.5) * np.arange(10)
        found = found @ np.cos(at) * np.sqrt(2 / asked["bands"])
    whole = np.zeros((49, 10))
    whole[: len(found[:49])] = found[:49, :10]
    return whole[None, ..., None].astype(np.float32)


def heard(sound: Any) -> Any:
    """Give what a file of 16 bits holds."""
    return np.rint(sound * 32767).astype(np.int16) / 32768


def look(file: Path, tensor: Any, spec: TensorSpec = FLOAT, kind: Audio | None = None) -> Explained:
    contract = RecordingContract(kind or Audio())
    trials = contract.trials(file, spec.shape[1:], spec)
    return explained(tensor, spec, trials.mistakes, trials.made)


def names(found: Explained) -> list[str]:
    assert found.found is not None, [(one.distance, [m.name for m in one.mistakes]) for one in found.nearest]
    return sorted(one.name for one in found.found.mistakes)


def test_the_right_tensor_is_said_to_be_right(tmp_path: Path) -> None:
    sound = word()
    file, right = saved(tmp_path, sound), app(heard(sound[:, 0]))
    assert names(look(file, right)) == []
    codes = np.clip(np.rint(right / np.float32(0.8)) + 20, -128, 127).astype(np.int8)
    found = look(file, codes, INT8)
    assert (names(found), found.seen) == ([], ())


SYMMETRIC = np.hanning(FRAME)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"largest": False}, ["level_recorded"]),
        ({"log": np.log10}, ["log_log10"]),
        ({"log": lambda bands: 20 * np.log10(bands)}, ["log_decibels_20"]),
        ({"log": lambda bands: bands}, ["log_none"]),
        ({"power": 2}, ["power_2"]),
        ({"curve": 1.0}, ["rectangle"]),
        ({"curve": SYMMETRIC}, ["symmetric"]),
        ({"hop": 160}, ["hop_10"]),
        ({"frame": 640, "fft": 1024, "curve": np.hanning(641)[:-1]}, ["window_40"]),
        ({"fft": 1024}, ["fft_1024"]),
        ({"bands": 26}, ["bands_26"]),
        ({"high": 8000.0}, ["range_20_8000"]),
        ({"dct": False}, ["log_mel"]),
        ({"log": np.log10, "largest": False}, ["level_recorded", "log_log10"]),
        ({"hop": 160, "bands": 80}, ["bands_80", "hop_10"]),
    ],
    ids=lambda value: "+".join(value),
)
def test_the_mistake_of_an_app_is_named(tmp_path: Path, changes: dict[str, Any], wanted: list[str]) -> None:
    sound = word()
    assert names(look(saved(tmp_path, sound), app(heard(sound[:, 0]), **changes))) == wanted


def test_the_rate_and_the_channel_that_an_app_takes_are_named(tmp_path: Path) -> None:
    sound = word(rate=44100, channels=2)
    file, kept = saved(tmp_path, sound, 44100), heard(sound)
    assert names(look(file, app(kept.mean(axis=1)))) == ["as_recorded"]
    assert names(look(file, app(kept[:, 0]))) == ["as_recorded", "left"]
    stereo = word(channels=2)
    file = saved(tmp_path, stereo)
    assert names(look(file, app(heard(stereo)[:, 0]))) == ["left"]
    assert names(look(file, app(heard(stereo)[:, 1]))) == ["right"]
    assert names(look(file, app(heard(stereo).reshape(-1)))) == ["interleaved"]
    assert names(look(file, app(heard(stereo).mean(axis=1)))) == []


CHANGED: dict[str, Callable[[Any], Any]] = {
    "standardised": lambda found: (found - found.mean()) / found.std(),
    "scaled_0_1": lambda found: (found - found.min()) / (found.max() - found.min()),
    "mean_removed": lambda found: found - found.mean(axis=1, keepdims=True),
    "unscaled": lambda found: found * np.sqrt(80),
    "transposed": lambda found: found.squeeze().T.reshape(found.shape),
}


@pytest.mark.parametrize("wanted", CHANGED)
def test_a_change_of_the_whole_is_named(tmp_path: Path, wanted: str) -> None:
    sound = word()
    found = look(saved(tmp_path, sound), CHANGED[wanted](app(heard(sound[:, 0]))))
    assert names(found) == [wanted]


def test_pre_emphasis_is_named_and_noise_is_explained_by_nothing(tmp_path: Path) -> None:
    sound = word()
    file, kept = saved(tmp_path, sound), heard(sound[:, 0])
    kept = kept / kept.max()
    assert names(look(file, app(np.append(kept[0], kept[1:] - 0.97 * kept[:-1]), largest=True))) == [
        "emphasis"
    ]
    noise = np.random.default_rng(1).normal(size=FLOAT.shape)
    assert look(file, noise.astype(np.float32)).found is None


def test_a_waveform_has_mistakes_of_loudness_and_rate_alone(tmp_path: Path) -> None:
    kind, spec = Audio(front_end="waveform", level="recorded"), TensorSpec((1, RATE, 1), "float32")
    sound = word()
    file, kept = saved(tmp_path, sound), heard(sound[:RATE, 0]).astype(np.float32)[None, :, None]
    assert names(look(file, kept, spec, kind)) == []
    assert names(look(file, kept * 32768, spec, kind)) == ["integers"]
    assert names(look(file, kept / kept.max(), spec, kind)) == ["level_largest"]
    kinds = {one.kind for one in RecordingContract(kind).every()}
    assert kinds == {"rate", "silence", "emphasis", "loudness", "normalisation"}


@pytest.mark.parametrize("front_end", ["mfcc", "log_mel", "waveform"])
def test_each_mistake_gives_other_numbers_of_the_inputs_shape(front_end: Any) -> None:
    kind = Audio(front_end=front_end)
    sound = word(seconds=0.7)[:, 0]
    right = kind.encode(sound, kind.shape()).codes
    unlike = []
    for one in RecordingContract(kind).every():
        then = one.applied(kind)
        type(then).check_options("", then.to_json())
        made = then.encode(sound, kind.shape()).codes
        assert (made.shape, made.dtype, bool(np.isfinite(made).all())) == (right.shape, np.float32, True)
        if not np.allclose(made, right):
            unlike.append(one.name)
        assert bool(one.override) is not isinstance(then, AlteredAudio)
    known = [one.name for one in RecordingContract(kind).every()]
    assert len(set(known)) == len(known)
    assert unlike == known


def test_what_is_not_altered_is_what_audio_gives() -> None:
    assert MODALITIES.get("altered_audio") is AlteredAudio
    sound = word(seconds=0.7)[:, 0]
    for front_end in ("mfcc", "log_mel", "waveform"):
        kind = Audio(front_end=front_end)  # type: ignore[arg-type]
        same = AlteredAudio.of(kind.to_json()).encode(sound, kind.shape()).codes
        assert np.array_equal(same, kind.encode(sound, kind.shape()).codes)


def test_each_modality_names_its_contract() -> None:
    nouns = {name: contract_of(MODALITIES.get(name)()) for name in ("image", "audio", "vector")}
    assert [one.noun for one in nouns.values() if one] == ["pictures", "recordings", "arrays"]
    assert contract_of(ImageModality()) is not None
    assert contract_of(Modality()) is None
