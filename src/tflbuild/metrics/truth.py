"""The ground truth of a split: its annotations as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tflbuild.core.dataset import Split
from tflbuild.metrics.arrays import Arrays, offsets_of, store
from tflbuild.metrics.examples import annotated


def truth_file(split: Split, out: Path) -> None:
    """Write a split's annotations."""
    store(truth(split), out)


def truth(split: Split) -> Arrays:
    """Give a split's annotations as `tflbuild.metrics.arrays` describes."""
    rows = list(annotated(split))
    arrays: Arrays = {
        "labels": np.concatenate([row.labels for row in rows]).astype(np.int32),
        "names": np.array(split.classes, np.str_),
    }
    if split.dataset.task == "detection":
        arrays["boxes"] = np.concatenate([row.boxes for row in rows]).astype(np.float32)
        arrays["offsets"] = offsets_of([len(row.labels) for row in rows])
    return arrays
