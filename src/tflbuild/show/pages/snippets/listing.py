"""The languages that code for a delivered file is given in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tflbuild.show.pages.snippets import cpp, kotlin, micro, python
from tflbuild.show.pages.snippets.delivered import file_of

NOT_A_TARGET = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Exceptions of reading a target that another tflbuild, or nobody's, wrote."""


class Snippet(NamedTuple):
    """Code in one language."""

    language: str
    code: str


def snippets(target: Mapping[str, Any]) -> list[Snippet]:
    """Give code for a target of a report; [] for what is no `.tflite`, or does not say what goes in."""
    try:
        file = file_of(target)
        if file is None or not file.name.endswith(".tflite"):
            return []
        if file.left is not None or file.resolver:
            return [Snippet("C++ on a microcontroller", micro.code(file))]
        made = (("Python", python), ("Kotlin", kotlin), ("C++", cpp))
        return [Snippet(language, module.code(file)) for language, module in made]
    except NOT_A_TARGET:
        return []
