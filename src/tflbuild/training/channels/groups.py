"""Which channels of a model go together: a dependency graph over its tensors, followed channel by channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from tflbuild.training.channels.facts import IN, INNER, OUT, Call, Graph, Kind, Layer, Shape

Numbers = npt.NDArray[np.int64]
"""Of channels; the same number is the same channel."""

AT_END = "it reaches an output of the model"
"""Why channels stay; it is said before any other reason."""

FRESH = (Kind.MIXING, Kind.SEPARABLE, Kind.OPAQUE)
"""Kinds whose channels are others than those that they read."""

MOST_ELEMENTS = 1 << 26
"""Of a tensor whose reshape is followed number by number."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels that go the same way: each may leave, from every layer that has it, and none alone from one of them.

    Attributes:
        name: of the first layer that makes them, with a number where it makes several groups.
        makers: the layers that make them, in the order of the graph.
        channels: their numbers, in the order of the first maker.
        held: why they stay; "" where they may leave.
    """

    name: str
    makers: tuple[str, ...]
    channels: Numbers
    held: str = ""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The channels of a model.

    Attributes:
        count: numbers of channels are below it.
        axes: the channels along each role of a layer's weights, by layer and role.
        reshaped: the channels along the last axis of what a reshaping layer gives.
        groups: all channels, each in one group.
    """

    count: int
    axes: Mapping[str, Mapping[str, Numbers]]
    reshaped: Mapping[str, Numbers]
    groups: tuple[Group, ...]

    @property
    def prunable(self) -> tuple[Group, ...]:
        """Give the groups whose channels may leave."""
        return tuple(group for group in self.groups if not group.held)


def dependencies(graph: Graph, excluded: Iterable[str] = ()) -> Dependencies:
    """Follow the channels of a model from layer to layer.

    A sum ties its inputs together channel by channel, a concatenation puts lists of channels behind each other, a
    depthwise convolution hands them on, and only a layer that mixes channels makes new ones. Whatever reaches an output
    of the model, or a layer that nobody knows, stays.

    Args:
        graph: the facts of the model.
        excluded: layers that keep all their channels.

    References:
        Fang et al., DepGraph: Towards Any Structural Pruning, 2023.
    """
    followed = _Following(graph)
    for call in graph.calls:
        followed.call(call)
    for tensor in _ends(graph):
        followed.hold(followed.tensors[tensor], AT_END)
    for name in excluded:
        followed.hold(followed.axes.get(name, {}).get(OUT, _none()), "it is excluded")
    return followed.result()


def _ends(graph: Graph) -> set[int]:
    """Give the tensors that leave the model, and those that do so in another form."""
    found = set(graph.outputs)
    for call in reversed(graph.calls):
        if found.intersection(call.outputs) and graph.layers[call.layer].kind not in FRESH:
            found.update(call.inputs)
    return found


