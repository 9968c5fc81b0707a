"""Tell pictures from other inputs, and the pixels that a model takes, by shapes and numbers in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tflbuild.core.model_format import Evidence

LEAST_SIDE = 8
"""Pixels along the shorter side of the smallest picture."""

MOST_ASPECT = 4
"""Longer by shorter side of the longest picture."""

GREY, COLOUR = 1, 3
"""Numbers of channels of a picture."""

LEAST_UNIT_SCALE = 1.2
MOST_RAW_SCALE = 0.5
LEAST_RAW_OFFSET = 3.0
"""Thresholds that tell a model's own scaling of pixels in 0..255 from that of pixels in 0..1."""

LEVELS = 3
"""Pixel levels that the end of a range may be off, since calibration rounds it."""

IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Means and deviations of ImageNet's channels, red first, in 0..255."""


ASSUMED = (
    "nothing in the file says how pixels are scaled, so the default, -1..1, is assumed; if the model was "
    "trained with other values, set preprocess.scale and preprocess.offset, or preprocess.mean and "
    "preprocess.std"
)


@dataclass(frozen=True)
class Kind:
    """The kind of one input.

    Attributes:
        modality: its name.
        options: of `preprocess`, as far as the file says them.
        recognised: what shows each.
    """

    modality: str
    options: Mapping[str, Any] = field(default_factory=dict)
    recognised: tuple[Evidence, ...] = ()


class Pixels(NamedTuple):
    """A usual scaling of pixels.

    Attributes:
        low: model value of a black pixel.
        high: model value of a white pixel.
        words: as a sentence has them.
        by_channel: mean and std where channels differ.
    """

    low: float
    high: float
    words: str
    by_channel: Mapping[str, Any] = {}


USUAL = (
    Pixels(0, 1, "0..1"),
    Pixels(-1, 1, "-1..1"),
    Pixels(0, 255, "0..255"),
    Pixels(-128, 127, "-128..127"),
    Pixels(-0.5, 0.5, "-0.5..0.5"),
    Pixels(
        -2.1179,
        2.64,
        "-2.12..2.64, those of ImageNet's means and deviations",
        {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)},
    ),
)


def usual(low: float, high: float) -> Pixels | None:
    """Find the usual scaling of pixels that a quantized tensor's range is that of; None for none.

    >>> usual(-1.0, 0.9921875).words
    '-1..1'
    >>> usual(-0.54, 1.0) is None
    True
    """
    for pixels in USUAL:
        off = LEVELS * (pixels.high - pixels.low) / 255
        if abs(low - pixels.low) <= off and abs(high - pixels.high) <= off:
            return pixels
    return None


def own_scaling(scale: float, offset: float) -> Literal["", "raw", "unit"]:
    """Say which pixels a model takes that scales them itself: "raw" in 0..255, "unit" in 0..1, "" for neither."""
    if abs(scale) > LEAST_UNIT_SCALE:
        return "unit"
    return "raw" if abs(scale) < MOST_RAW_SCALE or abs(offset) > LEAST_RAW_OFFSET else ""


class Likeness(NamedTuple):
    """The likeness of a shape to that of a picture.

    Attributes:
        channels: of a picture that it may be; 0 where it can be none.
        sure: whether it is hardly anything else.
        reason: the words for it.
    """

    channels: int
    sure: bool
    reason: str


def likeness(shape: Sequence[int]) -> Likeness:
    """Tell by the shape of an input, its batch first, whether it may be a picture.

    Three channels are a picture's. One channel may as well be a spectrogram, (49, 10, 1) or (96, 64, 1), or a window of
    a sensor's readings; only a square is taken for a picture.
    """
    if len(shape) != 4:
        return Likeness(0, True, f"it has {len(shape)} axes; a picture has 4: batch, height, width, channels")
    height, width, channels = shape[1:]
    if channels not in (GREY, COLOUR):
        if height in (GREY, COLOUR) and min(width, channels) >= LEAST_SIDE:
            return Likeness(0, True, "its channels come first; expected channels last")
        return Likeness(0, True, f"it has {channels} channels; a picture has 1 or 3")
    if min(height, width) < LEAST_SIDE or max(height, width) > MOST_ASPECT * min(height, width):
        return Likeness(0, True, f"{height} x {width} is an unusual size for a picture")
    if channels == COLOUR:
        return Likeness(COLOUR, True, "three channels")
    if height == width:
        return Likeness(
            GREY, False, "one channel and square, like most pictures; but it may be a spectrogram"
        )
    return Likeness(0, False, "one channel and not square: it may be a spectrogram or a grey picture")
