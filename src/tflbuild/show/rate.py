"""The rate of recent progress, and the time left that follows from it."""

from __future__ import annotations

from collections import deque

SETTLING_SECONDS, SETTLING_SHARE = 5.0, 0.02
"""Time, and share of the work, behind the first progress before the time left is worth saying: until then graphs are
traced, kernels compiled and caches filled."""

RECENT_SECONDS, EVERY = 30.0, 0.5
"""Time that counts as recent, and between two moments of it that are remembered."""


class Rate:
    """How fast something goes on.

    Attributes:
        done: how much is done.
        total: of how much.
    """

    def __init__(self) -> None:
        self.done, self.total = 0.0, 0.0
        self._first: tuple[float, float] | None = None
        self._recent: deque[tuple[float, float]] = deque()

    def went_on(self, now: float, done: float, total: float) -> None:
        """Note how far it is; what starts over, or has another length, is timed anew."""
        if self._first is None or done < self.done or total != self.total:
            self._first = (now, done)
            self._recent.clear()
        self.done, self.total = done, total
        if not self._recent or now - self._recent[-1][0] >= EVERY:
            self._recent.append((now, done))
        while len(self._recent) > 1 and now - self._recent[1][0] >= RECENT_SECONDS:
            self._recent.popleft()

    def left(self, now: float) -> float | None:
        """Estimate the seconds left by the recent rate; None as long as there is none."""
        if self._first is None or self.total <= 0:
            return None
        began, before = self._first
        if now - began < SETTLING_SECONDS or self.done - before < SETTLING_SHARE * self.total:
            return None
        since, then = self._recent[0]
        if self.done <= then:
            since, then = began, before
        return (now - since) * max(0.0, self.total - self.done) / (self.done - then)
