"""The file that weights are taken from: which format it is of, by its content, and the layers in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.errors import RecipeError, TflbuildError
from tflbuild.core.file_kind import ZIP
from tflbuild.core.file_stamp import Stamp
from tflbuild.core.meaning import Meaning, preprocess_in
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.formats import recognition
from tflbuild.formats.keras import hdf5 as keras_hdf5
from tflbuild.formats.keras.archive import CONFIG
from tflbuild.tflite import flatbuffer
from tflbuild.weights import checkpoint, hdf5, keras_archive, npz, tflite
from tflbuild.weights.matching import Theirs

MOST_BYTES = 1 << 32

TAKEN = "a .h5, .keras, .npz or .tflite file, an .index file of a checkpoint, or the folder of a SavedModel"

READERS: Mapping[str, Callable[[bytes], Theirs]] = {
    "h5": hdf5.theirs_of,
    "keras": keras_archive.theirs_of,
    "npz": npz.theirs_of,
    "tflite": tflite.theirs_of,
}
"""Readers of the bytes of a file, by its format."""

CHECKPOINT = "checkpoint"


def format_of(path: Path) -> str:
    """Name the format of a file or folder: one of `READERS`, or "checkpoint".

    Raises:
        ValueError: it is missing, or of no format that weights are taken from; completes "'FILE' ".
    """
    if path.is_dir() or path.suffix == ".index":
        return CHECKPOINT
    try:
        with path.open("rb") as file:
            beginning = file.read(recognition.BEGINNING)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if beginning.startswith(keras_hdf5.SIGNATURE):
        return "h5"
    if beginning[4:8] == b"TFL3":
        return "tflite"
    if beginning.startswith((ZIP, recognition.END)):  # an empty archive begins with its end
        members = recognition.members(path)
        if CONFIG in members:
            return "keras"
        if not members or all(name.endswith(".npy") for name in members):
            return "npz"
    what = recognition.kind_of(path, beginning)
    raise ValueError(f"is {what or 'of no format that is known'}; weights are taken from {TAKEN}")


def files_of(path: Path) -> tuple[Path, ...]:
    """Name the files that weights come from.

    Raises:
        ValueError: there are none; completes "'FILE' ".
    """
    return checkpoint.files_of(path) if path.is_dir() or path.suffix == ".index" else (path,)


def check(path: Path) -> None:
    """Refuse, while planning, a file that no weights can be read from; a checkpoint is read when it is needed.

    Raises:
        ValueError: says why, and names the file.
    """
    try:
        if format_of(path) == CHECKPOINT:
            files_of(path)
        else:
            _check_once(path, Stamp.of(str(path)))
    except ValueError as error:
        raise ValueError(f"'{plain(path)}' {error}") from error


@lru_cache(maxsize=8)
def _check_once(path: Path, stamp: Stamp) -> None:
    """Read a file once as long as it stays as it is: a plan asks many times."""
    _read(path)


def preprocess_of(path: Path) -> Mapping[str, Any]:
    """Give the options of `preprocess` that the weights were trained with, as a file of ours says; {} for others."""
    kind = format_of(path)
    try:
        if kind == "tflite":
            return preprocess_in(flatbuffer.read_facts(path))
        if kind == "h5":
            texts = hdf5.surveyed(read_regular(path, MOST_BYTES)).texts
            facts = json_text.mapping_of(texts.get(flatbuffer.FACTS, "{}"))
            return preprocess_in(Meaning.from_json(facts).to_json()) if facts else {}
    except (TflbuildError, ValueError, OSError):  # weights can be taken whatever a file says of itself
        return {}
    return {}


def theirs_of(path: Path) -> Theirs:
    """Read the layers.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return _read(path)
    except ValueError as error:
        raise RecipeError(f"model.weights: '{plain(path)}' {error}.") from error


def _read(path: Path) -> Theirs:
    found = format_of(path)
    if found == CHECKPOINT:
        return checkpoint.theirs_of(path)
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error
    theirs = READERS[found](content)
    if not theirs.layers:
        raise ValueError("holds no layers with weights")
    return theirs
