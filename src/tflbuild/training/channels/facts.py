"""The graph of a model as facts: its layers, their calls, and the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Shape = tuple[int | None, ...]
"""Of a tensor, without the batch; None for a side that is not known."""

IN, OUT, INNER = "in", "out", "inner"
"""Roles of an axis of weights: the channels that a layer reads, gives, and has in the middle."""


RESHAPED = "target_shape"
"""The option of a reshaping layer that may say how many channels it gives."""


class Kind(StrEnum):
    """The effect of a layer on channels, the last axis of a tensor."""

    SOURCE = "source"
    """It gives channels that stay: an input."""
    MIXING = "mixing"
    """It makes each of its channels of all channels of its input: a convolution, a dense layer."""
    DEPTHWISE = "depthwise"
    """It makes `multiplier` channels of each channel."""
    SEPARABLE = "separable"
    """DEPTHWISE and MIXING in one layer."""
    CHANNELWISE = "channelwise"
    """It keeps channels apart and in place: batch norm, activation, padding, pooling."""
    JOINING = "joining"
    """It computes with the same channel of several tensors: a sum, a product."""
    CONCATENATION = "concatenation"
    """It puts tensors behind each other along `axis`."""
    RESHAPING = "reshaping"
    """It gives the same numbers in another shape."""
    OPAQUE = "opaque"
    """It is not known what it does."""


@dataclass(frozen=True, kw_only=True)
class Weight:
    """One array of weights of a layer.

    Attributes:
        name: of the attribute that holds it.
        roles: what each axis stands for that channels lie along, by axis, e.g. `{2: "in", 3: "out"}`.
        shape: of the array.
    """

    name: str
    roles: Mapping[int, str]
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Facts of a layer that pruning has to know.

    Attributes:
        name: of the layer.
        kind: what it does to channels.
        weights: arrays that channels lie along.
        width: option of its configuration that says how many channels it gives; "" for none.
        channels: that it gives, where it mixes.
        multiplier: of a depthwise layer.
        taps: weights that one number of its output takes of each channel that it reads.
        inner_taps: likewise of its depthwise part, where it has two.
        axis: along which it concatenates, counted from the first one behind the batch.
        reason: why what it reads and gives stays, in words that complete "stays whole: "; "" where it need not.
        own_reason: likewise of what it gives alone.
        transposed: whether each number of its input, not of its output, is multiplied by all taps.
        scales: whether it is a batch norm with a scale.
    """

    name: str
    kind: Kind
    weights: tuple[Weight, ...] = ()
    width: str = ""
    channels: int = 0
    multiplier: int = 1
    taps: int = 1
    inner_taps: int = 0
    axis: int = -1
    reason: str = ""
    own_reason: str = ""
    transposed: bool = False
    scales: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a layer; tensors are numbers.

    Attributes:
        layer: its name.
        inputs: tensors that it is given.
        outputs: tensors that it gives.
    """

    layer: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The facts of a model.

    Attributes:
        layers: by name.
        calls: in an order in which they can be made.
        shapes: of every tensor.
        outputs: tensors that leave the model.
    """

    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    outputs: tuple[int, ...] = ()
