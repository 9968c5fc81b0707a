"""Settings of the micro frontend, beside those that every front end has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from tflbuild.core.field_checks import Check, boolean, number, whole

LARGEST_OFFSET = 1_000_000
MOST_SCALE = 1000


@dataclass(frozen=True, kw_only=True)
class Micro:
    """Settings of TensorFlow's micro frontend for the bands of a frame; the defaults are those of its op.

    References:
        Wang et al., Trainable Frontend For Robust and Far-Field Keyword Spotting, 2017.
    """

    noise_even: Annotated[float, Ge(0), Le(1)] = 0.025
    """How fast the estimate of the noise follows in bands of even number: 1 follows at once. [fraction]"""
    noise_odd: Annotated[float, Ge(0), Le(1)] = 0.06
    """How fast the estimate of the noise follows in bands of odd number. [fraction]"""
    noise_least: Annotated[float, Ge(0), Le(1)] = 0.05
    """Part of a band that is left where the estimate takes all of it. [fraction]"""
    noise_bits: Annotated[int, Ge(0), Le(16)] = 10
    """Bits behind the point of the estimate. [bits]"""
    gain: bool = True
    """Whether loud bands are made quieter by their noise (PCAN)."""
    gain_strength: Annotated[float, Ge(0), Le(4)] = 0.95
    """How much of the noise is evened out. 0 evens nothing out. [exponent]"""
    gain_offset: Annotated[float, Gt(0), Le(LARGEST_OFFSET)] = 80.0
    """Number that is added to the noise, so that silence is not made loud. [no unit]"""
    gain_bits: Annotated[int, Ge(0), Le(30)] = 21
    """Bits behind the point of the gain. [bits]"""
    log: bool = True
    """Whether logarithms of the bands are given."""
    log_shift: Annotated[int, Ge(0), Le(11)] = 6
    """Bits behind the point of the logarithms. [bits]"""
    scale: Annotated[float, Gt(0), Le(MOST_SCALE)] = 10 / 256
    """Number that the whole numbers are multiplied with before the model sees them; the default is that of
    TensorFlow's micro_speech. [no unit]"""


CHECKS: Mapping[str, Check] = {
    "noise_even": number(least=0, most=1),
    "noise_odd": number(least=0, most=1),
    "noise_least": number(least=0, most=1),
    "noise_bits": whole(0, 16),
    "gain": boolean,
    "gain_strength": number(least=0, most=4),
    "gain_offset": number(above=0, most=LARGEST_OFFSET),
    "gain_bits": whole(0, 30),
    "log": boolean,
    "log_shift": whole(0, 11),
    "scale": number(above=0, most=MOST_SCALE),
}
"""The check of each setting that lay in a file."""


def correction(fft: int) -> int:
    """Give the bits that a band of a transform of so many samples is short of.

    >>> correction(512), correction(64)
    (3, 0)
    """
    return fft.bit_length() - 7


def contradiction(settings: Micro, fft: int) -> str:
    """Say which setting has too few bits for a transform of so many samples; "" where none has.

    >>> contradiction(Micro(gain_bits=14), 512)
    'micro.gain_bits: 14 are below 15, which frames of 512 samples need; use at least 15'
    """
    least = correction(fft)
    if not settings.gain:
        return ""
    for option, bits, needed in (
        ("noise_bits", settings.noise_bits, least),
        ("gain_bits", settings.gain_bits, least + 12),
    ):
        if bits < needed:
            return (
                f"micro.{option}: {bits} are below {needed}, which frames of {fft} samples need; "
                f"use at least {needed}"
            )
    return ""
