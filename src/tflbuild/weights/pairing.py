"""Which batch norm belongs to which convolution, in the order of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tflbuild.weights.layer import BIAS, NORM, Layer


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A convolution with the batch norm behind it.

    Attributes:
        convolution: the layer with the kernel.
        norm: None where there is none, or where it was folded into kernel and bias.
    """

    convolution: Layer
    norm: Layer | None = None


def pairs_of(layers: Iterable[Layer]) -> list[Pair]:
    """Give every convolution with its norm: the first that has none yet, no bias, and as many channels.

    A convolution with a bias may have a norm, too; then it is the last one. Branches that stand side by side keep
    their order, since a file lists their norms in the order of their convolutions.
    """
    order: list[Layer] = []
    norms: dict[int, Layer] = {}
    for layer in layers:
        if layer.is_convolution:
            order.append(layer)
        elif layer.kind == NORM:
            free = [
                place
                for place, one in enumerate(order)
                if place not in norms and one.channels == layer.channels
            ]
            plain = [place for place in free if BIAS not in order[place].arrays]
            if plain or free:
                norms[plain[0] if plain else free[-1]] = layer
    return [Pair(convolution=one, norm=norms.get(place)) for place, one in enumerate(order)]
