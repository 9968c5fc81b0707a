"""How a device takes the operators that fit it: each by itself, or as one part of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.first_part import first_part
from tflbuild.placement.largest_parts import largest
from tflbuild.placement.xnnpack_parts import xnnpack

Partition = Callable[[Sequence[OperatorFacts], Sequence[bool], Mapping[str, Any]], list[str]]
"""Takes the operators in order of execution, whether each fits the device, and the target's options; gives for each
that fits the reason why it stays on the processor all the same, "" where the device runs it. A reason completes
"it "."""


def each(operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]) -> list[str]:
    """Let the device run every operator that fits."""
    return [""] * len(operators)


def prefix(operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]) -> list[str]:
    """Let the device run the first part of the graph: what depends on an operator that does not fit stays behind."""
    late: dict[int, OperatorFacts] = {}
    reasons = []
    for operator, fit in zip(operators, fits, strict=True):
        cause = next((late[index] for index in operator.reads if index in late), None)
        reasons.append(f"comes after operator {cause.index} ({cause.name})" if cause is not None else "")
        if cause is not None or not fit:
            late |= dict.fromkeys(operator.writes, cause or operator)
    return reasons


PARTITIONS: Mapping[str, Partition] = {
    "each": each,
    "prefix": prefix,
    "first_part": first_part,
    "largest": largest,
    "xnnpack": xnnpack,
}
"""Ways to partition a graph, by the name that a rule file gives."""


def count(taken: Sequence[bool]) -> int:
    """Count the stretches of neighbouring operators that the device runs.

    >>> count([True, True, False, True])
    2
    """
    return sum(now and not before for before, now in zip([False, *taken], taken, strict=False))
