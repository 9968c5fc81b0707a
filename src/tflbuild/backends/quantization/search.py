"""Search for the way to quantize a model that changes its outputs least."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tflbuild.backends.quantization.ranges import Method
from tflbuild.backends.quantization.settings import RANGES, SHARED, USUAL, Equalize, Relu6, Scored, Setting
from tflbuild.backends.quantization.workbench import Workbench

T = TypeVar("T")

FINALISTS = 3
"""Settings that are tried with bias correction as well."""

HOPELESS = 1.5
"""How much worse than the best so far an equalized model may do with its first ranges to be tried with others."""

OBSERVING, SCORING, CORRECTING, LEARNING = 4.0, 1.0, 4.0, 60.0
"""How long parts of a search take, about and in units of each other, for the progress bar."""


class Search:
    """What was tried on a workbench.

    Args:
        bench: with images held out.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._scored: list[Scored] = []
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

        Args:
            ranges: ways to set ranges, the one that does best as a rule first.
            shared: ways to equalize.
            learning: whether the best is tried with learned rounding, too; it takes longer than all others together.

        Returns:
            All that was tried, the best first.
        """
        self._total = len(shared) * (OBSERVING + SCORING * len(ranges)) + CORRECTING * (FINALISTS + 1)
        self._total += 2 * LEARNING if learning else 0
        seen: set[bytes] = set()
        for place, (equalize, relu6) in enumerate(shared):
            content = self._bench.variant(equalize, relu6).content
            if content not in seen:
                seen.add(content)
                self._try_ranges([Setting(ranges=r, equalize=equalize, relu6=relu6) for r in ranges])
            self._done = (place + 1) * (OBSERVING + SCORING * len(ranges))
        best = [found.setting for found in sorted(self._scored, key=lambda found: found.rank)[:FINALISTS]]
        usual = [replace(USUAL, correct_bias=False)] if (USUAL.equalize, USUAL.relu6) in shared else []
        for setting in dict.fromkeys([*best, *usual]):
            self._score(replace(setting, correct_bias=True), CORRECTING)
        if learning:
            learned = replace(best[0], round="learned")
            for setting in (learned, replace(learned, correct_bias=True)):
                self._score(setting, LEARNING)
        return sorted(self._scored, key=lambda found: found.rank)

    def _try_ranges(self, settings: Sequence[Setting]) -> None:
        variant = self._bench.variant(settings[0].equalize, settings[0].relu6)
        self._part(OBSERVING, lambda: self._bench.observe(variant))
        self._score(settings[0], SCORING)
        first, best = self._scored[-1].error, min(found.error for found in self._scored)
        for setting in settings[1:] if first <= HOPELESS * best else ():
            self._score(setting, SCORING)

    def _score(self, setting: Setting, units: float) -> None:
        started = time.perf_counter()
        content = self._part(units, lambda: self._bench.build(setting))
        errors, top1 = self._bench.errors(content), self._bench.top1(content)
        seconds = time.perf_counter() - started
        self._scored.append(Scored(setting=setting, errors=errors, seconds=seconds, top1=top1))
        self._bench.progress(self._done, self._total, f"{setting.text}: error {self._scored[-1].error:.4f}")

    def _part(self, units: float, work: Callable[[], T]) -> T:
        """Do a part of the search, whose progress is a part of the whole one's."""
        whole, done, total = self._bench.progress, self._done, self._total
        self._bench.progress = lambda part, of, note: whole(done + units * part / of, total, note)
        try:
            return work()
        finally:
            self._bench.progress = whole
            self._done += units
