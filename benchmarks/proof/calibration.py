"""The calibration images that every method is given, and what is commonly given instead by mistake."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tflbuild.core.dataset import Split
from tflbuild.core.meaning import Meaning
from tflbuild.modalities.image.modality import ImageModality

Images = npt.NDArray[np.float32]


def pixels_of(train: Split, facts: Meaning, count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw training images.

    Returns:
        (images, height, width, 3) uint8 RGB of the input's size.
    """
    preprocess = ImageModality.of({**facts.only.preprocess, "channels": "rgb"})
    chosen = random.Random(seed).sample(range(len(train)), min(count, len(train)))
    height, width = facts.only.shape[:2]
    return np.stack([preprocess.pixels(train[place].value, height, width) for place in chosen])


def noise(shape: Sequence[int], facts: Meaning, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw as many images of normal noise: mean 0 and deviation 1 to the model, cut off where pixels end."""
    preprocess = ImageModality.of(facts.only.preprocess)
    values = np.random.default_rng(seed).normal(size=tuple(shape))
    return np.rint((values - preprocess.offset) / preprocess.scale).clip(0, 255).astype(np.uint8)


def normalised(pixels: npt.NDArray[np.uint8], facts: Meaning) -> Images:
    """Give what the model takes, (images, height, width, 3)."""
    preprocess = ImageModality.of(facts.only.preprocess)
    return preprocess.values(np.ascontiguousarray(preprocess.ordered(pixels)))


def keep(pixels: npt.NDArray[np.uint8], path: Path) -> Path:
    """Write images as a calibration source for recipes."""
    np.savez(path, images=pixels)
    return path
