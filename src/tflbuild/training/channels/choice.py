"""Which channels leave: the least important first, in blocks that kernels like, until enough is saved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from tflbuild.training.channels.cost import Cost, Counts
from tflbuild.training.channels.groups import Dependencies, Group

Scores = Mapping[str, npt.NDArray[np.float64]]
"""Importance of the channels of each group that may lose some, by the group's name."""

Comparison = Literal["none", "group", "cost", "both"]
"""Divisors of importance, before groups are compared: nothing, the mean of the group, the cost of the channel."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Numbers of channels that every group keeps.

    Attributes:
        minimum: channels, at least.
        multiple: of which what is left is one, where a group loses any.
        most: largest share of a group's channels that leaves.
    """

    minimum: int = 1
    multiple: int = 1
    most: float = 1.0

    def sizes(self, count: int, whole: int = 0) -> list[int]:
        """Give the sizes that a group may have, from what is there to the fewest.

        >>> Limits(minimum=4, multiple=8).sizes(20), Limits(minimum=4, multiple=8).sizes(8), Limits().sizes(3)
        ([20, 16, 8], [8], [3, 2, 1])

        Args:
            count: channels that are there.
            whole: channels that there were before any left; 0 for as many.
        """
        least = max(self.minimum, 1, math.ceil((whole or count) * (1 - self.most) - 1e-9))
        fitting = range(count - 1 - (count - 1) % self.multiple, 0, -self.multiple)
        return [count, *(size for size in fitting if size >= least)]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """How far to go: exactly one of them is set.

    Attributes:
        macs: multiply-accumulates that may be left, at most.
        channels: channels of groups that may lose some that may be left, at most.
    """

    macs: float | None = None
    channels: float | None = None

    def reached(self, macs: float, channels: float) -> bool:
        """Say whether what is left is little enough."""
        return macs <= self.macs if self.macs is not None else channels <= (self.channels or 0.0)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The channels that are left of every group.

    Attributes:
        kept: whether each channel stays, by its number.
        left: channels that are left of each group.
        macs: that are left.
        channels: of groups that may lose some that are left.
        reached: whether the aim was.
    """

    kept: npt.NDArray[np.bool_]
    left: Counts
    macs: int
    channels: int
    reached: bool


def choose(
    found: Dependencies,
    cost: Cost,
    scores: Scores,
    aim: Aim,
    limits: Limits,
    compare: Comparison,
    whole: Mapping[str, int] = MappingProxyType({}),
) -> Choice:
    """Let the blocks with the least importance leave, one after another, until the aim is reached or nothing can.

    Args:
        found: the groups.
        cost: what channels cost.
        scores: importance of each channel.
        aim: where to stop.
        limits: what every group keeps.
        compare: what importance is divided by.
        whole: channels that each group had before any left, by name.
    """
    groups = found.groups
    orders = [_order(group, scores) for group in groups]
    sizes = [
        [len(g.channels)] if g.held else limits.sizes(len(g.channels), whole.get(g.name, 0)) for g in groups
    ]
    left, places = np.array([one[0] for one in sizes], np.int64), [0] * len(groups)
    weights = [_cumulated(group, scores, compare) for group in groups]
    macs, channels = cost.macs(left), _free(groups, left)
    while not aim.reached(macs, channels):
        blocks = np.array([_block(one, place) for one, place in zip(sizes, places, strict=True)], np.int64)
        if not blocks.any():
            break
        saved = cost.saved(left, blocks) if compare in ("cost", "both") else blocks
        lost = np.array(
            [_lost(w, n - k, b) for w, n, k, b in zip(weights, _counts(groups), left, blocks, strict=True)]
        )
        worth = np.where(blocks > 0, lost / np.maximum(saved, 1), np.inf)
        best = int(np.argmin(worth))
        left[best] -= blocks[best]
        places[best] += 1
        macs, channels = cost.macs(left), _free(groups, left)
    kept = np.ones(found.count, np.bool_)
    for order, count in zip(orders, left.tolist(), strict=True):
        kept[order[: len(order) - count]] = False
    return Choice(kept=kept, left=left, macs=macs, channels=channels, reached=aim.reached(macs, channels))


def _order(group: Group, scores: Scores) -> npt.NDArray[np.int64]:
    """Give a group's channels, the least important first."""
    if group.held:
        return group.channels
    return group.channels[np.argsort(scores[group.name], kind="stable")]


def _cumulated(group: Group, scores: Scores, compare: Comparison) -> npt.NDArray[np.float64]:
    """Give the importance of the least channels together, by how many they are."""
    values = np.zeros(0) if group.held else np.sort(scores[group.name])
    if compare in ("group", "both") and len(values):
        values = values / max(float(np.mean(values)), 1e-30)
    return np.concatenate([[0.0], np.cumsum(values)])


def _lost(cumulated: npt.NDArray[np.float64], gone: int, block: int) -> float:
    return float(cumulated[gone + block] - cumulated[gone]) if block else np.inf


def _block(sizes: Sequence[int], place: int) -> int:
    return sizes[place] - sizes[place + 1] if place + 1 < len(sizes) else 0


def _counts(groups: Sequence[Group]) -> list[int]:
    return [len(group.channels) for group in groups]


def _free(groups: Sequence[Group], left: Counts) -> int:
    return sum(count for group, count in zip(groups, left.tolist(), strict=True) if not group.held)
