"""Make one channel of three."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LUMA = (19595, 38470, 7471)
"""ITU-R 601 weights of red, green and blue in 1/65536, as PIL's mode L has them."""


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Weigh red, green and blue as the eye does.

    Args:
        pixels: (..., 3) uint8 RGB.

    Returns:
        (..., 1) uint8, as PIL's mode L gives them.
    """
    import numpy as np

    weighted = pixels.astype(np.uint32) @ np.array(LUMA, np.uint32)
    grey: NDArray[np.uint8] = ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]
    return grey
