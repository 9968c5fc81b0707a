"""Say in which fields one action differs from another, as the user knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tflbuild.core.plain_text import plain

ENVIRONMENT_KEYS = {
    "threads": "worker.threads",
    "onednn": "TF_ENABLE_ONEDNN_OPTS",
    "machine": "kind of processor",
}
"""Names that users know for the parts of the environment that decide a training's bytes."""


PARTS = {
    "data": "data",
    "reader": "data",
    "model": "the model's options",
    "augment": "augmented data",
    "environment": "the environment of a training",
    "judging": "a budget",
}
"""Parts of an action that not every action has, as users know them."""


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], prefix: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], Any, Any]]:
    """Give the fields in which one preimage differs from another: path, old value, new value.

    >>> difference({"options": {"sparsity": 0.5}}, {"options": {"sparsity": 0.7}})
    [(('options', 'sparsity'), 0.5, 0.7)]
    """
    found: list[tuple[tuple[str, ...], Any, Any]] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += difference(old, new, (*prefix, name))
        else:
            found.append(((*prefix, name), old, new))
    return found


def explained(
    label: str,
    name: str,
    change: tuple[tuple[str, ...], Any, Any],
    contents: Callable[[str, str], str] = lambda source, before: "",
) -> str:
    """Say one difference as the user knows the field.

    Args:
        label: the step's label.
        name: its pass.
        change: what `difference` gave.
        contents: says how a source differs from what it held, by the source and its earlier digest.
    """
    (first, *rest), old, new = change
    inner = ".".join(rest)
    moved = f"{short(old)} -> {short(new)}"
    match first, inner:
        case _, "" if first in PARTS and None in (old, new):
            return f"it {'depends' if old is None else 'no longer depends'} on {PARTS[first]}"
        case "options", _:
            return f"{label}.{inner} {moved}"
        case "toolchain", _:
            return f"{inner} {moved}"
        case "code", _:
            return f"source of pass {name} changed"
        case "meaning", _:
            return f"{inner} of the data {moved}"
        case "nouns", _:
            return "source of the task or of a modality changed"
        case "input", _:
            return "its input changed"
        case "models", _:
            return f"the output of {rest[0]} changed" if rest else "it now reads other steps"
        case "judging", "limits":
            return f"{label}.budget or its baseline changed"
        case "judging", _:
            return "the data that judge its candidates changed"
        case "model", "code":
            return "source of the model changed"
        case "model", "files":
            return "model.path content changed"
        case "model", _:
            return f"{inner.replace('options.', 'model.')} {moved}"
        case "data", _:
            how = contents(inner, old) if inner and old and new else ""
            return f"{inner} content changed{': ' if how else ''}{how}"
        case "environment", _:
            return f"{ENVIRONMENT_KEYS.get(inner, inner)} {moved}"
        case "reader", "code":
            return "source of the data's reader changed"
        case "reader" | "augment", _:
            return f"data.{inner if first == 'reader' else 'augment.' + inner} {moved}"
    return f"{'.'.join([first, *rest])} {moved}"


def short(value: Any) -> str:
    """Write a value, or the beginning of a digest, so that it fits a line."""
    text = plain(value)
    return text[:10] if len(text) == 64 else text if len(text) <= 60 else text[:57] + "..."
