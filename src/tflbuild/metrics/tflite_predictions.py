"""Predictions of a TensorFlow Lite model; imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.errors import PassError
from tflbuild.metrics.arrays import Arrays, store
from tflbuild.metrics.examples import Examples
from tflbuild.metrics.predictions import Outputs, Progress, collect, in_image
from tflbuild.modalities.image.preprocess import Preprocess
from tflbuild.runtimes.litert import Runner


def predict_file(
    model: TFLiteModel, split: Split, out: Path, progress: Progress = lambda done, total: None
) -> str:
    """Write a model's predictions on a split.

    Returns:
        The kernels that executed the model.
    """
    predictions, kernels = predict(model, split, progress)
    store(predictions, out)
    return kernels


def predict(
    model: TFLiteModel, split: Split, progress: Progress = lambda done, total: None
) -> tuple[Arrays, str]:
    """Run a model on every image of a split, one after the other.

    Args:
        model: a TensorFlow Lite model with its facts.
        split: the images.
        progress: is told how many images are done.

    Returns:
        Predictions as `tflbuild.metrics.arrays` describes, and the kernels that executed the model.

    Raises:
        PassError: the file's input is not what its facts say.
    """
    facts = ModelFacts.of(model)
    preprocess = Preprocess.of(facts.preprocess)
    runner = _runner(model.path, model.digest, preprocess.scale, preprocess.offset)
    if (runner.height, runner.width) != (facts.height, facts.width):
        raise PassError(
            f"{model.path} takes {runner.height}x{runner.width} images, but it was made for "
            f"{facts.height}x{facts.width}."
        )
    examples = Examples(split, preprocess, facts.height, facts.width)

    def outputs() -> Iterator[Outputs]:
        for position in range(len(examples)):
            example = examples[position]
            yield in_image(runner.run(example.pixels), example, facts, preprocess)

    return collect(outputs(), facts, split, progress), runner.kernels


@lru_cache(maxsize=1)
def _runner(path: Path, digest: str, scale: float, offset: float) -> Runner:
    """Load a model once for all shards of a split: packing its weights takes as long as some images."""
    return Runner(path, scale=scale, offset=offset)
