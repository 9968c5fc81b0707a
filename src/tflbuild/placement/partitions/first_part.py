"""Let a device run one part of a graph: the first that needs nothing of the processor in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, takewhile
from typing import Any

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partitions.dependence import after, causes
from tflbuild.placement.partitions.turns import Turn, turns


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
    before, taken = _first([*turns(operators, [fit and at not in cut for at, fit in enumerate(fits)])])
    found = causes(operators, [at not in taken and at not in before for at in range(len(operators))])
    return [
        "" if at in taken else cut.get(at) or (after(cause) if cause else "is in a part of its own")
        for at, cause in enumerate(found)
    ]


def _first(found: Sequence[Turn]) -> tuple[frozenset[int], frozenset[int]]:
    """Give the operators that the processor runs first, and those that the device runs then."""
    earlier = [turn.places for turn in takewhile(lambda turn: not turn.taken, found)]
    taken = next((turn.places for turn in found if turn.taken), ())
    return frozenset(chain.from_iterable(earlier)), frozenset(taken)


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
