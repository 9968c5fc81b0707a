"""Check a head that lay in a file of somebody else: its options, and that they fit the outputs it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.field_checks import (
    Check,
    check_fields,
    mapping,
    one_of,
    rows_of,
    text,
    text_mapping,
    whole,
)
from tflbuild.core.plain_text import plain
from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Given
from tflbuild.tasks.detection.postprocess_checks import POSTPROCESS

MOST_OUTPUTS = 64
SIDES = rows_of(whole(1, 1 << 20), 6)
MOST_NUMBERS = 1 << 28
NAME = text(1 << 10)

FIELDS: Mapping[str, Check] = {
    "name": NAME,
    "options": mapping,
    "classes": whole(1, 1 << 16),
    "raw": mapping,
    "picture": rows_of(whole(1, 1 << 16), 2, least=2),
    "postprocess": mapping,
    "suppression": one_of("file", "caller"),
    "outputs": text_mapping,
}
"""Fields of a head that has a name; `outputs` where a file's names are others than ours."""


def check_named(prefix: str, head: Mapping[str, Any]) -> None:
    """Hold a head of a name to what that head can be.

    Args:
        prefix: what a message puts before a field's name.
        head: its fields.

    Raises:
        ValueError: it is none that this version knows, or its options do not fit its outputs.
    """
    if not NAME(head["name"]) or head["name"] not in declared.every():
        raise ValueError(
            f"'{prefix}name' is '{plain(head['name'], 60)}', which this version of tflbuild lacks"
        )
    check_fields(prefix, head, FIELDS, needed=tuple(name for name in FIELDS if name != "outputs"))
    check_fields(f"{prefix}postprocess.", head["postprocess"], POSTPROCESS)
    kind, raw = declared.named(head["name"]), head["raw"]
    if not 0 < len(raw) <= MOST_OUTPUTS or not all(
        NAME(name) and SIDES(shape) for name, shape in raw.items()
    ):
        raise ValueError(f"'{prefix}raw' is not a mapping of outputs to their shapes")
    try:
        kind.of(head["options"])
        given = Given({name: tuple(shape) for name, shape in raw.items()}, *head["picture"])
        found = kind.recognise(given, head["options"])
    except ValueError as error:
        raise ValueError(f"'{prefix}options' cannot be: {plain(error, 200)}") from error
    if found is None or found.classes != head["classes"]:
        raise ValueError(f"'{prefix}options' do not fit the outputs in '{prefix}raw'")
