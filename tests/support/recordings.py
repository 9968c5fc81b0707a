"""WAV files written by hand, byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PCM, FLOAT = 1, 3


def wav(
    data: bytes,
    *,
    rate: int = 16000,
    channels: int = 1,
    bits: int = 16,
    coding: int = PCM,
    extensible: bool = False,
    promised: int | None = None,
    before: bytes = b"",
) -> bytes:
    """Give a WAV file of samples that are bytes already."""
    step = channels * bits // 8
    told = struct.pack("<HHIIHH", 0xFFFE if extensible else coding, channels, rate, rate * step, step, bits)
    if extensible:
        told += struct.pack("<HHIH", 22, bits, 0, coding)
        told += bytes.fromhex("0000 0000 1000 8000 00aa 0038 9b71")
    parts = before + _part(b"fmt ", told) + b"data"
    parts += struct.pack("<I", len(data) if promised is None else promised) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def _part(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def tone(rate: int, seconds: float, hertz: float = 440.0, loud: float = 0.5) -> NDArray[np.float64]:
    return loud * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def pcm16(samples: NDArray[np.float64]) -> bytes:
    return np.rint(samples * 32767).astype("<i2").tobytes()


def words(root: Path, per_class: int = 10, rate: int = 16000, seconds: float = 0.2) -> Path:
    """Write a folder of two classes, `down` and `up`, of tones that all differ."""
    for place, name in enumerate(("down", "up")):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            sound = tone(rate, seconds, 300 + 400 * place + 10 * number)
            (root / name / f"{number}.wav").write_bytes(wav(pcm16(sound), rate=rate))
    return root
