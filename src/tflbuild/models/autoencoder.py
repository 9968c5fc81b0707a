"""A dense autoencoder, as MLPerf Tiny detects anomalies with."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.core.meaning import IMAGE
from tflbuild.core.modality import Modality
from tflbuild.models.trainable import Trainable

MOST_NUMBERS = 1 << 20
"""Numbers of an input, at most."""

VALUES = "values"
"""Name of the input where it is a row of numbers."""


@architecture("autoencoder")
class Autoencoder(Trainable):
    """Give the input again through a narrow place: dense layers, each with batch norm and ReLU, and a last one.

    With an input of 640 numbers, 4 layers of 128 and a narrow place of 8 it is the one of MLPerf Tiny, and of the
    baseline of DCASE 2020 task 2: five frames of 128 mel bands.

    References:
        Koizumi et al., Description and Discussion on DCASE2020 Challenge Task 2, 2020.
        Banbury et al., MLPerf Tiny Benchmark, 2021.
    """

    task = "reconstruction"
    modality = "audio"
    modalities: ClassVar[tuple[str, ...]] = ("vector", "image")

    shape: tuple[Annotated[int, Ge(1), Le(MOST_NUMBERS)], ...] | None = None
    """Sides of a sample, for data that do not say them: [64] for rows of 64 numbers, [28, 28, 3] for pictures. null: as
    many numbers as the data's front end gives. [elements along each axis]"""
    layers: Annotated[int, Ge(0), Le(16)] = 4
    """Dense layers on each side of the narrow place. [layers]"""
    units: Annotated[int, Ge(1), Le(65_536)] = 128
    """Width of each of them. Wider reconstructs better, abnormal samples too. [units]"""
    code: Annotated[int, Ge(1), Le(65_536)] = 8
    """Width of the narrow place. Wider reconstructs better, abnormal samples too. [units]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse a shape of too many numbers."""
        super().check()
        if self.shape is not None and math.prod(self.shape) > MOST_NUMBERS:
            raise ValueError(
                f"shape: {list(self.shape)} are {math.prod(self.shape)} numbers; an autoencoder takes at most "
                f"{MOST_NUMBERS}"
            )

    def fitted(self, modality: Modality) -> Autoencoder:
        """Take as many numbers as the data's front end gives; data without one need `shape`."""
        given = modality.shape()
        if given:
            numbers = math.prod(given)
            if self.shape is not None and math.prod(self.shape) != numbers:
                raise ValueError(
                    f"shape: {list(self.shape)} are {math.prod(self.shape)} numbers, but the data's front end gives "
                    f"{numbers}; use null"
                )
            return replace(self, shape=(numbers,))  # type: ignore[call-arg]
        if self.shape is None:
            raise ValueError(
                "shape: null, but the data do not say how many numbers a sample has; say it, e.g. model.shape=[64], or "
                "model.shape=[28,28,3] for pictures"
            )
        if type(modality).name == IMAGE and (len(self.shape) != 3 or self.shape[2] != 3):
            raise ValueError(f"shape: {list(self.shape)} is no picture of 3 channels; use e.g. [28,28,3]")
        return self

    def resolution(self) -> int:
        """Give the longer side of pictures; nothing is known of others in pixels."""
        return max(self.shape[:2]) if self.shape is not None and len(self.shape) == 3 else 0

    def build(self, classes: int) -> Any:
        """Build the graph: `values` (1, numbers), or `image` of a picture, to an output of the same shape."""
        from tflbuild.backends.keras import Model, layers

        shape = self.shape or ()
        pictures = len(shape) == 3
        given = layers.Input(shape, name=IMAGE if pictures else VALUES)
        tensor = given if len(shape) == 1 else layers.Flatten(name="flat")(given)
        sides = [
            ("encode", self.layers, self.units),
            ("code", 1, self.code),
            ("decode", self.layers, self.units),
        ]
        for name, count, units in sides:
            for number in range(1, count + 1):
                tensor = self._dense(tensor, name if name == "code" else f"{name}_{number}", units)
        made = layers.Dense(math.prod(shape), name="reconstruction" if len(shape) == 1 else "numbers")(tensor)
        if len(shape) > 1:
            made = layers.Reshape(shape, name="reconstruction")(made)
        return Model(given, made, name="autoencoder")

    def _dense(self, tensor: Any, name: str, units: int) -> Any:
        from tflbuild.backends.keras import layers

        tensor = layers.Dense(units, name=name)(tensor)
        tensor = layers.BatchNormalization(momentum=self.batch_norm_momentum, name=f"{name}_norm")(tensor)
        return layers.ReLU(name=f"{name}_relu")(tensor)
