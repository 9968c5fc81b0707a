"""What commands share: reading their words, and printing."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain


def one(words: list[str], usage: str) -> str:
    """Give the one word a command takes."""
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]


def say(text: str) -> None:
    """Print for the user."""
    print(text)  # noqa: T201 - this is the terminal


def warn(texts: Iterable[str]) -> None:
    """Warn the user, beside what is printed and not within it."""
    for text in texts:
        print(f"warning: {plain(text, 2000)}", file=sys.stderr)  # noqa: T201 - this is the terminal
