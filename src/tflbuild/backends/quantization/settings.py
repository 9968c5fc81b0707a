"""Ways to quantize, how well they did, and which is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tflbuild.backends.quantization.ranges import Method

Equalize = Literal["none", "weights", "activations"]
Relu6 = Literal["keep", "replace"]
Round = Literal["nearest", "learned"]

SIMPLER = 1.01
"""A simpler setting is kept where a better one is better by no more than this factor."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to quantize.

    Attributes:
        ranges: how ranges of activations are set.
        equalize: what the sizes of channels are shared by, first.
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
        shared = "" if self.equalize == "none" else f", equalized by {self.equalize}"
        relu = ", RELU6 replaced" if shared and self.relu6 == "replace" else ""
        rounded = ", learned rounding" if self.round == "learned" else ""
        return f"{self.ranges}{shared}{relu}{rounded}{', biases corrected' if self.correct_bias else ''}"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """How well a setting did.

    Attributes:
        setting: the way.
        error: on held-out images, as `OutputError` measures it.
        seconds: it took.
        top1: share of the held-out images that it classified as their labels say, where that decides; else None.
    """

    setting: Setting
    error: float
    seconds: float
    top1: float | None = None

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


def chosen(scored: Sequence[Scored]) -> Scored:
    """Give the best of scored settings, but a simpler one that classifies as well and whose error is hardly larger.

    Args:
        scored: the best first.
    """
    best = scored[0]
    near = [found for found in scored if found.top1 == best.top1 and found.error <= best.error * SIMPLER]
    return min(near, key=_steps)


def _steps(found: Scored) -> int:
    setting = found.setting
    replaced = setting.relu6 == "replace" and setting.equalize != "none"
    learned = 4 * (setting.round == "learned")
    return (
        learned
        + 2 * setting.correct_bias
        + (setting.equalize != "none")
        + replaced
        + (setting.ranges != "minmax")
    )
