"""How far two kernels that are right may be from one another, on the same inputs.

Integers may differ by one step: each kernel rounds once, to the nearest or nearly so. Floats may differ by what
rounding in another order makes of sums, and by what approximations of functions are off.

References:
    Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1: a sum of n products in any order is off
    by at most gamma(n) = n u / (1 - n u) times the sum of their sizes, with u = 2^-24 for float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.tflite.flatbuffer import DTYPES, MOVING, WEIGHTED
from tflbuild.tflite.graph import Graph, by_output_channel
from tflbuild.tflite.scales import scales_of

STEPS = 1
"""Steps of its grid that an integer may differ by."""

UNIT = 2.0**-24
"""Half the distance of 1 to the next float32."""

FLUSHED = 2.0**-126
"""Smallest normal float32: kernels may take what is smaller for zero."""

MAPPING = 2.0**-18
"""Error of a function of single values, relative to the largest result: 64 units, where libraries promise a few."""

EXACT = (
    *MOVING,
    "EXPAND_DIMS",
    "GATHER",
    "GATHER_ND",
    "MAXIMUM",
    "MINIMUM",
    "PACK",
    "PADV2",
    "MIRROR_PAD",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "NEG",
    "ABS",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RESIZE_NEAREST_NEIGHBOR",
    "SELECT",
    "SELECT_V2",
    "SLICE",
    "SPACE_TO_DEPTH",
    "DEPTH_TO_SPACE",
    "SPLIT_V",
    "TILE",
    "TOPK_V2",
    "UNPACK",
)
"""Operators that compute nothing that could be rounded."""

SUMS = ("MEAN", "SUM", "AVERAGE_POOL_2D")

SIMPLE = ("ADD", "SUB", "MUL", "DIV", "DEQUANTIZE", "SQUARE", "SQUARED_DIFFERENCE", "SQRT", "FLOOR", "CEIL")
"""Operators of one rounding or two for each value."""

OTHERS = 1e-5
"""Error of any other operator, relative to the largest number that it reads or gives."""

HYBRID = ("int8", "uint8", "int4")
"""Dtypes of weights whose layers round their float inputs while they run."""

Values = npt.NDArray[Any]


def gamma(terms: float) -> float:
    """Give the relative error that a sum of products has at most, in any order.

    >>> round(gamma(1000) * 2**24)
    1000
    """
    return terms * UNIT / (1 - terms * UNIT)


def float_bound(graph: Graph, operator: Any, given: Sequence[Values], output: Values) -> float:
    """Give the largest difference that two right kernels of a float operator have.

    Args:
        graph: of the operator.
        operator: it.
        given: the values of all that it reads, constants too.
        output: what it gives.
    """
    return FLUSHED + _of_rounding(graph, operator, given, output)


def _of_rounding(graph: Graph, operator: Any, given: Sequence[Values], output: Values) -> float:
    kind = graph.kind(operator)
    most = _most(output)
    if kind in WEIGHTED:
        return _of_layer(graph, operator, kind, given)
    if kind in EXACT:
        return 0.0
    if kind in SUMS:
        terms = max(1.0, given[0].size / max(output.size, 1))
        if kind == "AVERAGE_POOL_2D":
            terms = float(operator.builtinOptions.filterHeight * operator.builtinOptions.filterWidth)
        return float(2 * gamma(terms + 2) * _most(given[0]) * (terms if kind == "SUM" else 1.0))
    if kind == "BATCH_MATMUL":
        terms = float(given[0].shape[-2 if operator.builtinOptions.adjX else -1])
        return 2 * gamma(terms + 2) * terms * _most(given[0]) * _most(given[1])
    if kind in ("SOFTMAX", "LOG_SOFTMAX"):
        terms = float(output.shape[-1])
        return 2 * most * (gamma(terms + 2) + MAPPING + 8 * UNIT * _most(given[0]))
    if kind == "RESIZE_BILINEAR":
        return 2 * _most(given[0]) * UNIT * (16 + 4 * float(max(output.shape)))
    if kind in SIMPLE:
        return 4 * UNIT * most
    if kind in ("LOGISTIC", "TANH", "EXP", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "PRELU", "RSQRT"):
        return MAPPING * most
    return OTHERS * max([most, *map(_most, given)])


def _most(values: Values) -> float:
    """Give the largest size of finite numbers."""
    found = np.abs(values.astype(np.float64)) if values.dtype.kind in "fiu" else np.zeros(1)
    finite = found[np.isfinite(found)]
    return float(finite.max()) if finite.size else 0.0


def _of_layer(graph: Graph, operator: Any, kind: str, given: Sequence[Values]) -> float:
    """Give the bound of a layer with weights: that of its sum, the largest channel's sizes taken for all."""
    place = 2 if kind == "TRANSPOSE_CONV" else 0
    weights = by_output_channel(kind, _numbers(graph, operator, given[1]))
    sizes = float(np.abs(weights).sum(axis=1).max()) if weights.size else 0.0
    inputs = _most(given[place])
    bias = _most(given[place + 2 if place else 2]) if len(given) > (3 if place else 2) else 0.0
    bound = 2 * gamma(weights.shape[1] + 2) * (sizes * inputs + bias)
    if given[1].dtype.kind in "iu":  # its input is rounded to 8 bits, and one step either way is right
        bound += sizes * inputs / 127
    return bound


def _numbers(graph: Graph, operator: Any, weights: Values) -> npt.NDArray[np.float64]:
    scales = scales_of(graph.tensors[int(operator.inputs[1])]).astype(np.float64)
    if not len(scales) or DTYPES[graph.tensors[int(operator.inputs[1])].type] not in HYBRID:
        return weights.astype(np.float64)
    return weights.astype(np.float64) * float(scales.max())
