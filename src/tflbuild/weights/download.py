"""Published weights, downloaded once."""

from __future__ import annotations

import os
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tflbuild.core.cache import cache_folder
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.hdf5 import SIGNATURE

WAIT = 20.0
"""Time without an answer after which a download is given up. [seconds]"""

LONGEST = 900.0
"""Time after which a download is given up. [seconds]"""

MOST_BYTES = 1 << 29

PIECE = 1 << 20


def downloaded(url: str) -> Path:
    """Give a file of weights: the one that Keras has downloaded before, or ours, or the one at the URL.

    Raises:
        RecipeError: it cannot be downloaded; says what to give instead.
    """
    name = urlsplit(url).path.rpartition("/")[2]
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models" / name
    ours = cache_folder("weights") / name
    for kept in (keras, ours):
        if _is_whole(kept):
            return kept
    try:
        _download(url, ours)
    except (OSError, HTTPException, ValueError) as error:
        reason = plain(getattr(error, "reason", None) or error, 200)
        raise RecipeError(
            f"model.weights: imagenet asks for {url}, and {urlsplit(url).hostname} gave no weights ({reason}); "
            f"download the file elsewhere and give it: model.weights={name}."
        ) from error
    return ours


def _download(url: str, target: Path) -> None:
    """Write a file whole, or not at all.

    Raises:
        OSError: the host does not answer, or not in time.
        ValueError: what it gives is no file of weights.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged, end = target.with_name(f".{target.name}.{os.getpid()}"), time.monotonic() + LONGEST
    try:
        with urllib.request.urlopen(url, timeout=WAIT) as answer, staged.open("wb") as file:
            size = 0
            while piece := answer.read(PIECE):
                size += file.write(piece)
                if size > MOST_BYTES or time.monotonic() > end:
                    raise ValueError("it is larger or slower than weights are")
            told = answer.headers.get("Content-Length")
        if told is not None and size != int(told):
            raise ValueError(f"{size} of {told} bytes came")
        if not _is_whole(staged):
            raise ValueError("what came is no HDF5 file")
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Say whether a file is there and begins as one of weights; one that was cut short is found when it is read."""
    try:
        with path.open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False
