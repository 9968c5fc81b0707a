"""A small model in a file, as `train` leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.core.artifact import KerasModel
from tflbuild.core.meaning import Meaning
from tflbuild.data.signs import CLASSES
from tflbuild.testing import artifact

PIXELS = {"scale": 0.0078125, "offset": -1.0}
SIDE = 32


def kept(model: Any, task: str, path: Path, detector: dict[str, Any]) -> KerasModel:
    """Write a model with its facts, as `train` does."""
    from tflbuild.backends import keras

    facts = Meaning.of_image(
        task=task, height=SIDE, width=SIDE, labels=CLASSES, preprocess=PIXELS, detector=detector
    )
    keras.save(model, path, facts.to_json())
    made: KerasModel = artifact(KerasModel, path, facts)
    return made
