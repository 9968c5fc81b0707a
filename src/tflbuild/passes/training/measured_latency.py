"""The latency of a Keras model that is to be made faster, as a share of that of the one before."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tflbuild.core.meaning import Meaning

TURNS = 5
"""Times that both files are timed, one after the other, so that what else the machine does meets both."""

RUNS = 20
"""Invocations in each of them."""

TRIES = 6
"""Halvings of the interval in which a size is looked for."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Times of two files, measured in turns.

    Attributes:
        share: of the first one's latency that the second one has: the median of the turns.
        before_ms: median of the first.
        after_ms: of the second.
    """

    share: float
    before_ms: float
    after_ms: float

    def to_json(self) -> dict[str, float]:
        """Give the figures as plain values."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """Times converted files against that of one model.

    Attributes:
        base: the converted file of the model that a share is of.
        facts: what goes in and comes out.
        folder: where files are written.
    """

    base: Path
    facts: Meaning
    folder: Path

    @classmethod
    def of(cls, model: Any, facts: Meaning, folder: Path) -> Stopwatch:
        """Convert the model that a share is of.

        Args:
            model: a `tf_keras.Model`.
            facts: what goes in and comes out.
            folder: where files are written.
        """
        base = _converted(model, facts, folder / "timed-base.tflite")
        return cls(base=base, facts=facts, folder=folder)

    def timed(self, model: Any) -> Timed:
        """Convert a model and time it."""
        from tflbuild.runtimes.interpreter import latency

        path = _converted(model, self.facts, self.folder / "timed.tflite")
        turns = [
            (latency(self.base, runs=RUNS)["median"], latency(path, runs=RUNS)["median"])
            for _ in range(TURNS)
        ]
        return Timed(
            share=statistics.median(after / before for before, after in turns),
            before_ms=statistics.median(before for before, _ in turns),
            after_ms=statistics.median(after for _, after in turns),
        )


def _converted(model: Any, facts: Meaning, path: Path) -> Path:
    from tflbuild.backends import converter

    path.write_bytes(converter.to_float(model, facts.kind, facts.kind.tail(facts)))
    return path


def largest(least: float, most: float, share: Callable[[float], float], wanted: float) -> float:
    """Give the largest size that is fast enough, as far as a few tries tell; the least where none is.

    >>> round(largest(0.0, 100.0, lambda size: size / 100, 0.4))
    39

    Args:
        least: size that is known to be fast enough, or nothing is.
        most: size that is too slow.
        share: times a size.
        wanted: share of the latency.
    """
    low, high = least, most
    for _ in range(TRIES):
        middle = (low + high) / 2
        if share(middle) <= wanted:
            low = middle
        else:
            high = middle
    return low
