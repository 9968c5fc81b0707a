from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from recordings import pcm16, tone, wav
from tflbuild.core import digest
from tflbuild.modalities.audio import files


def test_facts_name_rate_length_and_channels(tmp_path: Path) -> None:
    content = wav(pcm16(np.repeat(tone(8000, 0.5), 2)), channels=2, rate=8000)
    (tmp_path / "a.wav").write_bytes(content)
    facts = files.inspect(tmp_path / "a.wav")
    assert (facts.problem, facts.rate, facts.frames, facts.channels) == ("", 8000, 4000, 2)
    assert facts.digest == digest.of_bytes(content)


def test_channels_are_averaged(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(struct.pack("<4h", 16384, 0, -16384, 8192), channels=2))
    samples, rate = files.read(tmp_path / "a.wav")
    assert (samples.tolist(), rate) == ([0.25, -0.125], 16000)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty: it has no byte"),
        (wav(b""), "is empty: it has no sample"),
        (wav(b"\0\0" * 100), "is silent: all of its samples are the same"),
        (wav(b"\x07\x00" * 100), "is silent: all of its samples are the same"),
        (wav(b"\0\0" * 100, promised=400), "is cut off"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "is no WAV or FLAC file"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert files.inspect(tmp_path / "a.wav").problem.startswith(problem)


def test_flac_without_its_package_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "a.flac").write_bytes(b"fLaC" + b"\0" * 60)
    facts = files.inspect(tmp_path / "a.flac")
    assert facts.problem.endswith('pip install "tflbuild[audio]"')
    assert not facts.digest, "it would be remembered, and said even where the package is there by now"


def test_flac_is_read_as_the_wav_that_it_was_made_of(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    sound = np.frombuffer(pcm16(tone(16000, 0.1)), "<i2")
    soundfile.write(tmp_path / "a.flac", np.stack([sound, sound], 1), 16000)
    (tmp_path / "a.wav").write_bytes(wav(sound.tobytes()))
    assert np.array_equal(files.read(tmp_path / "a.flac").samples, files.read(tmp_path / "a.wav").samples)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "b.flac").write_bytes(whole[: len(whole) // 2])
    assert files.inspect(tmp_path / "b.flac").problem
