"""Search for the way to quantize a model that changes its outputs least."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tflbuild.core.errors import PassError
from tflbuild.quantization.attempts import REFUSALS, first_reasons, reason
from tflbuild.quantization.ranges import Method
from tflbuild.quantization.settings import (
    RANGES,
    SHARED,
    USUAL,
    Equalize,
    Failed,
    Relu6,
    Scored,
    Setting,
)
from tflbuild.quantization.workbench import Workbench

T = TypeVar("T")

FINALISTS = 3
"""Settings that are tried with bias correction as well."""

HOPELESS = 1.5
"""Error with its first ranges, relative to the best so far, above which an equalized model is given up."""

OBSERVING, SCORING, CORRECTING, LEARNING = 4.0, 1.0, 4.0, 60.0
"""Relative durations of the parts of a search, roughly, for the progress bar."""


class Search:
    """A search over quantization settings on a workbench.

    Args:
        bench: with images held out.

    Attributes:
        failed: what gave no file that can be used; the search went on without it.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._scored: list[Scored] = []
        self.failed: list[Failed] = []
        self._done, self._total = 0.0, 1.0

    def run(
        self,
        ranges: Sequence[Method] = RANGES,
        shared: Sequence[tuple[Equalize, Relu6]] = SHARED,
        *,
        learning: bool = False,
    ) -> list[Scored]:
        """Try every combination, then the best of them with corrected biases.

        An equalized model that is the same as one before, or hopeless with the first ranges, is not tried with others.
        A candidate that cannot be built, or that LiteRT does not execute, is noted, and the search goes on.

        Args:
            ranges: ways to set ranges, the one that does best as a rule first.
            shared: ways to equalize.
            learning: whether the best is tried with learned rounding, too; it takes longer than all others together.

        Returns:
            All that could be measured, the best first.

        Raises:
            PassError: the float model itself cannot be measured, or no candidate could.
        """
        self._total = len(shared) * (OBSERVING + SCORING * len(ranges)) + CORRECTING * (FINALISTS + 1)
        self._total += 2 * LEARNING if learning else 0
        self._bench.check_source()
        seen: set[bytes] = set()
        for place, (equalize, relu6) in enumerate(shared):
            self._try_ranges([Setting(ranges=r, equalize=equalize, relu6=relu6) for r in ranges], seen)
            self._done = (place + 1) * (OBSERVING + SCORING * len(ranges))
        if not self._scored:
            raise PassError(self._none_left())
        equalize, relu6 = min(shared, key=SHARED.index)
        self._try_finalists(replace(USUAL, equalize=equalize, relu6=relu6), learning)
        return sorted(self._scored, key=lambda found: found.rank)

    def _none_left(self) -> str:
        reasons = first_reasons(failed.reason for failed in self.failed)
        return f"none of {len(self.failed)} settings gives a file that can be used: {reasons}."

    def _try_ranges(self, settings: Sequence[Setting], seen: set[bytes]) -> None:
        """Try every way to set ranges of one form of the float model, unless it is the same as one before."""
        first = settings[0]
        try:
            variant = self._bench.variant(first.equalize, first.relu6)
            if variant.model.content in seen:
                return
            seen.add(variant.model.content)
            self._part(OBSERVING, lambda: self._bench.observe(variant))
        except REFUSALS as error:
            self._fail(first.shared or "not equalized", error)
            return
        found = self._score(first, SCORING)
        best = min((other.error for other in self._scored), default=math.inf)
        for setting in settings[1:] if found is None or found.error <= HOPELESS * best else ():
            self._score(setting, SCORING)

    def _try_finalists(self, usual: Setting, learning: bool) -> None:
        """Try the best so far and the usual with corrected biases, and the very best with learned rounding."""
        best = [found.setting for found in sorted(self._scored, key=lambda found: found.rank)[:FINALISTS]]
        for setting in dict.fromkeys([*best, replace(usual, correct_bias=False)]):
            self._score(replace(setting, correct_bias=True), CORRECTING)
        learned = replace(best[0], round="learned")
        for setting in (learned, replace(learned, correct_bias=True)) if learning else ():
            self._score(setting, LEARNING)

    def _score(self, setting: Setting, units: float) -> Scored | None:
        """Build and measure a candidate; None where that failed, which is noted."""
        started = time.perf_counter()
        try:
            made = self._part(units, lambda: self._bench.build(setting))
            errors, top1 = self._bench.errors(made), self._bench.top1(made)
        except REFUSALS as error:
            self._fail(setting.text, error)
            return None
        seconds = time.perf_counter() - started
        found = Scored(setting=setting, errors=errors, seconds=seconds, top1=top1)
        self._scored.append(found)
        self._bench.progress(self._done, self._total, f"{setting.text}: error {found.error:.4f}")
        return found

    def _fail(self, setting: str, error: Exception) -> None:
        self.failed.append(Failed(setting=setting, reason=reason(error)))

    def _part(self, units: float, work: Callable[[], T]) -> T:
        """Do a part of the search, whose progress is a part of the whole one's."""
        whole, done, total = self._bench.progress, self._done, self._total
        self._bench.progress = lambda part, of, note: whole(done + units * part / of, total, note)
        try:
            return work()
        finally:
            self._bench.progress = whole
            self._done += units
