"""Say which mistake, or pair of mistakes, explains a tensor that an app made."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.analyses.mistakes.candidates import Candidate, every
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.signature import TensorSpec

Array = npt.NDArray[Any]

TOLERANCE = 1.0
"""Mean distance in steps of a code up to which a tensor is explained: other code rounds a little otherwise."""

SAME = 0.02
"""Mean distance up to which two tensors are one."""

SHOWN = 3


class Explanation(NamedTuple):
    """Mistakes, and how far the tensor that they make is from the given one.

    Attributes:
        mistakes: () for none.
        distance: mean absolute difference in steps of a code.
        same: further mistakes that make the same tensor of this sample.
    """

    mistakes: tuple[Mistake, ...]
    distance: float
    same: tuple[tuple[Mistake, ...], ...] = ()


class Explained(NamedTuple):
    """The findings about a tensor.

    Attributes:
        found: the mistakes that explain it; None where none do.
        nearest: the best three, the best first.
        seen: sentences about its shape and dtype, which need no guess.
        tried: how many combinations were tried.
    """

    found: Explanation | None
    nearest: tuple[Explanation, ...]
    seen: tuple[str, ...]
    tried: int


def explained(
    tensor: Array, spec: TensorSpec, mistakes: Sequence[Mistake], made: Callable[..., Candidate]
) -> Explained:
    """Hold a tensor to what every mistake and pair of mistakes would make.

    The fewest mistakes are preferred: more of them are taken only where they come at least twice as near.

    Args:
        tensor: numbers of any real dtype.
        spec: of the input.
        mistakes: all that are known.
        made: gives the tensor that some of them make.

    Raises:
        ValueError: its shape cannot be that of the input; the message completes "FILE ".
    """
    numbers, seen = fitted(tensor, spec)
    found: list[Explanation] = []
    for some in every(list(mistakes)):
        if len(some) > 1 and min(found, key=_distance).distance <= SAME:
            break  # no pair comes nearer in earnest
        one = made(*some)
        found.append(Explanation(some, float(np.abs(one.numbers - numbers).mean()) / one.unit))
    found.sort(key=lambda one: (round(one.distance, 3), len(one.mistakes)))
    best = _simplest(found)
    if best is None:
        return Explained(None, tuple(found[:SHOWN]), tuple(seen), len(found))
    right = made(*best.mistakes)
    if np.dtype(right.dtype) != tensor.dtype:
        seen.append(f"it is {tensor.dtype}, and such a tensor is {right.dtype}")
    near = [
        one
        for one in found
        if one is not best
        and abs(one.distance - best.distance) <= SAME
        and len(one.mistakes) <= max(1, len(best.mistakes))
        and not _names(best) < _names(one)
    ]
    same = tuple(one.mistakes for one in near if _apart(made(*one.mistakes), right) <= SAME)
    whole = best._replace(same=same)
    others = [one for one in found if one is not best and one.mistakes not in same]
    return Explained(whole, (whole, *others[: SHOWN - 1]), tuple(seen), len(found))


def _distance(found: Explanation) -> float:
    return found.distance


def _names(found: Explanation) -> set[str]:
    return {one.name for one in found.mistakes}


def _simplest(found: Sequence[Explanation]) -> Explanation | None:
    """Give the explanation with the fewest mistakes that no other comes twice as near as."""
    least = found[0].distance
    fit = [one for one in found if one.distance <= min(TOLERANCE, 2 * least + SAME)]
    return min(fit, key=lambda one: (len(one.mistakes), one.distance), default=None)


def _apart(one: Candidate, other: Candidate) -> float:
    return float(np.abs(one.numbers - other.numbers).mean()) / other.unit


def fitted(tensor: Array, spec: TensorSpec) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Give a tensor in the shape of one sample, and what its own shape says.

    Raises:
        ValueError: it is no tensor of real numbers, holds another number of them, or some that are not finite.
    """
    if tensor.dtype.kind not in "biuf":
        raise ValueError(f"holds {tensor.dtype}; a tensor holds real numbers")
    wanted = tuple(spec.shape[1:])
    if tensor.size != math.prod(wanted):
        raise ValueError(f"has the shape {tensor.shape}, and the input takes {(1, *wanted)}")
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise ValueError("holds values that are not finite")
    numbers, given = tensor.astype(np.float64), tensor.shape
    if given == (1, *wanted):
        return numbers.reshape(wanted), []
    inner = given[1:] if len(given) == len(wanted) + 1 and given[0] == 1 else given
    seen = (
        []
        if inner is not given
        else [f"it lacks the batch axis: {given}, and the input takes {(1, *wanted)}"]
    )
    if inner == wanted:
        return numbers.reshape(wanted), seen
    if len(wanted) == 3:
        height, width, channels = wanted
        if inner == (channels, height, width):
            return np.moveaxis(numbers.reshape(inner), 0, -1), [*seen, "its channels come first (NCHW)"]
        if inner == (width, height, channels):
            return np.swapaxes(numbers.reshape(inner), 0, 1), [
                *seen,
                "its rows and columns are exchanged (NWHC)",
            ]
    if len(inner) > 1 and math.prod(inner) == inner[0]:
        inner = inner[:1]
    if len(inner) == 1 or len(wanted) != 3:
        return numbers.reshape(wanted), [f"it has the shape {given}, and the input takes {(1, *wanted)}"]
    raise ValueError(f"has the shape {given}, and the input takes {(1, *wanted)}")
