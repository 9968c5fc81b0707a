"""The files of class names that a delivered `.tflite` names: those that it brought, or ours where these say other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tflbuild.core.tensor_description import TensorDescription
from tflbuild.formats.tflite.labels import names_in
from tflbuild.formats.tflite.metadata_form import AXIS_LABELS, VALUE_LABELS, AssociatedFile

Files = dict[AssociatedFile, bytes]
"""Files by what metadata say of them."""

LISTS = (AXIS_LABELS, VALUE_LABELS)

UNNAMED = "???"
"""A class without a name, as in label maps with gaps."""


def files_of(
    one: TensorDescription,
    given: Sequence[AssociatedFile],
    contents: Mapping[str, bytes],
    taken: Collection[str],
) -> Files:
    """Give the files of a tensor: its class names, and what else was brought for it.

    Lists that were brought stay, translations too, where the first names the same classes.

    Args:
        one: the tensor.
        given: files that were brought for it.
        contents: of files that were brought, by name.
        taken: names of files that are there already.
    """
    kept = {file: contents[file.name] for file in given if file.name in contents}
    lists = [file for file in kept if file.kind in LISTS]
    if not one.labels or (lists and _names(kept[lists[0]]) == one.labels):
        return kept
    others = {file: content for file, content in kept.items() if file not in lists}
    kind = AXIS_LABELS if one.labelled == "axis" else VALUE_LABELS
    name = _free({*taken, *(file.name for file in others)})
    ours = AssociatedFile(name, kind, "Class names, one per line.")
    return {ours: _text(one.labels), **others}


def _text(labels: Sequence[str]) -> bytes:
    lines = (" ".join(label.split()) or UNNAMED for label in labels)
    return "".join(f"{line}\n" for line in lines).encode()


def _names(content: bytes) -> tuple[str, ...]:
    try:
        return names_in(content)
    except ValueError:
        return ()


def _free(taken: Collection[str]) -> str:
    names = ("labels.txt", *(f"labels_{number}.txt" for number in range(2, 2 + len(taken))))
    return next(name for name in names if name not in taken)
