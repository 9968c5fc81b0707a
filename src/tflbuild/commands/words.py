"""Functions that commands share: they read their words, and print."""

from __future__ import annotations

from collections.abc import Iterable

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.show import audience
from tflbuild.show.audience import say

__all__ = ["one", "say", "warn"]


def one(words: list[str], usage: str) -> str:
    """Give the one word a command takes."""
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]


def warn(texts: Iterable[str]) -> None:
    """Warn the user, beside what is printed and not within it."""
    for text in texts:
        audience.warn(f"warning: {plain(text, 2000)}", fold=True)
