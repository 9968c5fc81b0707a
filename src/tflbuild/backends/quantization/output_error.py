"""How far a model's outputs are from a float model's, in one number that needs no labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.backends.quantization.observation import Executable, Image, without_custom

SMALLEST_SPREAD = 1e-12
"""Deviation of an output that is the same for every image."""


class OutputError:
    """A float model's outputs on images, to compare others with.

    A model that ends in a custom operator is compared before it: a detector's boxes and scores number by number,
    before suppression.

    Args:
        content: the float `.tflite`.
        images: each (height, width, 3) float32, normalised.
    """

    def __init__(self, content: bytes, images: Sequence[Image]) -> None:
        self._images = images
        running = Executable(without_custom(content))
        self._wanted = [running.run(image) for image in images]
        stacked = [np.stack(values).astype(np.float64) for values in zip(*self._wanted, strict=True)]
        spread = [float(np.abs(values - values.mean()).mean()) for values in stacked]
        self._spread = np.maximum(spread, SMALLEST_SPREAD)

    def of(self, content: bytes) -> float:
        """Measure another model.

        Returns:
            Mean absolute difference from the float model's outputs, in units of each output's own mean absolute
            deviation, summed over the outputs.
        """
        return float(self.by_image(content).mean())

    def by_image(self, content: bytes) -> npt.NDArray[np.float64]:
        """Measure another model on each image: (images,), whose mean is what `of` gives."""
        running = Executable(without_custom(content))
        rows = [
            [float(np.abs(f - w).mean()) for f, w in zip(running.run(image), wanted, strict=True)]
            for image, wanted in zip(self._images, self._wanted, strict=True)
        ]
        return np.asarray((np.array(rows) / self._spread).sum(axis=1))


def largest_difference(content: bytes, other: bytes, images: Sequence[Image]) -> float:
    """Give the largest difference of any output on any image, in units of the output's largest value there.

    Args:
        content: a `.tflite`.
        other: one that ought to compute the same.
        images: each (height, width, 3) float32, normalised.
    """
    one, two = Executable(without_custom(content)), Executable(without_custom(other))
    worst = 0.0
    for image in images:
        for wanted, found in zip(one.run(image), two.run(image), strict=True):
            size = max(float(np.abs(wanted).max()), SMALLEST_SPREAD)
            worst = max(worst, float(np.abs(found - wanted).max()) / size)
    return worst


def top1(content: bytes, images: Sequence[Image], labels: Sequence[int]) -> float:
    """Give the share of images for which a classifier's largest score is that of the label."""
    running = Executable(content)
    found = [int(running.run(image)[0].argmax()) for image in images]
    return float(np.mean(np.array(found) == np.array(labels)))
