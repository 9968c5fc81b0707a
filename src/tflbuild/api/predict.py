"""Predict from Python, as the command does: draw what a delivered file finds on images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tflbuild.core.errors import RecipeError
from tflbuild.show.prediction import Prediction, predictions

Name = str | os.PathLike[str]


def predict(
    model: Name, images: Name | Iterable[Name], *, threshold: float | None = None, out: Name | None = None
) -> list[Prediction]:
    """Run a delivered file on images, and write each with what was found drawn in.

    `tflbuild.runtime.Predictor` is for what stays in memory: it takes arrays, and draws nothing.

    Args:
        model: a run's folder, or a `.tflite` that tflbuild delivered.
        images: an image file or a folder, or several; of a folder all images below it.
        threshold: the score, in 0..1, below which nothing is shown; None for 0.3 of objects, and none of classes. Of
            anomalies the score, 0 or more, from which on a sample is abnormal.
        out: folder for the drawn images; None for `predictions` in the run's folder.

    Returns:
        Of each image that can be read what was found, with the ground truth where the run's data, or an annotation
        beside the image, says it. An image of a folder that cannot be read is left out.

    Raises:
        RecipeError: the model, or an image that was named, is missing or cannot be used.
        StoreError: an image cannot be written.
    """
    if threshold is not None and not 0 <= threshold < float("inf"):
        raise RecipeError(f"threshold: {threshold!r} is not a score; give a number in 0..1, e.g. 0.5.")
    named = [images] if isinstance(images, str | os.PathLike) else list(images)
    made = predictions(
        Path(model), [Path(image) for image in named], None if out is None else Path(out), threshold
    )
    return [one for one in made if isinstance(one, Prediction)]
