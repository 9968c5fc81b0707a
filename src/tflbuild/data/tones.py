"""Short tones, drawn by seed: recordings for classification that need no download."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.data.scenes.sign_set import drawn

CLASSES = ("low", "high", "rising", "falling", "warble", "pulses", "chord", "two")

RENDERER = 1
"""Version of what `tone_renderer` draws; raised whenever one sample changes."""


@dataset("tones")
class Tones(Dataset):
    """One second of a tone at 16 kHz, of eight classes, drawn by seed and number.

    Pitch, length, beginning, loudness and noise vary; the class is how the pitch moves. Every class has as many.
    """

    task = "classification"
    modality: ClassVar[str] = "audio"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn tones; independent of the recipe's `seed`. [no unit]"""
    train: Annotated[int, Ge(8), Le(1_000_000)] = 1600
    """Recordings to train on. [recordings]"""
    val: Annotated[int, Ge(8), Le(1_000_000)] = 400
    """Recordings that budgets between passes are judged on. More make decisions more certain. [recordings]"""
    test: Annotated[int, Ge(8), Le(1_000_000)] = 800
    """Recordings of the final numbers. More give narrower intervals. [recordings]"""
    noise: Annotated[float, Ge(0), Le(10)] = 1.0
    """Loudest noise, as a part of the tone. Larger is harder. [ratio]"""

    def index(self, look: Look) -> Index:
        """List the recordings by number."""
        causes = digest.of_json(["tones", RENDERER, self.seed, self.noise])
        return Index(
            classes=CLASSES,
            splits={
                split: tuple(
                    sample._replace(labels=(number % len(CLASSES),)) for number, sample in enumerate(samples)
                )
                for split, samples in drawn(causes, self.train, self.val, self.test).items()
            },
        )

    def read(self, sample: Sample) -> Example:
        """Draw one recording."""
        import numpy as np

        from tflbuild.data.sounds.tone_renderer import recording

        split, number = sample.key.split("/")
        value = recording((self.seed, "tones", split, int(number)), CLASSES[sample.labels[0]], self.noise)
        return Example(value, np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32))

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return ("tflbuild.data.sounds.tone_renderer", "tflbuild.data.layouts.draws")
