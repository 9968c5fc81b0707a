"""How far two tensors are apart: in values, and in steps where they are quantized."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.core.signature import TensorSpec


class Distance(NamedTuple):
    """The distance of two tensors of the same shape.

    Attributes:
        equal: whether all bytes are.
        largest: the largest absolute difference of a value; infinity where one is not a number and the other is.
        steps: the same in steps of quantization; None where the tensor has none.
    """

    equal: bool
    largest: float
    steps: float | None

    def to_json(self) -> dict[str, Any]:
        """Give the form of `tflbuild.core.samples.APART`."""
        said: dict[str, Any] = {"largest": self.largest if math.isfinite(self.largest) else None}
        return said | ({} if self.steps is None else {"steps": self.steps}) | {"equal": self.equal}


def distance(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], spec: TensorSpec, numbers: int) -> Distance:
    """Compare the first numbers of two tensors, as they are stored; what lies behind these nobody wrote.

    >>> distance(np.array([3], np.int8), np.array([5], np.int8), TensorSpec((1,), "int8", 0.25), 1)
    Distance(equal=False, largest=0.5, steps=2.0)
    """
    one, other = (np.ascontiguousarray(tensor).reshape(-1)[:numbers] for tensor in (ours, theirs))
    equal = one.dtype == other.dtype and one.tobytes() == other.tobytes()
    quantized = bool(spec.scale) and one.dtype.kind in "iu"
    if not one.size:
        return Distance(equal, 0.0, 0.0 if quantized else None)
    if one.dtype.kind in "iub":
        apart = float(max(abs(int(a) - int(b)) for a, b in _ends(one, other)))
        return Distance(equal, apart * spec.scale if quantized else apart, apart if quantized else None)
    return Distance(equal, _floats_apart(one.astype(np.float64), other.astype(np.float64)), None)


def _ends(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> list[tuple[Any, Any]]:
    """Give the pair of integers that differ most; all of 64 bits, since float64 cannot hold their difference."""
    if one.dtype.itemsize < 8:
        place = int(np.abs(one.astype(np.int64) - other.astype(np.int64)).argmax())
        return [(one[place], other[place])]
    return list(zip(one.tolist(), other.tolist(), strict=True))


def _floats_apart(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(one - other))
    return float(np.where(np.isnan(apart), np.inf, apart).max())
