"""The common ground of sets of drawn signs: classes, difficulty, the version of what draws them, samples by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Sample

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
