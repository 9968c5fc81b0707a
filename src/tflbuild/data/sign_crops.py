"""Pictures that one traffic-sign-like shape nearly fills: a classification set that needs no download."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.data.scenes.sign_set import CLASSES, RENDERER, RENDERER_CODE, Difficulty, drawn


@dataset("sign_crops")
class SignCrops(Dataset):
    """One sign of `signs` a picture, every class equally often, drawn by seed and number."""

    task = "classification"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn pictures; independent of the recipe's `seed`. [no unit]"""
    image_size: Annotated[int, Ge(32), Le(1024)] = 64
    """Side of the square pictures. [pixels]"""
    train: Annotated[int, Ge(8), Le(1_000_000)] = 2000
    """Pictures to train on. [pictures]"""
    val: Annotated[int, Ge(8), Le(1_000_000)] = 400
    """Pictures that budgets between passes are judged on. More make decisions more certain. [pictures]"""
    test: Annotated[int, Ge(8), Le(1_000_000)] = 800
    """Pictures of the final numbers. More give narrower intervals. [pictures]"""
    difficulty: Difficulty = field(
        default_factory=lambda: Difficulty(
            rotation=35, perspective=0.45, clutter=6.0, occlusion=0.6, blur=0.5, noise=48, lighting=0.9
        )
    )
    """How hard the pictures are; the sizes do not apply."""

    def index(self, look: Look) -> Index:
        """List the pictures by number."""
        causes = digest.of_json(["sign_crops", RENDERER, self.seed, self.image_size, asdict(self.difficulty)])
        splits = drawn(causes, self.train, self.val, self.test)
        return Index(
            classes=CLASSES,
            splits={
                split: tuple(
                    sample._replace(labels=(number % len(CLASSES),)) for number, sample in enumerate(samples)
                )
                for split, samples in splits.items()
            },
        )

    def read(self, sample: Sample) -> Example:
        """Draw one picture."""
        from tflbuild.data.scenes import sign_renderer

        split, number = sample.key.split("/")
        return sign_renderer.crop(
            (self.seed, split, int(number)), sample.labels[0], self.image_size, self.difficulty
        )

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return RENDERER_CODE
