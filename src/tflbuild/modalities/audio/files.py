"""Files of sound: reading them as one channel, and finding what is wrong with them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflbuild.core import digest
from tflbuild.core.dataset import FileFacts
from tflbuild.core.file_kind import kind_of
from tflbuild.core.regular_file import read_regular
from tflbuild.modalities.audio import wav
from tflbuild.modalities.audio.modality import CURE
from tflbuild.modalities.audio.recording import Recording

FLAC = b"fLaC"
"""How a FLAC file begins."""

MOST_BYTES = 1 << 28
"""Bytes above which a file is not read."""

MOST_NUMBERS = 1 << 28
"""Samples of all channels above which a compressed file is not unpacked."""


def read(path: Path | str) -> Recording:
    """Read a file as one channel, the mean of all.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none that is read, or broken; the message completes "FILE ".
    """
    values, rate = channels(path)
    return Recording(np.ascontiguousarray(values.mean(axis=1, dtype=np.float32)), rate)


def channels(path: Path | str) -> tuple[NDArray[np.float32], int]:
    """Read a file as (n, channels) float32, and its rate.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none that is read, or broken; the message completes "FILE ".
    """
    return _decoded(read_regular(path, MOST_BYTES))


def inspect(path: Path, max_pixels: int = 0) -> FileFacts:
    """Give a file's SHA-256, its rate, length and channels, and why it cannot be used ("" if it can).

    Args:
        path: the file.
        max_pixels: of a picture, which a recording is not.
    """
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        return FileFacts("", error.strerror or str(error))
    sha256 = digest.of_bytes(content)
    try:
        values, rate = _decoded(content)
    except ValueError as error:
        # without a digest nothing is remembered: the package may be there the next time
        return FileFacts("" if CURE in str(error) else sha256, str(error))
    facts = FileFacts(sha256, "", rate=rate, frames=len(values), channels=values.shape[1])
    if not len(values):
        return facts._replace(problem="is empty: it has no sample")
    if not np.any(values - values[0]):
        return facts._replace(problem="is silent: all of its samples are the same")
    return facts


def _decoded(content: bytes) -> tuple[Any, int]:
    """Give (n, channels) float32 and the rate."""
    if content[:4] == FLAC:
        return _flac(content)
    if content[:4] in (b"RIFF", b"RF64"):
        return wav.decoded(content)
    if not content:
        raise ValueError("is empty: it has no byte")
    kind = kind_of(content[:512])
    raise ValueError(f"is no WAV or FLAC file{f', but {kind}' if kind else ''}")


def _flac(content: bytes) -> tuple[Any, int]:
    try:
        import soundfile
    except ImportError as error:
        raise ValueError(f"is a FLAC file, which needs the package soundfile: {CURE}") from error
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.frames * file.channels > MOST_NUMBERS:
                raise ValueError(f"has {file.frames} samples of {file.channels} channels, which are too many")
            values, rate = file.read(dtype="float32", always_2d=True), int(file.samplerate)
            promised = file.frames
    except (RuntimeError, TypeError, OSError) as error:
        raise ValueError(f"is a FLAC file that does not decode: {error}") from error
    if len(values) < promised:
        raise ValueError(f"is cut off: its header promises {promised} samples, and {len(values)} are there")
    return values, rate
