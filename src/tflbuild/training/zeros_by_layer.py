"""How many zeros each layer gets, when a share of all weights becomes zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Sizes = npt.NDArray[np.floating[Any]]
Spread = Literal["even", "magnitude", "lamp"]

LARGEST_SHARE = 0.98
"""Of the blocks of a layer: with more zeros it would hardly compute anything."""


def zeros_by_layer(
    sizes: Mapping[str, Sizes], share: float, spread: Spread, areas: Mapping[str, int] | None = None
) -> dict[str, float]:
    """Give the share of zeros of each layer.

    With `magnitude` the smallest weights of all layers become zero. With `lamp` those with the smallest score do, which
    is a weight's square divided by the sum of the squares of the weights of its layer that are at least as large: so a
    layer in which no weight is much smaller than the others, as an early narrow one, keeps nearly all of them.

    Args:
        sizes: magnitudes of the weights, or blocks of weights, that become zero together, by layer; of any shape.
        share: of all weights that becomes zero, at least 0 and below 1.
        spread: how.
        areas: weights in each block, by layer; 1 where a layer is not named.

    Returns:
        Shares by layer, at most `LARGEST_SHARE`, unless `share` is more; together they make `share` of all weights.

    References:
        Lee et al., Layer-Adaptive Sparsity for the Magnitude-Based Pruning, ICLR 2021 (`lamp`).
    """
    if spread == "even" or not share:
        return dict.fromkeys(sizes, share)
    counts = [magnitudes.size for magnitudes in sizes.values()]
    layer = np.repeat(np.arange(len(sizes)), counts)
    area = np.repeat([(areas or {}).get(name, 1) for name in sizes], counts)
    scores = np.concatenate([_scores(magnitudes, spread) for magnitudes in sizes.values()])
    order = np.argsort(scores, kind="stable")
    order = order[_spare(layer[order], counts, max(LARGEST_SHARE, share))]
    zeros = order[np.cumsum(area[order]) <= share * area.sum()]
    lost = np.bincount(layer[zeros], minlength=len(sizes))
    return {name: float(lost[place] / counts[place]) for place, name in enumerate(sizes)}


def _scores(magnitudes: Sizes, spread: Spread) -> npt.NDArray[np.float64]:
    """Give the score of each block: those with the smallest become zero."""
    flat = np.abs(magnitudes).astype(np.float64).ravel()
    if spread == "magnitude":
        return flat
    order = np.argsort(flat, kind="stable")
    squares = flat[order] ** 2
    at_least_as_large = np.cumsum(squares[::-1])[::-1]
    scores = np.empty_like(flat)
    scores[order] = squares / np.maximum(at_least_as_large, np.finfo(np.float64).tiny)
    return scores


def _spare(layers: npt.NDArray[np.intp], counts: Sequence[int], largest: float) -> npt.NDArray[np.bool_]:
    """Say of each block whether its layer may lose it: they go in this order, at most `largest` of a layer."""
    spare = np.empty(layers.size, np.bool_)
    for layer, count in enumerate(counts):
        spare[np.flatnonzero(layers == layer)] = np.arange(count) < int(largest * count)
    return spare
