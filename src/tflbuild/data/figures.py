"""Figures with the joints of a person, drawn by seed: a keypoint set that needs no download."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.data.scenes.sign_set import drawn

RENDERER = 1
"""Version of what `figure_renderer` draws; raised whenever one pixel changes."""


@dataset("figures")
class Figures(Dataset):
    """One figure a picture, with thirteen joints by COCO's names, drawn by seed and number.

    Three of four face the viewer, so that their left side is at the right of the picture; the others turn their back.
    Joints behind a pole are marked as hidden, joints outside the picture are not marked. The same bytes on every
    machine.
    """

    task = "keypoints"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn pictures; independent of the recipe's `seed`. [no unit]"""
    image_size: Annotated[int, Ge(64), Le(1024)] = 96
    """Side of the square pictures. [pixels]"""
    train: Annotated[int, Ge(8), Le(1_000_000)] = 2400
    """Pictures to train on. [pictures]"""
    val: Annotated[int, Ge(8), Le(1_000_000)] = 300
    """Pictures that budgets between passes are judged on. More make decisions more certain. [pictures]"""
    test: Annotated[int, Ge(8), Le(1_000_000)] = 500
    """Pictures of the final numbers. More give narrower intervals. [pictures]"""
    noise: Annotated[int, Ge(0), Le(64)] = 14
    """Largest noise of the sensor. [steps of 1/255]"""

    def index(self, look: Look) -> Index:
        """List the pictures by number."""
        from tflbuild.data.scenes.figure_renderer import NAMES

        causes = digest.of_json(["figures", RENDERER, self.seed, self.image_size, self.noise])
        return Index(classes=NAMES, splits=drawn(causes, self.train, self.val, self.test))

    def read(self, sample: Sample) -> Example:
        """Draw one picture."""
        from tflbuild.data.scenes.figure_renderer import NAMES, figure
        from tflbuild.tasks.keypoints.sigmas import sigmas_of

        split, number = sample.key.split("/")
        seeds = (self.seed, "figures", split, int(number))
        return figure(seeds, sigmas_of(NAMES, None), self.image_size, self.noise)

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return (
            "tflbuild.data.scenes.figure_renderer",
            "tflbuild.data.scenes.strokes",
            "tflbuild.data.scenes.sign_backdrop",
            "tflbuild.data.layouts.draws",
            "tflbuild.tasks.keypoints.sigmas",
        )
