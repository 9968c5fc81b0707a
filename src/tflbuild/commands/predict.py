"""`tflbuild predict`: run a delivered file on images."""

from __future__ import annotations

from pathlib import Path

from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError


@command(
    "predict", "run a delivered file on images; writes them with boxes drawn", usage="RUN_OR_TFLITE IMAGE..."
)
def predict(words: list[str]) -> int:
    """Run a delivered file on images; each is said as soon as it is drawn.

    Raises:
        RecipeError: a word is missing or wrong, or none of the images can be read.
    """
    from tflbuild.show import prediction

    if len(words) < 2 or not all(words):
        raise RecipeError("usage: tflbuild predict RUN_OR_TFLITE IMAGE_OR_FOLDER...")
    images = [Path(word) for word in words[1:]]
    drawn = 0
    for result in prediction.predictions(Path(words[0]), images, Path("predictions")):
        drawn += isinstance(result, prediction.Prediction)
        for line in prediction.lines(result):
            say(line)
    if not drawn:
        raise RecipeError("predict: none of the images can be read.")
    return 0
