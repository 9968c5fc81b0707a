"""Class names of a `.tflite`: those that its metadata name, and those of lists beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tflbuild.core import label_list
from tflbuild.core.model_format import Evidence
from tflbuild.core.plain_text import plain
from tflbuild.formats.labels import Lists
from tflbuild.formats.tflite import packed_files
from tflbuild.formats.tflite.metadata_form import AXIS_LABELS, VALUE_LABELS, AssociatedFile, Metadata

LONGEST = 1 << 12
"""Characters of a name."""


def listed(content: bytes, metadata: Metadata, output: int, path: Path) -> tuple[Lists, list[Evidence]]:
    """Give all lists, whether they fit or not: those of the metadata first.

    Args:
        content: of the file.
        metadata: of the model.
        output: place of the output that classes are read of; -1 where that does not show.
        path: the file.
    """
    found: dict[str, tuple[str, ...]] = {}
    said = []
    for file in _files(metadata, output):
        where = f"{plain(file.name, 80)} in {plain(path.name, 80)}"
        try:
            found[where] = names_in(packed_files.member(content, file.name))
        except ValueError as error:
            said.append(
                Evidence("labels", "left out", f"the metadata name '{plain(file.name, 80)}', which {error}")
            )
    return found | label_list.beside(path), said


def _files(metadata: Metadata, output: int) -> list[AssociatedFile]:
    """Give the label file of an output, or of every one where none is known, or else of the model.

    Of several languages the first is given.
    """
    outputs = metadata.outputs[output : output + 1] if output >= 0 else metadata.outputs
    own = [found for one in outputs for found in _lists(one.files)[:1]]
    return list(dict.fromkeys(own)) or _lists(metadata.files)[:1]


def _lists(files: Sequence[AssociatedFile]) -> list[AssociatedFile]:
    return [file for file in files if file.kind in (AXIS_LABELS, VALUE_LABELS)]


def names_in(content: bytes) -> tuple[str, ...]:
    """Read a list of class names.

    Raises:
        ValueError: it is none; the message completes "it ".
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    names = label_list.of_lines(text.splitlines())
    if not 0 < len(names) <= label_list.MOST_LABELS or max(map(len, names)) > LONGEST:
        raise ValueError(f"has {len(names)} lines, or longer ones than a list of labels has")
    return names
