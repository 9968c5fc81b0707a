"""Partition a graph as LiteRT does for a delegate that takes the largest parts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partitions.turns import turns


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
    found = sorted((one.places for one in turns(operators, taken) if one.taken), key=len, reverse=True)
    reasons = [_LEFT if unpacks else "" for unpacks in unpacking]
    for place, part in enumerate(found):
        why = _why_not(len(part), len(found[0]), most if place >= most else 0, least)
        for index in part if why else ():
            reasons[index] = why
    return reasons


def _why_not(operators: int, largest_has: int, most: int, least: int) -> str:
    """Say why a part is left; "" for one that is taken.

    Args:
        operators: that it has.
        largest_has: operators of the largest part.
        most: parts that are taken, where it is behind these; 0 where it is not.
        least: operators that a part has.
    """
    has = f"is in a part of {amount(operators, 'operator')}, and the delegate takes"
    if operators < least:
        return f"{has} parts of {least} and more"
    if most > 1:
        return f"{has} the {most} largest alone (option 'partitions' of the target)"
    largest_part = f"the largest part alone, of {amount(largest_has, 'operator')}"
    return f"{has} {largest_part} (option 'partitions' of the target)" if most else ""


_LEFT = "unpacks constants in float16, and other operators stay on the processor"


def _all_stored(operator: OperatorFacts) -> bool:
    """Say whether an operator makes of constants what other operators may take for constants."""
    return bool(operator.outputs) and all(one.stored and not one.constant for one in operator.outputs)
