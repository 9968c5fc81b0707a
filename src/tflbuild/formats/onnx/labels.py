"""Class names that an ONNX file has among its properties."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from tflbuild.core.label_list import MOST_LABELS

PROPERTIES = ("names", "labels", "classes", "class_names")
"""Properties under which exporters write class names: a list, or a mapping of numbers to names."""

MOST_CHARACTERS = 1 << 20


def listed(properties: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Give the class names of each property that holds some; anything else is passed over."""
    found = {}
    for name in PROPERTIES:
        names = _names(_literal(properties.get(name, "")))
        if names:
            found[f"the property '{name}'"] = names
    return found


def _literal(text: str) -> Any:
    """Read JSON, or the numbers, texts, lists and mappings of Python; None for anything else."""
    if not text or len(text) > MOST_CHARACTERS:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        numbered = {int(key): name for key, name in value.items() if str(key).isdecimal()}
        if sorted(numbered) != list(range(len(value))):
            return ()
        value = [numbered[number] for number in sorted(numbered)]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return ()
    return tuple(value) if 1 <= len(value) <= MOST_LABELS else ()
