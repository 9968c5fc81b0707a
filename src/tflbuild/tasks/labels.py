"""The labels of a sample, and a model's classes matched with those of the data, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.dataset import Sample


def said_of(sample: Sample) -> npt.NDArray[Any]:
    """Give what the data say of a sample beside its boxes, as `Example.labels` holds it.

    >>> said_of(Sample("a", "", labels=(2,))), said_of(Sample("b", "", numbers=(0.5, 1.0)))
    (array([2], dtype=int32), array([0.5, 1. ]))
    """
    return np.array(sample.numbers, np.float64) if sample.numbers else np.array(sample.labels, np.int32)


def columns(labels: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.int32]:
    """Give the data's class of each of the model's labels; -1 for one that the data does not have."""
    known = {name: index for index, name in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels], np.int32)


def missing(labels: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.str_]:
    """Name the data's classes that the model does not know: it never finds them, which counts against it."""
    return np.array([name for name in classes if name not in labels], np.str_)


def label_of(labels: Sequence[str], number: float) -> str:
    """Name a class by its index.

    Raises:
        ValueError: there is none of that index.
    """
    position = int(number)
    if not labels and position >= 0:
        return f"class {position}"
    if not 0 <= position < len(labels):
        raise ValueError(f"class {position} of {len(labels)}")
    return labels[position]


def refuse_not_finite(values: npt.NDArray[np.float32], what: str) -> None:
    """Refuse numbers that nothing can be read off.

    Raises:
        ValueError: one is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError(f"its {what} are not finite numbers")
