"""How far tensors are apart, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.distance import distance

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("dtype", "scale", "ours", "theirs", "numbers", "found"),
    [
        ("int8", 0.5, [1, 2, 3], [1, 2, 3], 3, (True, 0.0, 0.0)),
        ("int8", 0.5, [-128, 2], [127, 2], 2, (False, 127.5, 255.0)),  # 255 steps: more than int8 holds
        ("uint8", 0.25, [0, 7], [255, 7], 2, (False, 63.75, 255.0)),
        ("int8", 0.5, [1, 9], [1, 3], 1, (True, 0.0, 0.0)),  # what lies behind is not compared
        ("int8", 0.5, [1, 9], [2, 3], 0, (True, 0.0, 0.0)),
        ("int64", 0.0, [2**62, 5], [-(2**62), 5], 2, (False, float(2**63), None)),
        ("int32", 0.0, [7], [9], 1, (False, 2.0, None)),
        ("float32", 0.0, [1.0, 2.0], [1.5, 1.0], 2, (False, 1.0, None)),
        ("float32", 0.0, [NAN, INF, 1.0], [NAN, INF, 1.0], 3, (True, 0.0, None)),
        ("float32", 0.0, [NAN], [1.0], 1, (False, INF, None)),
        ("float32", 0.0, [INF], [-INF], 1, (False, INF, None)),
        ("float32", 0.0, [0.0], [-0.0], 1, (False, 0.0, None)),  # other bytes, the same number
        ("float32", 0.5, [1.0], [2.0], 1, (False, 1.0, None)),  # floats have no steps, whatever their scale
        ("bool", 0.0, [True, False], [True, True], 2, (False, 1.0, None)),
    ],
)
def test_a_distance_is_in_values_and_in_steps(
    dtype: str, scale: float, ours: list[Any], theirs: list[Any], numbers: int, found: tuple[Any, ...]
) -> None:
    pair = (np.array(values, dtype) for values in (ours, theirs))
    assert tuple(distance(*pair, TensorSpec((len(ours),), dtype, scale), numbers)) == found


def test_what_is_not_finite_is_null_in_json() -> None:
    said = distance(
        np.array([NAN], np.float32), np.array([1], np.float32), TensorSpec((1,), "float32"), 1
    ).to_json()
    assert said == {"largest": None, "equal": False}
