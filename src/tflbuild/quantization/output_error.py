"""The deviation of a model's outputs from a float model's, as one number that needs no labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.core.errors import PassError
from tflbuild.quantization.observation import Executable, SampleValues, runnable
from tflbuild.tflite.packed import Packed

NOTHING = 1e-7
"""Deviation of an output, in units of its size, that float32 makes of nothing."""

SMALLEST = 1e-12
"""Size of an output that is nothing but zero."""

Outputs = Sequence[npt.NDArray[np.float32]]


class OutputError:
    """A float model's outputs on images, to compare others with.

    A model that ends in a custom operator is compared before it: a detector's boxes and scores number by number,
    before suppression.

    Args:
        floating: the float model.
        images: each the model values of every input by name, in the model's order and without a batch axis.
    """

    def __init__(self, floating: Packed, images: Sequence[SampleValues]) -> None:
        self._images = images
        running = Executable(runnable(floating))
        self._wanted = [running.run(image) for image in images]
        _refuse_not_finite(self._wanted, "the float model's")
        stacked = [np.stack(values).astype(np.float64) for values in zip(*self._wanted, strict=True)]
        self._spread = np.array([_spread(values) for values in stacked])

    def of(self, model: Packed) -> float:
        """Measure another model.

        Returns:
            Mean absolute difference from the float model's outputs, in units of each output's own mean absolute
            deviation, summed over the outputs.
        """
        return float(self.by_image(model).mean())

    def by_image(
        self, model: Packed, images: Sequence[SampleValues] | None = None
    ) -> npt.NDArray[np.float64]:
        """Measure another model on each image: (images,), whose mean is what `of` gives.

        Args:
            model: the other.
            images: the same images as this model takes them, where it takes other values than the float one.

        Raises:
            PassError: LiteRT cannot execute it, or gives what is not finite.
        """
        running = Executable(runnable(model))
        found = [running.run(image) for image in (self._images if images is None else images)]
        _refuse_not_finite(found, "its")
        rows = [
            [float(np.abs(f - w).mean(dtype=np.float64)) for f, w in zip(given, wanted, strict=True)]
            for given, wanted in zip(found, self._wanted, strict=True)
        ]
        return np.asarray((np.array(rows) / self._spread).sum(axis=1))


def _spread(values: npt.NDArray[np.float64]) -> float:
    """Give the mean absolute deviation of an output over images; its size, where it is always the same number."""
    deviation, size = float(np.abs(values - values.mean()).mean()), float(np.abs(values).max())
    return deviation if deviation > NOTHING * size else max(size, SMALLEST)


def _refuse_not_finite(found: Sequence[Outputs], whose: str) -> None:
    """Refuse outputs that hold no numbers.

    Raises:
        PassError: names the first output and says on how many images.
    """
    for position, values in enumerate(zip(*found, strict=True)):
        wrong = sum(not np.all(np.isfinite(value)) for value in values)
        if wrong:
            raise PassError(f"{whose} output {position} is not finite on {wrong} of {len(values)} images.")


def largest_difference(model: Packed, other: Packed, images: Sequence[SampleValues]) -> float:
    """Give the largest difference of any output on any image, in units of the output's largest value there.

    It is infinite where an output is not finite.

    Args:
        model: any.
        other: one that ought to compute the same.
        images: each the model values of every input by name, in the model's order and without a batch axis.
    """
    one, two = Executable(runnable(model)), Executable(runnable(other))
    worst = 0.0
    for image in images:
        for wanted, found in zip(one.run(image), two.run(image), strict=True):
            size = max(float(np.abs(wanted).max()), SMALLEST)
            difference = float(np.abs(found - wanted).max()) / size
            worst = max(worst, difference) if np.isfinite(difference) else np.inf
    return worst


def top1(content: bytes, images: Sequence[SampleValues], labels: Sequence[int]) -> float:
    """Give the share of images for which a classifier's largest score is that of the label."""
    running = Executable(content)
    found = [int(running.run(image)[0].argmax()) for image in images]
    return float(np.mean(np.array(found) == np.array(labels)))
