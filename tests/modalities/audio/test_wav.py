from __future__ import annotations

import re
import struct

import numpy as np
import pytest

from recordings import FLOAT, wav
from tflbuild.modalities.audio.wav import decoded


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (wav(bytes([0, 128, 255]), bits=8), [-1.0, 0.0, 127 / 128]),
        (wav(struct.pack("<3h", -32768, 0, 32767)), [-1.0, 0.0, 32767 / 32768]),
        (wav(b"\x00\x00\x80" + b"\x01\x00\x00" + b"\xff\xff\x7f", bits=24), [-1.0, 2.0**-23, 1 - 2.0**-23]),
        (wav(struct.pack("<2i", -(2**31), 2**30), bits=32), [-1.0, 0.5]),
        (wav(struct.pack("<2f", 0.25, -1.5), bits=32, coding=FLOAT), [0.25, -1.5]),
        (wav(struct.pack("<2d", 0.25, -1.5), bits=64, coding=FLOAT), [0.25, -1.5]),
        (wav(struct.pack("<2h", 16384, -16384), extensible=True), [0.5, -0.5]),
        (wav(struct.pack("<f", 0.25), bits=32, coding=FLOAT, extensible=True), [0.25]),
        (wav(struct.pack("<h", 16384), before=b"LIST\x03\x00\x00\x00abc\x00"), [0.5]),
    ],
)
def test_every_width_is_read(content: bytes, wanted: list[float]) -> None:
    values, rate = decoded(content)
    assert (values.dtype, rate) == (np.float32, 16000)
    assert values[:, 0].tolist() == wanted


def test_channels_lie_side_by_side() -> None:
    values, rate = decoded(wav(struct.pack("<4h", 16384, 0, -16384, 8192), channels=2, rate=44100))
    assert values.tolist() == [[0.5, 0.0], [-0.5, 0.25]]
    assert rate == 44100


WHOLE = wav(struct.pack("<4h", 1, 2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE[:-2], "is cut off: its header promises 8 bytes of sound, and 6 of them are there"),
        (WHOLE[:30], "is a broken WAV file: its format has 10 bytes, not 16"),
        (WHOLE[:36], "is a broken or cut-off WAV file: it has no sound"),
        (b"RF64" + WHOLE[4:], "of the 64-bit kind (RF64), which is not read"),
        (b"OggS" + WHOLE[4:], "is not a WAV file"),
        (wav(b"\0\0", coding=6, bits=8), "in A-law, which is not read; save it as PCM of 16 bits"),
        (wav(b"\0\0", coding=999), "in the coding 999, which is not read"),
        (wav(b"\0\0", bits=12), "PCM with 12 bits, and 8, 16, 24, 32 are read"),
        (wav(b"", bits=16, coding=FLOAT), "floats with 16 bits, and 32, 64 are read"),
        (wav(b"\0\0", channels=0), "of 0 channels, and 1 to 64 are read"),
        (wav(b"\0\0", channels=65), "of 65 channels"),
        (wav(b"\0\0", rate=0), "of 0 samples a second"),
        (wav(b"\0\0\0"), "3 bytes of sound are no whole samples of 2 bytes"),
        (wav(struct.pack("<2f", 0, np.nan), bits=32, coding=FLOAT), "samples that are not finite"),
        (wav(struct.pack("<d", 1e300), bits=64, coding=FLOAT), "samples that are not finite"),
        (WHOLE[:12] + b"data\x02\x00\x00\x00\x00\x00", "its sound comes before its format"),
        (WHOLE[:32] + b"\x09\x00" + WHOLE[34:], "are said to take 9 bytes"),
    ],
)
def test_what_is_broken_is_refused_in_words(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        decoded(content)


def test_no_cut_or_changed_byte_gives_another_exception() -> None:
    whole = wav(bytes(range(64)), channels=2, bits=24, extensible=True)[:-4]
    rng = np.random.default_rng(0)
    for _ in range(2000):
        content = bytearray(whole[: rng.integers(0, len(whole) + 1)])
        for place in rng.integers(0, max(1, len(content)), 3):
            if content:
                content[place] = rng.integers(0, 256)
        try:
            decoded(bytes(content))
        except ValueError:
            continue
