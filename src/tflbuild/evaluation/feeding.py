"""Give a model its inputs, and read its outputs: codes of samples, and tensors as the model's file declares them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.modality import Modality, takes_codes
from tflbuild.core.signature import TensorSpec


def as_input(codes: npt.NDArray[Any], modality: Modality, spec: TensorSpec) -> npt.NDArray[Any]:
    """Turn codes into what a tensor takes.

    An integer input whose scale and zero point are those of the codes takes them as they are (int8: minus 128); any
    other quantized input takes the model value, quantized; a float input takes the model value.

    Args:
        codes: what `Modality.encode` gave; any axes may come first.
        modality: the kind of the input, with its options.
        spec: of the tensor.
    """
    if takes_codes(spec, modality):
        return codes if spec.dtype == "uint8" else (codes.astype(np.int16) - 128).astype(np.int8)
    values = modality.values(codes)
    return quantized(values, spec) if spec.scale else values.astype(spec.dtype)


def quantized(values: npt.NDArray[np.float32], spec: TensorSpec) -> npt.NDArray[Any]:
    """Quantize model values for an integer tensor, rounding half to even and saturating."""
    limits = np.iinfo(spec.dtype)
    levels = np.rint(values / np.float32(spec.scale)) + spec.zero_point
    saturated: npt.NDArray[Any] = levels.clip(limits.min, limits.max).astype(spec.dtype)
    return saturated


def dequantized(value: npt.NDArray[Any], spec: TensorSpec) -> npt.NDArray[np.float32]:
    """Give what a tensor's numbers mean, as float32."""
    if not spec.scale:
        return value.astype(np.float32)
    return (value.astype(np.float32) - np.float32(spec.zero_point)) * np.float32(spec.scale)
