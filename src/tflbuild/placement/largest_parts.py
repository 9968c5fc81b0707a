"""Partition a graph as LiteRT does for a delegate that takes the largest parts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import OperatorFacts


def largest(operators: Sequence[OperatorFacts], fits: Sequence[bool], device: Mapping[str, Any]) -> list[str]:
    """Let the device run the largest parts of the graph, as LiteRT gives them to a delegate.

    The option `partitions` of the target says how many at most (0: all), and `smallest` how many operators one has at
    least (1 where the target has no such option). Of parts of one size the first counts. What unpacks constants in
    float16 runs on the device where everything else does, and else on the processor.
    """
    most, least = int(device.get("partitions", 0)), int(device.get("smallest", 1))
    unpacking = [one.name == "DEQUANTIZE" and _all_stored(one) for one in operators]
    taken = [fit and not unpacks for fit, unpacks in zip(fits, unpacking, strict=True)]
    if all(fit or unpacks for fit, unpacks in zip(fits, unpacking, strict=True)) and any(unpacking):
        return [""] * len(operators)
    found = sorted(parts(operators, taken), key=len, reverse=True)
    reasons = [_LEFT if unpacks else "" for unpacks in unpacking]
    for place, part in enumerate(found):
        if len(part) < least:
            why = f"is in a part of {_counted(part)}, and the delegate takes parts of {least} and more"
        elif most and place >= most:
            why = (
                f"is in a part of {_counted(part)}, and the delegate takes the {most} largest alone (option "
                f"'partitions' of the target)"
                if most > 1
                else f"is in a part of {_counted(part)}, and the delegate takes the largest part alone, of "
                f"{_counted(found[0])} (option 'partitions' of the target)"
            )
        else:
            continue
        for index in part:
            reasons[index] = why
    return reasons


_LEFT = "unpacks constants in float16, and other operators stay on the processor"


def _all_stored(operator: OperatorFacts) -> bool:
    """Say whether an operator makes of constants what other operators may take for constants."""
    return bool(operator.outputs) and all(one.stored and not one.constant for one in operator.outputs)


def _counted(part: Sequence[int]) -> str:
    return f"{len(part)} operator{'s' * (len(part) != 1)}"


def parts(operators: Sequence[OperatorFacts], taken: Sequence[bool]) -> list[list[int]]:
    """Divide a graph as LiteRT does: everything that is ready and of one side is one part, and then the other side.

    Args:
        operators: in order of execution.
        taken: whether the device takes each.

    Returns:
        The places of the operators of each part that the device takes.
    """
    waiting = {index for operator in operators for index in operator.writes}
    left = list(range(len(operators)))
    found: list[list[int]] = []
    while left:
        part: list[int] = []
        for place in left:
            ready = not any(index in waiting for index in operators[place].reads)
            if ready and (not part or taken[place] is taken[part[0]]):
                part.append(place)
                waiting.difference_update(operators[place].writes)
        if not part:  # a circle, which LiteRT refuses
            break
        if taken[part[0]]:
            found.append(part)
        gone = set(part)
        left = [place for place in left if place not in gone]
    return found
