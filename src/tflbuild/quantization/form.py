"""Storage of numbers in a quantized file, beyond what its scheme says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tflbuild.quantization.grid import Granularity


@dataclass(frozen=True, kw_only=True)
class Form:
    """Bits, granularity and symmetry of the numbers that a scheme stores.

    Attributes:
        weight_bits: of weights that may have fewer than 8; see `grid.FOUR_BIT`.
        granularity: of the scales of weights.
        activations: whether int8 activations have a zero point; int16 ones have none.
    """

    weight_bits: int = 8
    granularity: Granularity = "channel"
    activations: Literal["asymmetric", "symmetric"] = "asymmetric"
