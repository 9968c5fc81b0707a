"""Multiply-accumulates of a model, by how many channels of each group are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from tflbuild.training.channels.facts import IN, INNER, OUT, Graph, Kind, Layer
from tflbuild.training.channels.groups import Dependencies, Numbers

Counts = npt.NDArray[np.int64]
"""(groups,): channels that are left of each."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Terms of the sum: each is a factor, times a number of channels, times another.

    The last group is none: it counts one, for terms of one number of channels.

    Attributes:
        factors: (terms,).
        first: (terms, groups + 1): how often each group's channels count in the first number.
        second: likewise of the second.
    """

    factors: Counts
    first: Counts
    second: Counts

    @classmethod
    def of(cls, graph: Graph, found: Dependencies) -> Cost:
        """Read the terms off a model: its convolutions and dense layers, each call."""
        columns = len(found.groups) + 1
        place_of = np.full(found.count, columns - 1, np.int64)  # those of no group never leave: a constant
        for place, group in enumerate(found.groups):
            place_of[group.channels] = place
        sizes = np.array([*(len(group.channels) for group in found.groups), 1], np.int64)

        def row(channels: Numbers) -> list[int]:
            counted = np.bincount(place_of[channels], minlength=columns)
            return [int(one) for one in counted // sizes]

        alone = [0] * (columns - 1) + [1]
        factors, first, second = [], list[list[int]](), list[list[int]]()
        for call in graph.calls:
            layer, axes = graph.layers[call.layer], found.axes.get(call.layer, {})
            positions = _positions(
                layer, graph.shapes[(call.inputs or call.outputs)[0]], graph.shapes[call.outputs[0]]
            )
            if layer.kind is Kind.MIXING:
                terms = [(positions * layer.taps, row(axes[IN]), row(axes[OUT]))]
            elif layer.kind is Kind.DEPTHWISE:
                terms = [(positions * layer.taps, row(axes[OUT]), alone)]
            elif layer.kind is Kind.SEPARABLE:
                terms = [
                    (positions * layer.inner_taps, row(axes[INNER]), alone),
                    (positions * layer.taps, row(axes[INNER]), row(axes[OUT])),
                ]
            else:
                terms = []
            for factor, one, other in terms:
                factors.append(factor)
                first.append(one)
                second.append(other)
        return cls(
            factors=np.array(factors, np.int64),
            first=np.array(first, np.int64).reshape(-1, columns),
            second=np.array(second, np.int64).reshape(-1, columns),
        )

    def macs(self, left: Counts) -> int:
        """Give the multiply-accumulates of one sample, where that many channels are left."""
        first, second = self._numbers(left)
        return int(np.sum(self.factors * first * second))

    def saved(self, left: Counts, blocks: Counts) -> Counts:
        """Give what each group would save alone if that many more of its channels left: (groups,)."""
        first, second = self._numbers(left)
        now = (self.factors * first * second)[:, None]
        then = (
            self.factors[:, None]
            * (first[:, None] - self.first[:, :-1] * blocks)
            * (second[:, None] - self.second[:, :-1] * blocks)
        )
        return np.asarray(np.sum(now - then, axis=0), np.int64)

    def _numbers(self, left: Counts) -> tuple[Counts, Counts]:
        known = np.append(left, 1)
        return self.first @ known, self.second @ known


def _positions(layer: Layer, given: Sequence[int | None], made: Sequence[int | None]) -> int:
    """Give how often a layer's kernel is applied; sides that are not known count once."""
    return prod(side or 1 for side in (given if layer.transposed else made)[:-1])
