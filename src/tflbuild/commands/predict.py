"""`tflbuild predict`: run a delivered file on images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from tflbuild.commands.flags import flags_of
from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain

USAGE = "usage: tflbuild predict RUN_OR_TFLITE IMAGE_OR_FOLDER... [--threshold 0.5] [--out FOLDER] [--json]"

VALUED = ("--threshold", "--out")


@command(
    "predict",
    "run a delivered file on images, and draw its boxes",
    usage="RUN_OR_TFLITE IMAGE... [--threshold X] [--out DIR] [--json]",
)
def predict(words: list[str]) -> int:
    """Run a delivered file on images; each is reported as soon as it is drawn.

    The drawn images go to `predictions/` in the run's folder; `--out` names another. Objects with a score of 0.3 or
    more are shown; `--threshold` sets another limit, for classes too. Where the run's data or an annotation beside the
    image (VOC, YOLO, COCO) says what is right, that is drawn dashed. `--json` prints one document instead of lines;
    its boxes are [ymin, xmin, ymax, xmax] in 0..1 of the image. A model of numbers takes `.npy` files, not drawn,
    and one of sounds recordings. A model that detects anomalies gives the anomaly score of each; with `--threshold` it
    says which are abnormal, those that reach it.

    Raises:
        RecipeError: a word is missing or wrong, or none of the images can be read.
        StoreError: the images cannot be written.
    """
    from tflbuild.show import prediction

    asked = _read(words)
    made = []
    for result in prediction.predictions(asked.model, asked.images, asked.out, asked.threshold):
        made.append(result)
        for line in () if asked.as_json else prediction.lines(result):
            say(line)
    if asked.as_json:
        say(json.dumps(prediction.to_json(asked.model, made, asked.threshold), indent=1))
    if not any(isinstance(one, prediction.Prediction) for one in made):
        raise RecipeError("predict: none of the images can be read.")
    return 0


class _Asked(NamedTuple):
    model: Path
    images: list[Path]
    out: Path | None
    threshold: float | None
    as_json: bool


def _read(words: list[str]) -> _Asked:
    """Read the words.

    Raises:
        RecipeError: one is missing or wrong.
    """
    given, rest = flags_of("predict", words, VALUED, USAGE)
    if len(rest) < 2 or not all(rest):
        raise RecipeError(USAGE)
    return _Asked(
        model=Path(rest[0]),
        images=[Path(word) for word in rest[1:]],
        out=Path(given["--out"]) if "--out" in given else None,
        threshold=_threshold(given["--threshold"]) if "--threshold" in given else None,
        as_json="--json" in words,
    )


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise RecipeError(
            f"predict: --threshold: '{plain(text)}' is not a score; give a number in 0..1, e.g. 0.5; of anomalies, 0 "
            f"or more."
        )
    return value