class _Following:
    """The channels of the tensors, as far as they are known."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._parents: list[int] = []
        self._reasons: dict[int, str] = {}
        self.tensors: dict[int, Numbers] = {}
        self.axes: dict[str, dict[str, Numbers]] = {}
        self._reshaped: dict[str, Numbers] = {}
        self._made: dict[str, None] = {}

    def call(self, call: Call) -> None:
        """Say which channels a call gives."""
        layer = self._graph.layers[call.layer]
        given = [self.tensors[tensor] for tensor in call.inputs]
        if layer.kind is Kind.OPAQUE or layer.reason:
            for channels in given:
                self.hold(channels, layer.reason)
        shapes = [self._graph.shapes[tensor] for tensor in call.inputs]
        made = self._made_by(layer, call, given, shapes)
        if made is not None and layer.own_reason:
            self.hold(made, layer.own_reason)
        for tensor in call.outputs:
            self.tensors[tensor] = made if made is not None else self._opaque(layer, tensor)

    def _made_by(self, layer: Layer, call: Call, given: list[Numbers], shapes: list[Shape]) -> Numbers | None:
        """Give the channels of a call's output; None where nobody knows."""
        kind = layer.kind
        if kind is Kind.MIXING:
            self._reads(layer, IN, given[0])
            return self._new(layer)
        if kind is Kind.DEPTHWISE:
            channels = self._reads(layer, IN, given[0])
            return self._hands(layer, OUT, np.repeat(channels, layer.multiplier))
        if kind is Kind.SEPARABLE:
            channels = self._reads(layer, IN, given[0])
            self._hands(layer, INNER, np.repeat(channels, layer.multiplier))
            return self._new(layer)
        if kind is Kind.CHANNELWISE:
            return self._reads(layer, IN, given[0]) if layer.weights else given[0]
        if kind is Kind.JOINING:
            return self._joined(layer, given)
        if kind is Kind.CONCATENATION:
            return self._concatenated(layer, given, shapes)
        if kind is Kind.RESHAPING:
            return self._reshape(layer, given[0], shapes[0], self._graph.shapes[call.outputs[0]])
        return None

    def _new(self, layer: Layer) -> Numbers:
        """Give the channels that a mixing layer makes; the same ones at every call."""
        axes = self.axes.setdefault(layer.name, {})
        if OUT not in axes:
            axes[OUT] = self._fresh(layer.channels)
            self._made[layer.name] = None
            if layer.reason:
                self.hold(axes[OUT], layer.reason)
        return axes[OUT]

    def _hands(self, layer: Layer, role: str, channels: Numbers) -> Numbers:
        return self.axes.setdefault(layer.name, {}).setdefault(role, channels)

    def _reads(self, layer: Layer, role: str, channels: Numbers) -> Numbers:
        """Tie what a layer reads now to what it read at its other calls: its weights are the same."""
        known = self._hands(layer, role, channels)
        self._tie(known, channels)
        return known

    def _joined(self, layer: Layer, given: list[Numbers]) -> Numbers | None:
        widest = max(given, key=len)
        for channels in given:
            if len(channels) == len(widest):
                self._tie(widest, channels)
            elif len(channels) == 1:
                self.hold(channels, f"'{layer.name}' joins it to every channel of another tensor")
            else:
                return self._held(given, f"'{layer.name}' joins tensors of different widths")
        return widest

    def _concatenated(self, layer: Layer, given: list[Numbers], shapes: list[Shape]) -> Numbers | None:
        last = len(shapes[0]) - 1
        if layer.axis == last:
            return np.concatenate(given)
        for channels in given[1:]:
            self._tie(given[0], channels)
        return given[0]

    def _reshape(self, layer: Layer, channels: Numbers, before: Shape, after: Shape) -> Numbers | None:
        if before and after and before[-1] == after[-1] and after[-1] is not None:
            return self._keeps(layer, channels)
        sides = [side for side in (*before, *after) if side is not None]
        known = len(sides) == len(before) + len(after)
        if not (known and after and prod(before) <= MOST_ELEMENTS):  # type: ignore[arg-type]
            return self._held([channels], f"the sides that '{layer.name}' gives are not known")
        rows = np.broadcast_to(channels, sides[: len(before)]).reshape(-1, sides[-1])
        if (rows != rows[0]).any():
            return self._held([channels], f"'{layer.name}' parts its channels")
        return self._keeps(layer, rows[0])

    def _keeps(self, layer: Layer, channels: Numbers) -> Numbers:
        known = self._reshaped.setdefault(layer.name, channels)
        if len(known) == len(channels):
            self._tie(known, channels)
        return channels

    def _held(self, given: list[Numbers], reason: str) -> Numbers | None:
        """Keep what cannot be followed, and give none."""
        for channels in given:
            self.hold(channels, reason)
        return None

    def _opaque(self, layer: Layer, tensor: int) -> Numbers:
        """Give channels that stay for what a layer makes that nobody knows."""
        shape = self._graph.shapes[tensor]
        channels = self._fresh((shape[-1] or 0) if shape else 0)
        known = (
            f"the input '{layer.name}' has it" if layer.kind is Kind.SOURCE else f"'{layer.name}' makes it"
        )
        self.hold(channels, layer.reason or known)
        return channels

    def _fresh(self, count: int) -> Numbers:
        first = len(self._parents)
        self._parents += range(first, first + count)
        return np.arange(first, first + count, dtype=np.int64)

    def _root(self, channel: int) -> int:
        while self._parents[channel] != channel:
            self._parents[channel] = self._parents[self._parents[channel]]
            channel = self._parents[channel]
        return channel

    def _tie(self, one: Numbers, other: Numbers) -> None:
        if one is other:
            return
        for first, second in zip(one.tolist(), other.tolist(), strict=True):
            low, high = sorted((self._root(first), self._root(second)))
            self._parents[high] = low

    def hold(self, channels: Numbers, reason: str) -> None:
        """Keep channels, and all that are tied to them now or later."""
        for channel in dict.fromkeys(channels.tolist()):
            if reason == AT_END:
                self._reasons[channel] = reason
            self._reasons.setdefault(channel, reason)

    def result(self) -> Dependencies:
        """Sort all channels into groups."""
        roots = np.array([self._root(channel) for channel in range(len(self._parents))], np.int64)
        axes = {
            name: {role: roots[channels] for role, channels in of.items()} for name, of in self.axes.items()
        }
        held: dict[int, str] = {}
        for channel, reason in self._reasons.items():
            if reason == AT_END:
                held[int(roots[channel])] = reason
            held.setdefault(int(roots[channel]), reason)
        return Dependencies(
            count=len(roots),
            axes=axes,
            reshaped={name: roots[channels] for name, channels in self._reshaped.items()},
            groups=_groups(axes, list(self._made), held, len(roots)),
        )


def _groups(
    axes: Mapping[str, Mapping[str, Numbers]], makers: Sequence[str], held: Mapping[int, str], count: int
) -> tuple[Group, ...]:
    """Put channels together that occur equally often along the same axes, and stay for the same reason."""
    lists = [channels for of in axes.values() for channels in of.values()]
    channels = np.array(list(dict.fromkeys(c for name in makers for c in axes[name][OUT].tolist())), np.int64)
    if not len(channels):
        return ()
    occurring = [np.bincount(one, minlength=count)[channels] for one in lists]
    reasons = {reason: place for place, reason in enumerate(dict.fromkeys(held.values()), start=1)}
    stays = np.array([reasons.get(held.get(int(one), ""), 0) for one in channels], np.int64)
    ways = np.stack([*occurring, stays], axis=1)
    _, places = np.unique(ways, axis=0, return_inverse=True)
    places = places.reshape(-1)
    found = list[Group]()
    for place in dict.fromkeys(places.tolist()):
        own = channels[places == place]
        names = tuple(name for name in makers if own[0] in axes[name][OUT])
        again = sum(group.makers[0] == names[0] for group in found)
        name = f"{names[0]} ({again + 1})" if again else names[0]
        found.append(Group(name=name, makers=names, channels=own, held=held.get(int(own[0]), "")))
    return tuple(found)


def _none() -> Numbers:
    return np.zeros(0, np.int64)
