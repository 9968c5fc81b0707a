"""What commands share: reading their words, and printing."""

from __future__ import annotations

from tflbuild.core.errors import RecipeError


def one(words: list[str], usage: str) -> str:
    """Give the one word a command takes."""
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]


def say(text: str) -> None:
    """Print for the user."""
    print(text)  # noqa: T201 - this is the terminal
