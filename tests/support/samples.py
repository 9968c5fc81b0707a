"""Calibration samples of models with one input."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Samples = list[dict[str, npt.NDArray[np.float32]]]


def samples(values: Iterable[npt.NDArray[np.float32]], name: str = "image") -> Samples:
    """Give the values of a model's one input as calibration samples."""
    return [{name: value} for value in values]
