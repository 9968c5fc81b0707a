"""Hold outcomes to the bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass
class Tally:
    """The outcomes that count, by what is asked of them.

    Attributes:
        counted: faults that cost more than their interval.
        faint: faults that cost less.
        refused: faults that no build takes; the sentence says why.
        claimed: causes that were named where nothing was planted.
        clean: builds in which nothing was planted.
    """

    counted: list[Judged] = field(default_factory=list)
    faint: list[Judged] = field(default_factory=list)
    refused: list[Judged] = field(default_factory=list)
    claimed: list[Judged] = field(default_factory=list)
    clean: list[Judged] = field(default_factory=list)

    @property
    def named(self) -> int:
        """Count the faults whose cause came first."""
        return sum(each.right for each in self.counted)

    @property
    def curable(self) -> list[Judged]:
        """Give the faults that an override can cure."""
        return [each for each in self.counted if each.outcome.case.curable]

    @property
    def cured(self) -> int:
        """Count those of which the first cure gave back enough."""
        return sum(each.share is not None and each.share >= RECOVERED for each in self.curable)

    @property
    def held(self) -> bool:
        """Say whether every bar is held."""
        enough = self.named >= NAMED * len(self.counted) and self.cured >= RECOVERED * len(self.curable)
        return enough and not self.claimed


@dataclass(frozen=True)
class Judged:
    """An outcome, and what it says.

    Attributes:
        outcome: it.
        cost: what the fault cost, and half of the interval of that; None unknown.
        right: whether the planted cause came first.
        share: of the cost, what the first cure gave back; None where none was built.
    """

    outcome: Outcome
    cost: tuple[float, float] | None
    right: bool
    share: float | None

    @property
    def beyond(self) -> bool:
        """Say whether the fault cost more than its interval."""
        return self.cost is not None and self.cost[0] > self.cost[1]


def tally(outcomes: Sequence[Outcome]) -> tuple[Tally, list[Judged]]:
    """Judge every outcome."""
    clean = {(each.case.subject, each.case.foreign): each for each in outcomes if each.case.fault == NONE}
    found, judged = Tally(), []
    for outcome in outcomes:
        cost = cost_of(outcome, clean)
        one = Judged(outcome, cost, right(outcome), recovered(outcome, cost[0]) if cost else None)
        judged.append(one)
        if outcome.case.fault == NONE:
            found.clean.append(one)
            if outcome.causes:
                found.claimed.append(one)
        elif outcome.value is None and not outcome.causes:
            found.refused.append(one)
        elif one.beyond or outcome.value is None:
            found.counted.append(one)
        else:
            found.faint.append(one)
    return found, judged
