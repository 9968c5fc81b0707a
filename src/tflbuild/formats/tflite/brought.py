"""Metadata that a user's file brought: they travel beside the model, from where it is taken in to its delivery."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tflbuild.core.form import is_name
from tflbuild.core.plain_text import plain
from tflbuild.formats.tflite import packed_files
from tflbuild.formats.tflite.metadata import NAME, read
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Metadata
from tflbuild.tflite import entries
from tflbuild.tflite.tables import Malformed

MOST_BYTES = 1 << 22
"""Bytes of all files together."""

KEY = "brought"
"""Field of `Artifact.meta` that they travel in."""


def of_file(content: bytes) -> tuple[dict[str, Any], list[str]]:
    """Give the metadata of a checked file, and the files packed behind it that they name, as JSON holds them.

    Returns:
        What is to travel, {} where there are no metadata or malformed ones; and a sentence for each file that is left
        out.
    """
    stored = entries.entry(content, NAME)
    if stored is None:
        return {}, []
    try:
        found = read(stored)
    except Malformed:
        return {}, []
    files: dict[str, str] = {}
    left_out, size = [], 0
    for name in dict.fromkeys(file.name for file in _files(found)):
        try:
            member = _member(content, name, MOST_BYTES - size)
        except ValueError as error:
            left_out.append(f"'{plain(name, 80)}', which the file's metadata name, {error}, and is skipped")
            continue
        files[name], size = _text(member), size + len(member)
    return {KEY: {"metadata": _text(stored), "files": files}}, left_out


def _member(content: bytes, name: str, most: int) -> bytes:
    """Read a file that is packed with others again, so that its name must be one in any folder."""
    if not is_name(name):
        raise ValueError("has a name that is not a file's")
    member = packed_files.member(content, name)
    if len(member) > most:
        raise ValueError(f"is one of more than {MOST_BYTES} bytes together")
    return member


def apart(content: bytes, log: Callable[[str], object]) -> tuple[bytes, dict[str, Any]]:
    """Take a checked file's metadata out of it.

    Returns:
        The file without them, and what is to travel beside it. What is left out is told to `log`.
    """
    found, left_out = of_file(content)
    for sentence in left_out:
        log(sentence)
    return entries.without_entry(content, NAME), found


def of_meta(meta: Mapping[str, Any]) -> tuple[Metadata, dict[str, bytes]]:
    """Give the metadata that a model brought, and the content of their files by name."""
    given = meta.get(KEY)
    if not given:
        return Metadata(), {}
    files = {name: base64.b64decode(text) for name, text in given["files"].items()}
    return read(base64.b64decode(given["metadata"])), files


def _files(found: Metadata) -> Iterator[AssociatedFile]:
    yield from found.files
    for one in (*found.inputs, *found.outputs):
        yield from one.files


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
