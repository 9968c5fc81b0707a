"""Quantization settings, their scores, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt
from statistics import fmean, stdev
from typing import Any, Literal

from tflbuild.quantization.ranges import Method

Equalize = Literal["none", "weights", "activations", "noise"]
Relu6 = Literal["keep", "replace"]
Round = Literal["nearest", "learned"]

CERTAIN = 2.0
"""Standard errors by which a setting has to be worse to be thought so."""

RANGES: tuple[Method, ...] = ("mse", "p99.99", "p99.999", "minmax", "p99.9", "entropy")
"""Every way to set ranges, in the order of how well they did on detectors, MobileNets and ResNets."""

SHARED: tuple[tuple[Equalize, Relu6], ...] = (
    ("noise", "keep"),
    ("activations", "keep"),
    ("weights", "keep"),
    ("none", "keep"),
    ("weights", "replace"),
)
"""Every way to equalize that is searched, in that order."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to quantize.

    Attributes:
        ranges: how ranges of activations are set.
        equalize: what the sizes of channels are shared by, first; `noise`: activations, then small channels are lifted.
        relu6: whether RELU6 stays, and limits what can be shared, or becomes RELU.
        correct_bias: whether biases are corrected afterwards.
        round: how weights are rounded.
    """

    ranges: Method = "minmax"
    equalize: Equalize = "none"
    relu6: Relu6 = "keep"
    correct_bias: bool = False
    round: Round = "nearest"

    @property
    def text(self) -> str:
        """Say it in a few words."""
        shared = f", {self.shared}" if self.shared else ""
        rounded = ", learned rounding" if self.round == "learned" else ""
        return f"{self.ranges}{shared}{rounded}{', biases corrected' if self.correct_bias else ''}"

    @property
    def shared(self) -> str:
        """Say how the float model is equalized; "" where it is not."""
        relu = ", RELU6 replaced" if self.relu6 == "replace" else ""
        if self.equalize == "noise":
            return f"small channels lifted{relu}"
        return "" if self.equalize == "none" else f"equalized by {self.equalize}{relu}"


USUAL = Setting(ranges=RANGES[0], equalize=SHARED[0][0], correct_bias=True)
"""The best setting on most models, taken where held-out images cannot tell the difference."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A setting that gave no file, or none that can be used.

    Attributes:
        setting: the way, in words.
        reason: why, in one line.
    """

    setting: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A setting with its measured errors.

    Attributes:
        setting: the way.
        errors: on each held-out image, as `OutputError` measures it.
        seconds: it took.
        top1: share of the held-out images that it classified as their labels say, where that decides; else None.
    """

    setting: Setting
    errors: tuple[float, ...]
    seconds: float
    top1: float | None = None

    @property
    def error(self) -> float:
        """Give the mean over the images."""
        return fmean(self.errors)

    @property
    def rank(self) -> tuple[float, float]:
        """Give what to sort by, the best first."""
        return -(self.top1 or 0.0), self.error

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds: the setting in words, each of its options, and how well it did."""
        found = {"setting": self.setting.text, **asdict(self.setting), "error": self.error}
        return (
            found | ({} if self.top1 is None else {"top1": self.top1}) | {"seconds": round(self.seconds, 3)}
        )


def steps_to(best: Setting, scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Say what each step on the way to a setting gave, as report.json holds it.

    From ranges alone, one choice is added after the other; what was not tried on its own is left out.

    Args:
        best: the last of them.
        scored: all that was measured.

    Returns:
        For each the `step` in words, its `error`, the number of images `n`, and whether the error `falls` beyond its
        noise, image by image, against the one before; null for the first.
    """
    plain = Setting(ranges=best.ranges)
    even = replace(
        plain, equalize="activations" if best.equalize == "noise" else best.equalize, relu6=best.relu6
    )
    known = {found.setting: found for found in scored}
    way = dict.fromkeys((plain, even, replace(best, correct_bias=False), best))
    found = [known[setting] for setting in way if setting in known]
    return [
        {
            "step": one.setting.text,
            "error": one.error,
            "n": len(one.errors),
            "falls": None if before is None else _worse(before, one),
        }
        for before, one in zip([None, *found], found, strict=False)
    ]


def chosen(scored: Sequence[Scored]) -> Scored:
    """Give the best of scored settings; of those that the images cannot tell from it, the most usual one.

    Two settings are told apart where their mean difference over the images is more than twice its standard error, which
    a detector's many outputs make small, and a classifier's few scores do not.

    Args:
        scored: the best first.
    """
    best = scored[0]
    near = [found for found in scored if found.top1 == best.top1 and not _worse(found, best)]
    return min(near, key=lambda found: _rarity(found.setting))


def _worse(found: Scored, best: Scored) -> bool:
    """Say whether an error is larger by more than chance."""
    differences = [one - other for one, other in zip(found.errors, best.errors, strict=True)]
    chance = stdev(differences) / sqrt(len(differences)) if len(differences) > 1 else 0.0
    return fmean(differences) > CERTAIN * chance


def _rarity(setting: Setting) -> tuple[int, ...]:
    """Give what to sort settings by, the most usual first."""
    return (
        setting.round != USUAL.round,
        setting.correct_bias != USUAL.correct_bias,
        SHARED.index((setting.equalize, setting.relu6)),
        RANGES.index(setting.ranges),
    )
