"""Intersection over union of boxes."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Floats = TypeVar("Floats", bound=npt.NDArray[np.floating[Any]])


def intersection_over_union(first: Floats, second: Floats) -> Floats:
    """Give the intersection over union of boxes, which are broadcast against one another.

    Args:
        first: (..., 4) float32 or float64: ymin, xmin, ymax, xmax.
        second: (..., 4) of the same type.

    Returns:
        (...) of that type: in 0..1; 0 where a box has no area.
    """
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = _area(np.maximum(sides, 0))
    union = _area(first[..., 2:] - first[..., :2]) + _area(second[..., 2:] - second[..., :2]) - shared
    found: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return found


def _area(sides: Any) -> Any:
    return sides[..., 0] * sides[..., 1]
