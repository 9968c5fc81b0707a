"""Training an autoencoder: its own input is what it is to give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.tasks.reconstruction.task import NORMAL
from tflbuild.training import reconstructing
from tflbuild.training.losses import Loss


def loss(model: Any, options: Any) -> Loss:
    """Give the mean squared error."""
    return reconstructing.squared_error()


def with_teacher(whole: Loss, student: Any, teacher: Any, weight: float, temperature: float) -> Loss:
    """Put the squared distance to what the teacher makes of the input into a loss."""
    return reconstructing.taught(whole, weight)


def targeting(meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
    """Give what turns a batch into its codes, and the values that the model is to give, (batch, ...) float32.

    Raises:
        DataError: a sample of the batch is abnormal, which an autoencoder must never see in training.
    """
    kind = meaning.only.kind

    def targets(batch: Batch) -> tuple[Any, ...]:
        if any(int(label) != NORMAL for labels in batch.labels for label in labels):
            raise DataError(
                "data: the train split holds an abnormal sample; an autoencoder learns from normal ones."
            )
        return batch.codes, np.asarray(kind.values(batch.codes), np.float32)

    return targets
