"""Metadata that a user's file brought: they travel beside the model, from where it is taken in to its delivery."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.formats.tflite import packed_files
from tflbuild.formats.tflite.metadata import NAME, read
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Metadata
from tflbuild.tflite import entries
from tflbuild.tflite.tables import Malformed

KEY = "brought"
"""Field of `Artifact.meta` that they travel in."""


def of_file(content: bytes) -> dict[str, Any]:
    """Give the metadata of a checked file, and the files packed behind it that they name, as JSON holds them.

    Returns:
        {} where there are none, or they are malformed. A file that cannot be read is left out.
    """
    stored = entries.entry(content, NAME)
    if stored is None:
        return {}
    try:
        found = read(stored)
    except Malformed:
        return {}
    files = {}
    for file in _files(found):
        try:
            files[file.name] = _text(packed_files.member(content, file.name))
        except ValueError:
            continue
    return {KEY: {"metadata": _text(stored), "files": files}}


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
