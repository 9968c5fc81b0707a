"""Training a regression: the layer that gives the data's own units, targets, losses, and a teacher's share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tflbuild.backends.keras import Model, layers
from tflbuild.core.dataset import Split
from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.core.plain_text import plain
from tflbuild.tasks.labels import said_of
from tflbuild.training import distillation, losses

UNITS = "units"
"""Name of the layer that turns numbers of mean 0 and deviation 1 into those of the data."""


def ended(model: Any, split: Split) -> tuple[Any, dict[str, Any]]:
    """Let a model that was just built give numbers in the data's units, and say which these are.

    Args:
        model: a `tf_keras.Model` that ends in (batch, values).
        split: of the train split, mean and deviation.

    Returns:
        The model with a layer more, and the head.

    Raises:
        DataError: a value is the same in every sample, so nothing can be learnt of it.
    """
    mean, std = spread(split)
    scale, offset = std.tolist(), mean.tolist()
    values = layers.Rescaling(scale, offset, name=UNITS)(model.output)
    return Model(model.input, values, name=model.name), {"mean": offset, "std": scale}


def spread(split: Split) -> tuple[Any, Any]:
    """Give mean and deviation of each value, (values,) float64.

    Raises:
        DataError: a value is the same in every sample.
    """
    known = all(sample.numbers for sample in split.samples)
    every = np.stack(
        [said_of(sample) for sample in split.samples]
        if known
        else [split[place].labels for place in range(len(split))]
    )
    mean, std = every.mean(axis=0), every.std(axis=0)
    for name, middle, deviation in zip(split.classes, mean, std, strict=True):
        if not deviation > 1e-9 * max(1.0, abs(middle)):
            raise DataError(
                f"data: '{plain(name)}' is {middle:g} in every sample of {split.name}, so that nothing can be learnt "
                f"of it; leave it out."
            )
    return mean, std


def served(model: Any, raw: Sequence[Any]) -> Mapping[str, Any]:
    """Name the one output."""
    (given,) = raw
    return {"values": given}


def loss(model: Any, options: Any) -> losses.Loss:
    """Give the mean error of the values, each in units of its deviation in the train split."""
    return losses.values(options.value_loss, deviation_of(model))


def with_teacher(
    whole: losses.Loss, student: Any, teacher: Any, weight: float, temperature: float
) -> losses.Loss:
    """Put the distance to the teacher's values into a loss; a temperature has no effect on it."""
    return distillation.values(whole, weight, deviation_of(student))


def deviation_of(model: Any) -> list[float]:
    """Read the deviation off a model's last layer, wrapped for pruning or quantization or not; 1 where it has none."""
    for layer in reversed(model.layers):
        own = getattr(layer, "layer", layer)
        if own.name == UNITS and type(own).__name__ == "Rescaling":
            found: list[float] = np.ravel(own.scale).astype(float).tolist()
            return found
    return [1.0]


def targeting(meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
    """Give what turns a batch into its codes and its values (batch, values) float32."""

    def targets(batch: Batch) -> tuple[Any, ...]:
        return batch.codes, np.stack(batch.labels).astype(np.float32)

    return targets
