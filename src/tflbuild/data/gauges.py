"""Gauges with a needle, drawn by seed: a regression set that needs no download."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes.sign_set import drawn

RENDERER = 1
"""Version of what `gauge_renderer` draws; raised whenever one pixel changes."""

NAME = "reading"
"""Name of the one value."""

STEPS = 10_000
"""Readings from the least to the largest."""


@dataset("gauges")
class Gauges(Dataset):
    """A round gauge a picture, whose needle shows a reading; every reading is equally likely.

    The same bytes on every machine. A mirror would change the reading, so that `augment.flip` must stay off.
    """

    task = "regression"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn pictures; independent of the recipe's `seed`. [no unit]"""
    image_size: Annotated[int, Ge(32), Le(1024)] = 64
    """Side of the square pictures. [pixels]"""
    train: Annotated[int, Ge(8), Le(1_000_000)] = 2000
    """Pictures to train on. [pictures]"""
    val: Annotated[int, Ge(8), Le(1_000_000)] = 300
    """Pictures that budgets between passes are judged on. More make decisions more certain. [pictures]"""
    test: Annotated[int, Ge(8), Le(1_000_000)] = 500
    """Pictures of the final numbers. More give narrower intervals. [pictures]"""
    low: float = 0.0
    """Reading at the left end of the scale. [the gauge's unit]"""
    high: float = 100.0
    """Reading at the right end of the scale. [the gauge's unit]"""
    noise: Annotated[int, Ge(0), Le(64)] = 14
    """Largest noise of the sensor. [steps of 1/255]"""

    def index(self, look: Look) -> Index:
        """List the pictures by number, with their readings.

        Raises:
            DataError: there would be one reading.
        """
        if self.low >= self.high:
            raise DataError(f"data.low: {self.low:g} is not below data.high, {self.high:g}.")
        causes = digest.of_json(
            ["gauges", RENDERER, self.seed, self.image_size, self.low, self.high, self.noise]
        )
        splits = drawn(causes, self.train, self.val, self.test)
        return Index(
            classes=(NAME,),
            splits={
                split: tuple(sample._replace(numbers=(self._reading(sample.key),)) for sample in samples)
                for split, samples in splits.items()
            },
        )

    def read(self, sample: Sample) -> Example:
        """Draw one picture."""
        from tflbuild.data.scenes.gauge_renderer import gauge

        split, number = sample.key.split("/")
        seeds = (self.seed, "gauges", split, int(number))
        return gauge(
            seeds, self._reading(sample.key), self._step(sample.key) / STEPS, self.image_size, self.noise
        )

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return (
            "tflbuild.data.scenes.gauge_renderer",
            "tflbuild.data.scenes.strokes",
            "tflbuild.data.scenes.sign_backdrop",
            "tflbuild.data.layouts.draws",
        )

    def _step(self, key: str) -> int:
        split, number = key.split("/")
        return Draws(self.seed, "gauges reading", split, int(number)).between(0, STEPS)

    def _reading(self, key: str) -> float:
        return self.low + (self.high - self.low) * self._step(key) / STEPS
