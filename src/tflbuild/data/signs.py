"""Traffic-sign-like scenes, drawn by seed: a detection set that needs no download."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.data.scenes.sign_set import CLASSES, RENDERER, RENDERER_CODE, Difficulty, drawn


@dataset("signs")
class Signs(Dataset):
    """Scenes with one or several traffic-sign-like shapes of eight classes, drawn by seed and number.

    The same bytes on every machine: the renderer works in integers and exactly rounded operations. Where
    a sign ends up is known only once its image is drawn, so the index holds no boxes.
    """

    task = "detection"

    seed: Annotated[int, Ge(0)] = 0
    """Seed of the drawn images; independent of the recipe's `seed`. [no unit]"""
    image_size: Annotated[int, Ge(32), Le(1024)] = 128
    """Longer side of the images. [pixels]"""
    train: Annotated[int, Ge(1), Le(1_000_000)] = 2400
    """Images to train on. [images]"""
    val: Annotated[int, Ge(1), Le(1_000_000)] = 300
    """Images that budgets between passes are judged on. More make decisions more certain. [images]"""
    test: Annotated[int, Ge(1), Le(1_000_000)] = 500
    """Images of the final numbers. More give narrower intervals. [images]"""
    max_objects: Annotated[int, Ge(1), Le(8)] = 4
    """Most signs in an image; there is always at least one. [signs]"""
    difficulty: Difficulty = field(default_factory=Difficulty)
    """How hard the scenes are."""

    def index(self, look: Look) -> Index:
        """List the scenes by number.

        Raises:
            DataError: signs could have no size.
        """
        low, high = self.difficulty.min_size, self.difficulty.max_size
        if low > high:
            raise DataError(f"data.difficulty.min_size: {low:g} is larger than max_size, {high:g}.")
        causes = digest.of_json(
            ["signs", RENDERER, self.seed, self.image_size, self.max_objects, asdict(self.difficulty)]
        )
        return Index(classes=CLASSES, splits=drawn(causes, self.train, self.val, self.test))

    def read(self, sample: Sample) -> Example:
        """Draw one scene."""
        from tflbuild.data.scenes import sign_renderer

        split, number = sample.key.split("/")
        return sign_renderer.scene(
            (self.seed, split, int(number)), self.image_size, self.max_objects, self.difficulty
        )

    def code(self) -> tuple[str, ...]:
        """Name the renderer."""
        return RENDERER_CODE
