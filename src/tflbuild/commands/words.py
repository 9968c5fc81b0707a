"""What commands share: reading their words, and printing."""

from __future__ import annotations

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain

LONGEST_LINE = 1_000_000


def one(words: list[str], usage: str) -> str:
    """Give the one word a command takes."""
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]


def say(text: str) -> None:
    """Print for the user; what a terminal would obey is written out, since much of it comes from files."""
    print("\n".join(plain(line, LONGEST_LINE) for line in text.split("\n")))  # noqa: T201 - this is the terminal
