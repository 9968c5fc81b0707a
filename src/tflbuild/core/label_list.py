"""Lists of class names that lie beside a model's file, as converters and trainers leave them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflbuild.core import json_text
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular

USUAL = ("labels", "label_map", "labelmap", "classes", "class_names", "class_indices", "obj")
"""Usual names of a label list; so is the model's own name, with or without one of these behind it."""

SUFFIXES = (".txt", ".names", ".pbtxt", ".json", ".csv")

MOST_BYTES, MOST_LABELS = 2**20, 20_000

NUMBERED = re.compile(r"^(\d+)[\s,:;]+(.*\S)$")
PBTXT_ITEM = re.compile(r"item\s*\{([^{}]*)\}")
PBTXT_FIELD = re.compile(r"""\b(id|name|display_name)\s*:\s*(?:"([^"]*)"|'([^']*)'|(\d{1,6}))""")


def beside(model: Path) -> dict[str, tuple[str, ...]]:
    """Give the class names of every list beside a model, in the model's order, by the list's file name.

    What cannot be read as such a list is left out: nothing depends on it but what is shown.
    """
    found = {}
    for path in files_beside(model):
        try:
            labels = _labels(path)
        except (OSError, ValueError):
            continue
        single = (
            len(labels) == 1 and labels[0] and path.stem != model.stem
        )  # a line in model.txt may be any text
        if single or 2 <= len(labels) <= MOST_LABELS:
            found[path.name] = labels
    return found


def files_beside(model: Path) -> list[Path]:
    """Name the files beside a model that are called like a list of class names."""
    stems = [*USUAL, model.stem, *(f"{model.stem}{joint}{name}" for name in USUAL for joint in "_.-")]
    return [
        path for stem in stems for suffix in SUFFIXES if (path := model.with_name(stem + suffix)).is_file()
    ]


def _labels(path: Path) -> tuple[str, ...]:
    if path.suffix == ".json":
        return _of_json(json_text.read(path))
    text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
    return _of_pbtxt(text) if path.suffix == ".pbtxt" else of_lines(text.splitlines())


def of_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Read one name per line, numbered or not."""
    named = [line.strip() for line in lines if line.strip()]
    numbered = [NUMBERED.match(line) for line in named]
    rows = [(int(found[1]), found[2]) for found in numbered if found]
    if len(rows) == len(named) and _in_a_row([number for number, _ in rows]):
        return tuple(name for _, name in sorted(rows))
    return tuple(named)


def _of_json(value: object) -> tuple[str, ...]:
    """Read a list of names, or a mapping of numbers and names either way round."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    if not isinstance(value, Mapping):
        raise ValueError("it is not a list of names")
    rows = [(number, name) for name, number in value.items() if isinstance(number, int)]
    rows += [
        (int(number), name) for number, name in value.items() if isinstance(name, str) and number.isdecimal()
    ]
    if len(rows) != len(value) or not _in_a_row([number for number, _ in rows]):
        raise ValueError("it is not a mapping of numbers and names")
    return tuple(name for _, name in sorted(rows))


def _of_pbtxt(text: str) -> tuple[str, ...]:
    """Read a label map of the Object Detection API."""
    rows = []
    for item in PBTXT_ITEM.findall(text):
        fields = {
            key: double or single or number for key, double, single, number in PBTXT_FIELD.findall(item)
        }
        rows.append((int(fields.get("id", "0")), fields.get("display_name") or fields.get("name", "")))
    return tuple(name for _, name in sorted(rows))


def _in_a_row(numbers: Sequence[int]) -> bool:
    """Say whether numbers count from 0 or 1 without a gap."""
    return sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def named_alike(name: str) -> str:
    """Normalise a class name, so that different spellings of one class become equal.

    >>> named_alike("No_Entry") == named_alike(" no entry")
    True
    """
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def shown(names: Sequence[str], most: int = 12) -> str:
    """Name classes in a line, the first of very many.

    >>> shown(["disc", "square"])
    'disc, square'
    """
    said = ", ".join(plain(name, 60) for name in names[:most])
    return said + (f" and {len(names) - most} more" if len(names) > most else "")


def disagreement(where: str, labels: Sequence[str], classes: Sequence[str]) -> str:
    """Say how a model's class names differ from the data's; "" where they are the same in the same order.

    Args:
        where: what names the model's classes.
        labels: them, by output.
        classes: the data's.

    >>> disagreement("labels.txt", ["disc", "square"], ["square", "disc"])
    "labels.txt names the model's classes disc, square; the data's are square, disc, in another order"
    """
    model, data = [named_alike(name) for name in labels], [named_alike(name) for name in classes]
    if model == data:
        return ""
    said = f"{plain(where, 100)} names the model's classes {shown(labels)}; the data's are {shown(classes)}"
    if sorted(model) == sorted(data):
        return f"{said}, in another order"
    if len(model) != len(data):
        return f"{said}: {len(model)} and {len(data)}"
    return said


def disagreements(listed: Mapping[str, Sequence[str]], classes: Sequence[str]) -> list[str]:
    """Give a sentence for each list whose class names differ from those of the data."""
    said = (disagreement(where, labels, classes) for where, labels in listed.items())
    return [text for text in said if text]
