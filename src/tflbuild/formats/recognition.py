"""Recognise which format a model's file or folder is of, by its content; of others say what they are."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflbuild.core import file_kind
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import FORMATS, Format
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular

BEGINNING = 4096
"""Bytes of a file that are looked at."""

SAVED_MODEL = "saved_model.pb"

MOST_DIRECTORY = 1 << 20
"""Bytes of the list of an archive's members that is read."""

END, END_BYTES, MOST_COMMENT = b"PK\x05\x06", 22, 1 << 16

FROZEN = "a frozen graph of TensorFlow 1"

CONVERSIONS: Mapping[str, str] = {
    FROZEN: (
        "tflite_convert --enable_v1_converter --graph_def_file=FILE --input_arrays=INPUT --output_arrays=OUTPUT "
        "--output_file=model.tflite makes a .tflite of it, of tflite_graph.pb with --allow_custom_ops, the input "
        "normalized_input_image_tensor and the outputs TFLite_Detection_PostProcess and the same with :1, :2 and :3; "
        "tf.compat.v1.saved_model.simple_save makes a SavedModel of the session that it was imported into"
    ),
    "a PyTorch model": "it is a pickle, which could run code; save the model as a .pt2 with torch.export.save",
}
"""Forms that are not read, and how each is converted."""

PROGRAMS = frozenset({"serialized_exported_program.json", "archive_format"})
"""Members that programs of torch.export alone have."""

PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def recognised_format(path: Path, key: str = "model.path: ") -> Format:
    """Find the format of a file or folder.

    Args:
        path: the file or folder.
        key: what a sentence about it starts with.

    Raises:
        RecipeError: there is none, or it is of no format that is known; says what it is.
    """
    beginning = _beginning(path, key)
    for _, declared in FORMATS.items():
        found = declared()
        if found.recognises(path, beginning):
            return found
    titles = {declared.title or name: ", ".join(declared.suffixes) for name, declared in FORMATS.items()}
    known = ", ".join(f"{title} ({suffixes})" for title, suffixes in titles.items())
    what = kind_of(path, beginning)
    said = f"; it is {what}" if what else ""
    if what in CONVERSIONS:
        said += f", which is not read: {CONVERSIONS[what]}"
    raise RecipeError(f"{key}'{plain(path)}' has none of the known formats, {known}{said}.")


def format_named(path: Path, name: str) -> Format:
    """Give the format that a file or folder is to be taken for, where it can be.

    Args:
        path: the file or folder.
        name: of the format, as `model.format` says it.

    Raises:
        RecipeError: there is no such file or format, or the format does not take it.
    """
    found = FORMATS.get(name, "model.format")()
    if not found.takes(path, _beginning(path, "model.path: ")):
        raise RecipeError(
            f"model.format: '{plain(path)}' cannot be read as '{name}'; its content is of the format "
            f"'{recognised_format(path).name}'. Leave model.format out."
        )
    return found


def kind_of(path: Path, beginning: bytes) -> str:
    """Say what a file or folder is that no format recognises, with its article; "" where it does not show.

    Args:
        path: the file or folder.
        beginning: of a file; b"" of a folder.
    """
    if path.is_dir():
        return f"a folder without a {SAVED_MODEL}"
    if beginning.startswith(file_kind.ZIP):
        return _archive(path)
    if beginning.startswith(b"\x08\x01\x12"):
        return f"the {SAVED_MODEL} of a TensorFlow SavedModel: give its folder instead"
    if _is_frozen(beginning):
        return FROZEN
    if beginning.startswith(PICKLES):
        return (
            "a PyTorch model" if b"torch" in beginning or b"\x8a\nl\xfc\x9cF\xf9" in beginning else "a pickle"
        )
    return file_kind.kind_of(beginning)


def _beginning(path: Path, key: str) -> bytes:
    try:
        if path.is_dir():
            return b""
        check_regular(path)
        with path.open("rb") as file:
            return file.read(BEGINNING)
    except (OSError, ValueError) as error:
        missing = not isinstance(error, OSError) or isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "there is no file" if missing else f"{_reason(error)}:"
        raise RecipeError(f"{key}{reason} '{plain(path)}'.") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _is_frozen(beginning: bytes) -> bool:
    """Say whether a protobuf begins with a node of a graph: a message of its name, then of its operator."""
    at = 1
    while at < len(beginning) and beginning[at] >= 0x80:
        at += 1
    node = beginning[at + 1 :]
    if not beginning.startswith(b"\x0a") or len(node) < 2 or node[0] != 0x0A:
        return False
    operator = node[2 + node[1] :]
    named = node[2 : 2 + node[1]]
    return len(operator) > 2 and operator[0] == 0x12 and (named + operator[2 : 2 + operator[1]]).isascii()


def is_program(path: Path, beginning: bytes) -> bool:
    """Say whether a file is an archive as torch.export saves programs, today or before PyTorch 2.8."""
    return beginning.startswith(file_kind.ZIP) and bool(PROGRAMS & _inner(members(path)))


def _inner(names: Sequence[str]) -> set[str]:
    """Give the members of an archive, with the folder that may hold them all and without it."""
    return {name.partition("/")[2] for name in names} | set(names)


def _archive(path: Path) -> str:
    names = members(path)
    inner = _inner(names)
    if "data.pkl" in inner:
        return "a PyTorch model"
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays"
    return "a zip archive"


def members(path: Path) -> list[str]:
    """Name the members of an archive; [] where it is damaged, or has more than a model's has."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END_BYTES - MOST_COMMENT))
            tail = file.read()
            place = tail.rfind(END)
            listed = int.from_bytes(tail[place + 12 : place + 16], "little")
            if place < 0 or listed > MOST_DIRECTORY:
                return []
            with zipfile.ZipFile(file) as archive:
                return archive.namelist()
    except Exception:  # noqa: BLE001  # whatever `zipfile` makes of damaged bytes: it is only named
        return []
