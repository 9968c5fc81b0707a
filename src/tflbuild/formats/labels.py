"""Lists of class names that fit a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tflbuild.core.label_list import named_alike
from tflbuild.core.model_format import Evidence
from tflbuild.core.plain_text import plain

Lists = Mapping[str, tuple[str, ...]]
"""Class names by where they are written."""

BACKGROUND = ("background", "bg", "", "none")
"""Names of a class that is none, as `named_alike` gives them: "???" becomes ""."""


class Labels(NamedTuple):
    """Lists of class names by where they are written, and what there is to say of them."""

    lists: Lists
    recognised: tuple[Evidence, ...]


def fitting(lists: Lists, classes: int, *, detects: bool) -> Labels:
    """Choose the lists that have as many names as there are classes.

    Args:
        lists: by where they are written.
        classes: how many there are; 0 where the outputs are of no classes.
        detects: whether it is a detector, whose lists may begin with a background that its outputs lack.
    """
    kept: dict[str, tuple[str, ...]] = {}
    said = []
    for where, names in lists.items():
        if len(names) == classes:
            kept[where] = names
            said.append(Evidence("labels", counted(len(names)), where))
        elif detects and len(names) == classes + 1 and _is_background(names[0]):
            kept[where] = names[1:]
            evidence = (
                f"{where}, without the first, '{plain(names[0], 40)}': the outputs count classes after it"
            )
            said.append(Evidence("labels", counted(classes), evidence))
        else:
            wanted = f"the outputs have {_classes(classes)}" if classes else "the outputs are of no classes"
            evidence = f"{where} has {counted(len(names))}, and {wanted}"
            said.append(Evidence("labels", "left out", evidence))
    return Labels(kept, tuple(said))


def counted(names: int) -> str:
    """Say how many names.

    >>> counted(1), counted(3)
    ('1 name', '3 names')
    """
    return f"{names} name{'s' if names != 1 else ''}"


def _classes(classes: int) -> str:
    return f"{classes} class{'es' if classes != 1 else ''}"


def _is_background(name: str) -> bool:
    return named_alike(name) in BACKGROUND
