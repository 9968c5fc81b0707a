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
    """The difficulty of the scenes."""

    min_size: Annotated[float, Gt(0.05), Le(1)] = 0.25
    """Size of the smallest signs. Smaller is harder. [fraction of the image's shorter side]"""
    max_size: Annotated[float, Gt(0.05), Le(1)] = 0.6
    """Size of the largest signs. [fraction of the image's shorter side]"""
    rotation: Annotated[int, Ge(0), Le(45)] = 12
    """Largest turn of a sign, either way. [degrees]"""
    perspective: Annotated[float, Ge(0), Le(0.5)] = 0.25
    """Largest foreshortening; 0 draws every sign from the front. [fraction]"""
    clutter: Annotated[float, Ge(0), Le(20)] = 4.0
    """Mean number of shapes that are not signs. [shapes]"""
    occlusion: Fraction = 0.25
    """How many of the signs are partly covered. [fraction of signs]"""
    blur: Fraction = 0.3
    """How many of the images are blurred. [fraction of images]"""
    noise: Annotated[int, Ge(0), Le(64)] = 14
    """Largest noise of the sensor. [steps of 1/255]"""
    lighting: Fraction = 0.5
    """How far light falls off across an image; 0 is even. [fraction]"""


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
