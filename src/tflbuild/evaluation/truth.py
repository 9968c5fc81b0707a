"""The ground truth of a split: its annotations as arrays."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core.dataset import Split
from tflbuild.core.task import TASKS
from tflbuild.evaluation.arrays import Arrays, store
from tflbuild.evaluation.examples import annotated


def truth_file(split: Split, out: Path) -> None:
    """Write a split's annotations."""
    store(truth(split), out)


def truth(split: Split) -> Arrays:
    """Give a split's annotations as `tflbuild.evaluation.arrays` describes."""
    return TASKS.get(split.dataset.task)().truth(list(annotated(split)), split.classes)
