"""Hold outcomes to the bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from planted.faults import NONE
from planted.trying import Outcome

NAMED, RECOVERED = 0.95, 0.8


def cost_of(outcome: Outcome, clean: Mapping[tuple[str, bool], Outcome]) -> tuple[float, float] | None:
    """Give what a fault cost against the same build without it, and half of the interval of that; None unknown.

    The two are measured on the same samples, and taken as if they were not: the interval is too wide rather than too
    narrow.
    """
    good = clean.get((outcome.case.subject, outcome.case.foreign))
    if good is None or good.value is None or outcome.value is None:
        return None
    return good.value - outcome.value, math.hypot(good.half, outcome.half)


def right(outcome: Outcome, names: Sequence[str] | None = None) -> bool:
    """Say whether the first cause is the planted one."""
    first = (outcome.causes if names is None else names)[:1]
    return bool(first) and any(
        first[0].startswith(name) if name.endswith(".") else first[0] == name for name in outcome.case.right
    )


def recovered(outcome: Outcome, cost: float) -> float | None:
    """Give the share of what was lost that the first cure gave back; None where none was built."""
    return None if outcome.gain is None or cost <= 0 else outcome.gain / cost


def unfaulted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Give the outcomes in which nothing was planted."""
    return [each for each in outcomes if each.case.fault == NONE]
