"""Training on points: wanted heatmaps, their loss, and a teacher's share in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.tasks.keypoints.heatmaps import wanted
from tflbuild.training import distillation, losses


def served(model: Any, raw: Sequence[Any]) -> Mapping[str, Any]:
    """Name the one output."""
    (given,) = raw
    return {"heatmaps": given}


def loss(model: Any, options: Any) -> losses.Loss:
    """Give the cross entropy over the cells of each point's heatmap; points that are not marked do not count."""
    return losses.heatmaps


def with_teacher(
    whole: losses.Loss, student: Any, teacher: Any, weight: float, temperature: float
) -> losses.Loss:
    """Put the distance to the teacher's softened heatmaps into a loss."""
    return distillation.heatmaps(whole, weight, temperature)


def targeting(meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
    """Give what turns a batch into its codes, its heatmaps, and which points count."""
    grid = meaning.head["grid"]

    def targets(batch: Batch) -> tuple[Any, ...]:
        return batch.codes, *wanted(batch.labels, grid)

    return targets
