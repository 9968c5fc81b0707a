"""Traffic-sign-like scenes, drawn by seed: a detection set that needs no download."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated

from annotated_types import Ge, Gt, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError

RENDERER = 1
"""Version of what `sign_renderer` draws; raised whenever one pixel changes."""

RENDERER_CODE = (
    "tflbuild.data.scenes.sign_renderer",
    "tflbuild.data.scenes.sign_backdrop",
    "tflbuild.data.scenes.sign_shapes",
    "tflbuild.data.layouts.draws",
)
"""Modules that decide the pixels, for the cache key."""

CLASSES = ("stop", "yield", "warning", "no_entry", "limit", "mandatory", "priority", "parking")

Fraction = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """The difficulty of the scenes.

    Attributes:
        min_size: smallest sign, as a fraction of the image's shorter side.
        max_size: largest sign, likewise.
        rotation: largest turn in degrees, either way.
        perspective: largest foreshortening; 0 draws every sign from the front.
        clutter: mean number of shapes that are no sign.
        occlusion: fraction of signs that something covers in part.
        blur: fraction of blurred images.
        noise: largest sensor noise, in steps of 1/255.
        lighting: how far light falls off across an image.
    """

    min_size: Annotated[float, Gt(0.05), Le(1)] = 0.25
    max_size: Annotated[float, Gt(0.05), Le(1)] = 0.6
    rotation: Annotated[int, Ge(0), Le(45)] = 12
    perspective: Annotated[float, Ge(0), Le(0.5)] = 0.25
    clutter: Annotated[float, Ge(0), Le(20)] = 4.0
    occlusion: Fraction = 0.25
    blur: Fraction = 0.3
    noise: Annotated[int, Ge(0), Le(64)] = 14
    lighting: Fraction = 0.5


@dataset("signs")
class Signs(Dataset):
    """Scenes with one or several traffic-sign-like shapes of eight classes, drawn by seed and number.

    The same bytes on every machine: the renderer works in integers and exactly rounded operations. Where
    a sign ends up is known only once its image is drawn, so the index holds no boxes.

    Attributes:
        seed: of the scenes; independent of the recipe's seed.
        image_size: longer side of the images in pixels.
        train: images to train on.
        val: images that gates measure.
        test: images of the final numbers.
        max_objects: most signs in an image; there is always at least one.
        difficulty: how hard the scenes are.
    """

    task = "detection"

    seed: Annotated[int, Ge(0)] = 0
    image_size: Annotated[int, Ge(32), Le(1024)] = 128
    train: Annotated[int, Ge(1), Le(1_000_000)] = 2400
    val: Annotated[int, Ge(1), Le(1_000_000)] = 300
    test: Annotated[int, Ge(1), Le(1_000_000)] = 500
    max_objects: Annotated[int, Ge(1), Le(8)] = 4
    difficulty: Difficulty = field(default_factory=Difficulty)

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


def drawn(causes: str, train: int, val: int, test: int) -> dict[str, tuple[Sample, ...]]:
    """Give splits of so many pictures that are drawn by number.

    Args:
        causes: digest of everything else that decides the pixels.
        train: pictures to train on.
        val: pictures that gates measure.
        test: pictures of the final numbers.
    """
    keys = {
        split: [f"{split}/{number:05d}" for number in range(count)]
        for split, count in (("train", train), ("val", val), ("test", test))
    }
    return {
        split: tuple(Sample(key=key, digest=digest.of_bytes(f"{causes} {key}".encode())) for key in named)
        for split, named in keys.items()
    }
