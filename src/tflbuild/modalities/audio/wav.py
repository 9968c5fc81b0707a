"""Read WAV files: PCM of 8 to 32 bits and floats, any number of channels. What is broken is refused."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Codings that are read; the last one says another of them further on."""

CODINGS = {2: "Microsoft ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3"}
"""Names of codings that are not read."""

SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
"""Bytes that follow the coding in the identifier of an extensible format."""

WIDTHS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
"""Bits of a sample, by coding."""

MOST_CHANNELS = 64
MOST_RATE = 768_000


class Form(NamedTuple):
    """How the samples of a file lie in it.

    Attributes:
        coding: `PCM` or `FLOAT`.
        channels: how many.
        rate: samples of a channel in a second.
        bits: of one sample.
    """

    coding: int
    channels: int
    rate: int
    bits: int


def decoded(content: bytes) -> tuple[NDArray[np.float32], int]:
    """Decode a WAV file.

    Args:
        content: the whole file.

    Returns:
        (n, channels) float32, and the rate in samples a second.

    Raises:
        ValueError: it is none, broken, cut off, or coded in a way that is not read; the message completes "FILE ".
    """
    if content[:4] == b"RF64":
        raise ValueError(
            "is a WAV file of the 64-bit kind (RF64), which is not read; save it as an ordinary one"
        )
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("is not a WAV file: it does not begin like one")
    form: Form | None = None
    for name, start, size in _chunks(content):
        if name == b"fmt ":
            form = _form(content[start : start + size])
        elif name == b"data":
            if form is None:
                raise ValueError("is a broken WAV file: its sound comes before its format")
            return _samples(content[start : start + size], form, size), form.rate
    raise ValueError("is a broken or cut-off WAV file: it has no sound")


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give name, place and size of each part of the file, in order."""
    place = 12
    while place + 8 <= len(content):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        yield name, place + 8, size
        place += 8 + size + size % 2


def _form(told: bytes) -> Form:
    """Read what the file says of its samples."""
    if len(told) < 16:
        raise ValueError(f"is a broken WAV file: its format has {len(told)} bytes, not 16")
    coding, channels, rate, _, step, bits = struct.unpack("<HHIIHH", told[:16])
    if coding == EXTENSIBLE and len(told) >= 40 and told[26:40] == SUBFORMAT:
        coding = int.from_bytes(told[24:26], "little")
    if coding not in WIDTHS:
        named = CODINGS.get(coding, f"the coding {coding}")
        raise ValueError(f"is a WAV file in {named}, which is not read; save it as PCM of 16 bits")
    if bits not in WIDTHS[coding]:
        kind = "PCM" if coding == PCM else "floats"
        right = ", ".join(map(str, WIDTHS[coding]))
        raise ValueError(f"is a WAV file of {kind} with {bits} bits, and {right} are read")
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"is a WAV file of {channels} channels, and 1 to {MOST_CHANNELS} are read")
    if not 1 <= rate <= MOST_RATE:
        raise ValueError(f"is a WAV file of {rate} samples a second, and 1 to {MOST_RATE} are read")
    if step != channels * bits // 8:
        raise ValueError(f"is a broken WAV file: {channels} x {bits} bits are said to take {step} bytes")
    return Form(coding, channels, rate, bits)


def _samples(data: bytes, form: Form, promised: int) -> NDArray[np.float32]:
    """Give (n, channels) float32."""
    if len(data) < promised:
        raise ValueError(
            f"is cut off: its header promises {promised} bytes of sound, and {len(data)} of them are there"
        )
    step = form.channels * form.bits // 8
    if len(data) % step:
        raise ValueError(
            f"is a broken WAV file: {len(data)} bytes of sound are no whole samples of {step} bytes"
        )
    return _values(data, form).reshape(-1, form.channels)


def _values(data: bytes, form: Form) -> NDArray[np.float32]:
    if form.coding == FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.frombuffer(data, f"<f{form.bits // 8}").astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("holds samples that are not finite")
        return values
    if form.bits == 8:
        return np.asarray((np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128, np.float32)
    if form.bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    return (np.frombuffer(data, f"<i{form.bits // 8}") / 2.0 ** (form.bits - 1)).astype(np.float32)
