"""Reckon about how long the passes of a sweep take, several jobs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlannedPass:
    """A pass of a job, before anything is built.

    Attributes:
        label: of its step.
        key: what decides its result: two jobs with the same share it.
        stored: whether its result is in the store.
        seconds: about how long it takes; None where nothing like it has run here.
    """

    label: str
    key: str
    stored: bool
    seconds: float | None = None


def elapsed(jobs: Sequence[Iterable[PlannedPass]], parallel: int) -> float:
    """Give about how long some jobs take, several at a time; what they share is computed once.

    Args:
        jobs: the passes of each, in the order in which they would be built. A pass of which nothing is known counts
            nothing.
        parallel: how many are built at once.
    """
    free = [0.0] * max(1, parallel)
    ready: dict[str, float] = {}
    for job in jobs:
        place = free.index(min(free))
        now = free[place]
        for one in job:
            if not one.stored and one.key not in ready:
                ready[one.key] = now + (one.seconds or 0.0)
            now = max(now, ready.get(one.key, 0.0))
        free[place] = now
    return max(free)
