"""Training a detector: targets, losses, and a teacher's share in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.tasks.detection.decoding import anchors_of
from tflbuild.tasks.detection.targets import detection_targets
from tflbuild.training import distillation, losses


def loss(model: Any, options: Any) -> losses.Loss:
    """Give the loss of boxes and classes that the options name."""
    return losses.detection(options.loss)


def with_teacher(
    whole: losses.Loss, student: Any, teacher: Any, weight: float, temperature: float
) -> losses.Loss:
    """Put the distance to the teacher's boxes and softened classes into a loss."""
    return distillation.detection(whole, weight, temperature)


def targeting(meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
    """Give what turns a batch into its codes, coded boxes and labels of the anchors."""
    anchors = anchors_of(meaning)
    return lambda batch: detection_targets(batch, anchors)
