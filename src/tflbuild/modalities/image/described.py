"""A picture as an input of a delivered file, for tools of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tflbuild.core.tensor_description import TensorDescription

if TYPE_CHECKING:
    from tflbuild.modalities.image.modality import ImageModality

ORDERS = {"rgb": "red, green, blue", "bgr": "blue, green, red", "grey": "grey"}
"""Channels as a sentence has them."""


def described(kind: ImageModality, shape: tuple[int, ...]) -> TensorDescription:
    """Describe an input that takes pictures.

    Metadata know no BGR. Such an input is said to be numbers, so that a tool that would feed RGB refuses it.

    Args:
        kind: with its options.
        shape: (height, width, channels).
    """
    height, width = shape[:2]
    scales, offsets = kind.affine
    mean, std = (
        [-offset / scale for scale, offset in zip(scales, offsets, strict=True)],
        [1 / s for s in scales],
    )
    black, white = list(offsets), [255 * s + offset for s, offset in zip(scales, offsets, strict=True)]
    known = kind.channels != "bgr"
    return TensorDescription(
        name="image" if known else "",
        description=f"A picture of {width} x {height} pixels, {ORDERS[kind.channels]}{_fitted(kind)}.",
        content="image" if known else "feature",
        colour=kind.channels if kind.channels != "bgr" else "",
        mean=_short(mean),
        std=_short(std),
        low=_short(black),
        high=_short(white),
    )


def _fitted(kind: ImageModality) -> str:
    """Say how a picture of another shape is made to fit, which metadata cannot."""
    if kind.aspect == "letterbox":
        return ", which keeps its shape and is padded evenly"
    if kind.aspect == "letterbox_corner":
        return ", which keeps its shape, lies at the top left and is padded right and below"
    if kind.aspect == "center_crop":
        return f", the middle of a larger one{f', {kind.crop:g} of each side' if kind.crop != 1 else ''}"
    return ", stretched to that size"


def _short(numbers: list[float]) -> tuple[float, ...]:
    """Give one number where all channels have the same."""
    return tuple(number + 0.0 for number in (numbers[:1] if len(set(numbers)) == 1 else numbers))
