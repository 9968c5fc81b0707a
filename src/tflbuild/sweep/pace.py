"""The time left of a sweep: from what its passes took in earlier builds, and from how fast its jobs end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

SETTLING_SECONDS = 5.0
"""Seconds of a sweep before the rate at which its jobs end says something."""

TELLING = 0.1
"""Share of the expected seconds from which on the rate counts alone; jobs from the store say little of others."""


class Pace:
    """How fast the jobs of a sweep end.

    Args:
        expected: seconds that each job will take, given that those before it are built; None for what nobody knows.
        total: how many jobs there will be, those included that are not chosen yet.
        parallel: how many run at once.
    """

    def __init__(self, expected: Sequence[float | None], total: int, parallel: int = 1) -> None:
        self._expected = expected
        self._left = max(total, len(expected))
        self._parallel = max(1, parallel)
        self._began = time.monotonic()
        self._ended: list[int] = []

    def end(self, position: int) -> None:
        """Note that the job at a position has ended."""
        self._ended.append(position)
        self._left -= 1

    def left(self) -> float | None:
        """Estimate the seconds left; None as long as there is no telling."""
        spent = time.monotonic() - self._began
        known = [seconds for seconds in self._expected if seconds is not None]
        running = min(self._parallel - 1, self._left)  # beside the place that has just become free; half done
        if len(known) < len(self._expected) or len(self._expected) != self._left + len(self._ended):
            settled = self._ended and spent > SETTLING_SECONDS
            done = len(self._ended) + running / 2
            return spent / done * (self._left - running / 2) if settled else None
        ended = sum(known[position] for position in self._ended)
        if ended > 0:
            half = (sum(known) - ended) * running / 2 / max(self._left, 1)
            counts = min((ended + half) / (TELLING * sum(known)), 1.0)
            rate = counts * spent / (ended + half) + 1 - counts
            return rate * (sum(known) - ended - half)
        return max(sum(known) / min(self._parallel, len(known)) - spent, 0.0) if known else None


def marginal(
    passes: Sequence[Mapping[str, float | None]], behind: Sequence[float | None]
) -> list[float | None]:
    """Give what each job takes, given that those before it are built: a pass that two share runs once.

    Args:
        passes: of each job, the seconds of every pass that is not in the store, by what decides its result.
        behind: of each job, the seconds of its delivery.

    >>> marginal([{"a": 5.0, "b": 1.0}, {"a": 5.0, "c": None}], [2.0, 2.0])
    [8.0, None]
    >>> marginal([{"a": 5.0, "b": 1.0}, {"a": 5.0, "c": 3.0}], [2.0, 2.0])
    [8.0, 5.0]
    """
    seen: set[str] = set()
    found: list[float | None] = []
    for job, delivery in zip(passes, behind, strict=True):
        parts = [*(seconds for key, seconds in job.items() if key not in seen), delivery]
        seen |= set(job)
        known = [seconds for seconds in parts if seconds is not None]
        found.append(sum(known) if len(known) == len(parts) else None)
    return found
