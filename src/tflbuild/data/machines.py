"""Sounds of a machine, drawn by seed: recordings for the detection of anomalies that need no download."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.data.scenes.sign_set import drawn

FAULTS = ("click", "missing", "rattle", "speed")

RENDERER = 1
"""Version of what `machine_renderer` draws; raised whenever one sample changes."""


@dataset("machines")
class Machines(Dataset):
    """Two seconds of a motor's hum at 16 kHz, drawn by seed and number, and in val and test what goes wrong with it.

    Train is normal alone. Every second recording of val and test is abnormal: a bearing clicks, overtones are missing,
    a part rattles, or the speed is another, each as often.
    """

    task = "reconstruction"
    modality: ClassVar[str] = "audio"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn sounds; independent of the recipe's `seed`. [no unit]"""
    train: Annotated[int, Ge(8), Le(1_000_000)] = 200
    """Normal recordings to train on. [recordings]"""
    val: Annotated[int, Ge(8), Le(1_000_000)] = 160
    """Recordings that budgets between passes are judged on, half of them abnormal. [recordings]"""
    test: Annotated[int, Ge(8), Le(1_000_000)] = 320
    """Recordings of the final numbers, likewise. More give narrower intervals. [recordings]"""
    strength: Annotated[float, Gt(0), Le(10)] = 1.0
    """How strong faults are. Smaller is harder to detect. [ratio]"""

    def index(self, look: Look) -> Index:
        """List the recordings by number."""
        causes = digest.of_json(["machines", RENDERER, self.seed, self.strength])
        return Index(
            classes=(),
            splits={
                split: tuple(
                    sample._replace(labels=(number % 2 if split != "train" else 0,))
                    for number, sample in enumerate(samples)
                )
                for split, samples in drawn(causes, self.train, self.val, self.test).items()
            },
        )

    def read(self, sample: Sample) -> Example:
        """Draw one recording."""
        import numpy as np

        from tflbuild.data.sounds.machine_renderer import recording

        split, number = sample.key.split("/")
        fault = FAULTS[int(number) // 2 % len(FAULTS)] if sample.labels[0] else ""
        value = recording((self.seed, "machines", split, int(number)), fault, self.strength)
        return Example(value, np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32))

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return ("tflbuild.data.sounds.machine_renderer", "tflbuild.data.layouts.draws")
