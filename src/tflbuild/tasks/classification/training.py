"""Training a classifier: targets, losses, and a teacher's share in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tflbuild.backends import keras
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.training import distillation, losses


def loss(model: Any, options: Any) -> losses.Loss:
    """Give the cross entropy that fits a model's end: logits, a softmax, or independent probabilities."""
    kind, smoothing = keras.output_kind(model), options.label_smoothing
    if kind == "sigmoid":
        return losses.independent(smoothing)
    return losses.classification(kind == "logits", smoothing)


def with_teacher(
    whole: losses.Loss, student: Any, teacher: Any, weight: float, temperature: float
) -> losses.Loss:
    """Put the distance to the teacher's softened classes into a loss."""
    ends = (keras.output_kind(student) == "logits", keras.output_kind(teacher) == "logits")
    return distillation.classification(whole, weight, temperature, *ends)


def targeting(meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
    """Give what turns a batch into its codes and its labels (batch,) int32."""

    def targets(batch: Batch) -> tuple[Any, ...]:
        return batch.codes, np.asarray([int(labels[0]) for labels in batch.labels], np.int32)

    return targets
