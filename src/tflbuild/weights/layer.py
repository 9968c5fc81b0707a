"""One layer with weights, of a file or of a model, in a form in which the two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

CONVOLUTION, DEPTHWISE, NORM, OTHER = "convolution", "depthwise", "norm", "other"
"""Kinds: a dense layer counts as a convolution of 1 x 1."""

KERNEL, BIAS = "kernel", "bias"
GAMMA, BETA, MEAN, VARIANCE = "gamma", "beta", "moving_mean", "moving_variance"

ROLES: Mapping[str, str] = {
    **{role: role for role in (KERNEL, BIAS, GAMMA, BETA, MEAN, VARIANCE)},
    "depthwise_kernel": KERNEL,
}
"""Role of an array, by the end of its name."""

USUAL_EPSILON = 1e-3
"""Epsilon of a batch norm whose file does not say it: that of tf_keras, and of the Object Detection API."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer with weights.

    Attributes:
        name: of the layer.
        kind: "convolution", "depthwise", "norm", or "other" for one that is never matched by order.
        arrays: by role: `kernel`, `bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`; those of another layer by
            their own names. A kernel is (height, width, in, out), of a depthwise convolution (height, width, channels,
            multiplier), and (in, out) where it looks at one place.
        epsilon: of a norm.
        aliases: other names that it may be known by, as those in a tensor's name in a `.tflite`.
    """

    name: str
    kind: str
    arrays: Mapping[str, Array]
    epsilon: float = USUAL_EPSILON
    aliases: frozenset[str] = field(default_factory=frozenset)

    @property
    def kernel(self) -> Array:
        """Give the kernel, of a convolution."""
        return self.arrays[KERNEL]

    @property
    def channels(self) -> int:
        """Give how many channels go out."""
        if self.kind == NORM:
            return len(next(iter(self.arrays.values())))
        sides = self.kernel.shape
        return int(sides[-1] * sides[-2]) if self.kind == DEPTHWISE else int(sides[-1])

    @property
    def shape(self) -> tuple[str, tuple[int, ...]]:
        """Give the kind and the kernel's sides, by which convolutions are matched."""
        return self.kind, self.kernel.shape

    @property
    def is_convolution(self) -> bool:
        """Say whether it has a kernel that is matched."""
        return self.kind in (CONVOLUTION, DEPTHWISE)


def layer_of(name: str, arrays: Mapping[str, Array], *, epsilon: float = USUAL_EPSILON) -> Layer:
    """Make a layer of the arrays of one, as Keras names them.

    >>> import numpy as np
    >>> layer_of("a", {"depthwise_kernel": np.zeros((3, 3, 8, 1))}).shape
    ('depthwise', (3, 3, 8, 1))
    >>> layer_of("logits", {"kernel": np.zeros((1, 1, 8, 4)), "bias": np.zeros(4)}).shape
    ('convolution', (8, 4))
    """
    found = {ROLES.get(role, role): array for role, array in arrays.items()}
    if {MEAN, VARIANCE} <= found.keys() <= {GAMMA, BETA, MEAN, VARIANCE} and _are_alike(found):
        return Layer(name=name, kind=NORM, arrays=found, epsilon=epsilon)
    if KERNEL not in found or not found.keys() <= {KERNEL, BIAS} or found[KERNEL].ndim not in (2, 4):
        return Layer(name=name, kind=OTHER, arrays=dict(arrays))
    by_depth = "depthwise_kernel" in arrays
    return convolution(name, found[KERNEL], found.get(BIAS), by_depth=by_depth)


def convolution(
    name: str,
    kernel: Array,
    bias: Array | None,
    *,
    by_depth: bool,
    aliases: frozenset[str] = frozenset(),
) -> Layer:
    """Make a convolution, with its kernel in the one form that is compared."""
    if by_depth and kernel.shape[2] == 1:  # of one channel, both are the same
        by_depth = False
    if not by_depth and kernel.ndim == 4 and kernel.shape[:2] == (1, 1):
        kernel = kernel[0, 0]
    arrays = {KERNEL: kernel} | ({} if bias is None else {BIAS: bias})
    kind = DEPTHWISE if by_depth else CONVOLUTION
    return Layer(name=name, kind=kind, arrays=arrays, aliases=aliases)


def _are_alike(arrays: Mapping[str, Array]) -> bool:
    return len({array.shape for array in arrays.values()}) == 1 and next(iter(arrays.values())).ndim == 1
