"""Give a model its inputs, and read its outputs: codes of samples, and tensors as the model's file declares them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.modality import Modality
from tflbuild.core.signature import TensorSpec

BYTES = ("uint8", "int8")

_HALF_LEVEL = 0.5 + 1e-3  # a zero point is rounded, so raw bytes may be that far off


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


def takes_codes(spec: TensorSpec, modality: Modality) -> bool:
    """Say whether code p means the same to a tensor as to its modality, within the rounding of its zero point."""
    given = modality.quantization()
    limits = modality.limits()
    if spec.dtype not in BYTES or not spec.scale or given is None or limits is None:
        return False
    scale, offset = given[0], float(np.ravel(modality.scaled(np.zeros(1)))[0])  # one for all channels
    lowest = np.iinfo(spec.dtype).min
    black = (offset - spec.scale * (lowest - spec.zero_point)) / spec.scale
    white = black + 255 * (scale - spec.scale) / spec.scale
    return bool(abs(black) <= _HALF_LEVEL and abs(white) <= _HALF_LEVEL)


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
