"""Let a device run one part of a graph: the first that needs nothing of the processor in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import OperatorFacts


def first_part(
    operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]
) -> list[str]:
    """Let the device run the first part of the graph that it can run in one go.

    LiteRT parts a graph for a delegate in turns: all operators of one side that are ready, then all of the other side
    that are ready, and so on. Google's compiler for the Edge TPU takes the first turn of its side. So operators at the
    beginning may be the processor's, and what depends on a later one of those stays behind.

    Args:
        operators: in order of execution.
        fits: whether each breaks no rule.
        device: options of the target; its `intermediate_tensors` are names of tensors that end the part.
    """
    cut = _behind(operators, frozenset(device.get("intermediate_tensors") or ()))
    takes = [fit and at not in cut for at, fit in enumerate(fits)]
    before, taken = _turns(operators, takes)
    causes: dict[int, OperatorFacts] = {}
    reasons = []
    for at, operator in enumerate(operators):
        cause = next((causes[index] for index in operator.reads if index in causes), None)
        reasons.append("" if at in taken else cut.get(at) or _after(cause))
        if at not in taken and at not in before:
            causes |= dict.fromkeys(operator.writes, cause or operator)
    return reasons


def _after(cause: OperatorFacts | None) -> str:
    return f"comes after operator {cause.index} ({cause.name})" if cause else "is in a part of its own"


def _turns(operators: Sequence[OperatorFacts], takes: Sequence[bool]) -> tuple[set[int], set[int]]:
    """Give the operators that the processor runs first, and those that the device runs then."""
    missing = {index for operator in operators for index in operator.writes}
    before: set[int] = set()
    waiting = list(range(len(operators)))
    while waiting:
        side = takes[waiting[0]]
        turn = []
        for at in waiting:
            if takes[at] == side and missing.isdisjoint(operators[at].reads):
                turn.append(at)
                missing.difference_update(operators[at].writes)
        if side:
            return before, set(turn)
        if not turn:  # it reads what nothing before it writes: no order that can be executed
            break
        before |= set(turn)
        waiting = [at for at in waiting if at not in before]
    return before, set()


def _behind(operators: Sequence[OperatorFacts], ends: Collection[str]) -> dict[int, str]:
    """Say of the operators behind some tensors, by place, why they stay."""
    if not ends:
        return {}
    late: dict[int, str] = {}
    found = {}
    for at, operator in enumerate(operators):
        cause = next((late[index] for index in operator.reads if index in late), None)
        if cause is not None:
            found[at] = f"comes after the tensor {cause}, which ends the part"
            late |= dict.fromkeys(operator.writes, cause)
        for index, tensor in zip(operator.writes, operator.outputs, strict=True):
            if tensor.name in ends:
                late[index] = tensor.name
    return found
