"""A recording in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Recording(NamedTuple):
    """Sound of one channel, and how often it was sampled.

    Attributes:
        samples: (n,) float32, in -1..1 for what a file of whole numbers can hold.
        rate: samples in a second.
    """

    samples: NDArray[np.float32]
    rate: int
