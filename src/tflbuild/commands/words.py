"""What commands share: reading their words, and printing."""

from __future__ import annotations

from tflbuild.audience import say
from tflbuild.core.errors import RecipeError

__all__ = ["one", "say"]


def one(words: list[str], usage: str) -> str:
    """Give the one word a command takes."""
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]
