"""Options of augmentation of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Le, Lt


@dataclass(frozen=True, kw_only=True)
class Noise:
    """White noise that is added to recordings."""

    probability: Annotated[float, Ge(0), Le(1)] = 0.5
    """How often noise is added. [fraction of recordings]"""
    quietest: Annotated[float, Ge(-20), Le(100)] = 40.0
    """Quietest noise: sound over noise, drawn between this and `loudest`. [dB]"""
    loudest: Annotated[float, Ge(-20), Le(100)] = 15.0
    """Loudest noise: sound over noise. Smaller is harder. [dB]"""


@dataclass(frozen=True, kw_only=True)
class Masks:
    """SpecAugment: some frames and some bands are replaced by the mean of all."""

    times: Annotated[int, Ge(0), Le(16)] = 1
    """How many runs of frames are masked. 0 is off. [runs]"""
    longest: Annotated[float, Ge(0), Lt(1)] = 0.15
    """Longest run of frames. [fraction of the frames]"""
    bands: Annotated[int, Ge(0), Le(16)] = 0
    """How many runs of bands are masked. 0 is off; it is meant for bands, not for cepstral coefficients. [runs]"""
    widest: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Widest run of bands. [fraction of the bands]"""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Options of the `augment` block of recordings.

    References:
        Park et al., SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition, 2019.
    """

    enabled: bool = True
    """Whether recordings are varied at all in training."""
    shift: Annotated[float, Ge(0), Le(10_000)] = 100.0
    """Largest shift in time, either way; silence fills the gap. 0 is off. [milliseconds]"""
    noise: Noise = field(default_factory=Noise)
    """White noise that is added to some recordings."""
    masks: Masks = field(default_factory=Masks)
    """Frames and bands that are hidden; the front end `waveform` has none."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Augment:
        """Build from the options of the `augment` block, which was validated."""
        groups: dict[str, Any] = {"noise": Noise, "masks": Masks}
        return cls(
            **{
                key: groups[key](**value) if key in groups and isinstance(value, Mapping) else value
                for key, value in options.items()
            }
        )
