"""Numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from tflbuild.core.modality import Encoded, Modality, modality
from tflbuild.core.signature import TensorSpec
from tflbuild.core.tensor_description import TensorDescription

NUMBERS = ("b", "i", "u", "f")
"""Kinds of NumPy's dtypes that are real numbers."""


@modality("vector")
class Vector(Modality):
    """Numbers of any shape, given to the model as they are: features, a spectrogram, a window of a sensor's readings.

    An array of as many numbers as the input takes is reshaped, so that (49, 10) fits an input of (49, 10, 1).
    """

    training: ClassVar[str] = "tflbuild.modalities.vector_batches:training_batches"
    inspect: ClassVar[str] = "tflbuild.modalities.row_files:inspect"
    file: ClassVar[str] = "array"
    contract: ClassVar[str] = "tflbuild.analyses.mistakes.arrays:ArrayContract"

    def refusal(self, spec: TensorSpec) -> str:
        """Say why a tensor cannot take numbers; "" where it can."""
        return "" if spec.dtype != "string" else f"it is {spec.text}, and numbers are wanted"

    def described(self, shape: tuple[int, ...]) -> TensorDescription:
        """Say how many numbers there are."""
        return TensorDescription(description=f"Numbers, {' x '.join(map(str, shape)) or 'one'}.")

    def encode(self, sample: Any, shape: tuple[int, ...]) -> Encoded:
        """Give (*shape) float32.

        Raises:
            ValueError: it holds another number of numbers, or something else.
        """
        import math

        import numpy as np

        given = np.asarray(sample)
        if given.dtype.kind not in NUMBERS:
            raise ValueError(f"numbers are wanted, and this is {given.dtype}")
        if given.size != math.prod(shape):
            raise ValueError(f"it has the shape {given.shape}, and the input takes {shape}")
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
            values = given.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are not finite")
        return Encoded(np.ascontiguousarray(values).reshape(shape))
