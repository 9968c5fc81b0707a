"""Find what depends on operators that stay on the processor."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.placement.facts import OperatorFacts


def causes(operators: Sequence[OperatorFacts], ends: Sequence[bool]) -> list[OperatorFacts | None]:
    """Give for each operator the first of those that end a part and that it depends on; None where there is none.

    Args:
        operators: in order of execution.
        ends: whether each ends the part.
    """
    late: dict[int, OperatorFacts] = {}
    found = []
    for operator, end in zip(operators, ends, strict=True):
        cause = next((late[index] for index in operator.reads if index in late), None)
        found.append(cause)
        if cause is not None or end:
            late |= dict.fromkeys(operator.writes, cause or operator)
    return found


def after(cause: OperatorFacts) -> str:
    """Say why what depends on an operator stays, to complete "it "."""
    return f"comes after operator {cause.index} ({cause.name})"
