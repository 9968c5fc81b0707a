"""Islands: operators of a quantized file that compute in another dtype than the rest, on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tflbuild.tflite.weights import layers_of

BORDERS = ("DEQUANTIZE", "QUANTIZE")
"""Operators that may touch floats in a full-integer model, besides custom ones."""


@dataclass(frozen=True, kw_only=True)
class Island:
    """Operators that are meant to compute in another dtype than the rest of the file.

    Attributes:
        name: of the output tensor, of a Keras layer that it is named by, or a pattern of either, e.g. "class_*".
        dtype: what they compute in, "float32" or "int16".
        reason: why, for the report: "kept by quantize_mixed".
    """

    name: str
    dtype: str
    reason: str

    def holds(self, tensor: str) -> bool:
        """Say whether the operator that writes a tensor belongs to it."""
        names = (tensor, *layers_of(tensor))
        return self.name in names or any(fnmatchcase(name, self.name) for name in names)
