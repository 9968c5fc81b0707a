"""`tflbuild predict`: run a delivered file on images."""

from __future__ import annotations

from pathlib import Path

from tflbuild.commands.words import say
from tflbuild.core.errors import RecipeError


def predict(words: list[str]) -> int:
    """Run a delivered file on images."""
    from tflbuild import prediction

    if len(words) < 2:
        raise RecipeError("usage: tflbuild predict RUN_OR_TFLITE IMAGE...")
    folder = Path("predictions")
    results = prediction.predict(Path(words[0]), [Path(word) for word in words[1:]], folder)
    for result in results:
        for line in prediction.lines(result):
            say(line)
    return 0
