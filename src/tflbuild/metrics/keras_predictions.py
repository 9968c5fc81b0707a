"""Predictions of a Keras model, decoded with the device's own operator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import KerasModel, ModelFacts
from tflbuild.core.dataset import Split
from tflbuild.metrics.arrays import Arrays, store
from tflbuild.metrics.examples import Examples, Prepared, in_order
from tflbuild.metrics.predictions import Outputs, Progress, collect, in_image
from tflbuild.modalities.image.preprocess import Preprocess

BATCH = 32
"""Images that the model is given at a time."""


def predict_file(
    model: KerasModel, split: Split, out: Path, progress: Progress = lambda done, total: None
) -> str:
    """Write a model's predictions on a split; gives "keras", what executed it."""
    store(predict(model, split, progress), out)
    return "keras"


def predict(model: KerasModel, split: Split, progress: Progress = lambda done, total: None) -> Arrays:
    """Run a model on every image of a split, in batches.

    Args:
        model: a Keras model with its facts.
        split: the images.
        progress: is told how many images are done.

    Returns:
        Predictions as `tflbuild.metrics.arrays` describes.
    """
    facts = ModelFacts.of(model)
    examples = Examples(split, Preprocess.of(facts.preprocess), facts.height, facts.width)
    return collect(_outputs(model, facts, examples), facts, split, progress)


def _outputs(model: KerasModel, facts: ModelFacts, examples: Examples) -> Iterator[Outputs]:
    """Run batches of one size, the last one filled up, so that the graph is traced once."""
    from tflbuild.backends.keras import predict as predict_batches

    preprocess = Preprocess.of(facts.preprocess)
    waiting: deque[Prepared] = deque()

    def batches() -> Iterator[npt.NDArray[np.float32]]:
        stack: list[npt.NDArray[np.uint8]] = []
        for count, example in enumerate(in_order(examples.__getitem__, len(examples)), start=1):
            waiting.append(example)
            stack.append(example.pixels)
            if len(stack) == BATCH or count == len(examples):
                stack += [stack[-1]] * (BATCH - len(stack))
                yield preprocess.normalise(np.stack(stack))
                stack = []

    finish = _decoder(facts)
    for outputs in predict_batches(model.path, batches()):
        for row in range(min(BATCH, len(waiting))):
            found = finish({name: value[row] for name, value in outputs.items()})
            yield in_image(found, waiting.popleft(), facts, preprocess)


def _decoder(facts: ModelFacts) -> Callable[[Outputs], Outputs]:
    """Give what turns one image's raw outputs into those of the device."""
    if facts.task != "detection":
        return lambda outputs: outputs
    from tflbuild.tasks.detection.decoding import anchors_of, suppression_of
    from tflbuild.tflite.suppression import Suppressor

    suppressor = Suppressor(anchors_of(facts), suppression_of(facts))
    return lambda outputs: suppressor.run(outputs["box_encodings"], outputs["class_scores"])
