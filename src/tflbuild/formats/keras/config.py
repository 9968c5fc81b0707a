"""A Keras model's configuration as a graph that is walked through nested models; plain Python, so that a plan can.

A live model says the same of itself (`model.to_json()`), so that a file and what became of it are read by one code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

GRAPHS = ("Functional", "Sequential", "Model")
"""Classes of a model that is a graph of layers."""

WRAPPERS = ("QuantizeWrapper", "PruneLowMagnitude", "ClusterWeights", "QuantizeAnnotate", "TimeDistributed")
"""Beginnings of the names of classes that hold one layer and compute what it does."""

TOLD = "_told_shape"
"""Option of a layer that only Keras 3 has: the shape of what it gives, as its readers say it; None where none does."""

MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)
"""Exceptions that reading raises where a configuration is not one of Keras."""


class Tensor(NamedTuple):
    """One output of one call of a layer: the layer's name, which of its calls, which of that call's outputs."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Layer:
    """A layer as a model's configuration holds it.

    Attributes:
        name: its name.
        kind: its class; of a wrapper the class of what it wraps.
        config: its options; of a wrapper those of what it wraps.
        calls: what each of its calls reads.
        arguments: of each call, the other arguments by name.
        entry: the whole entry.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    calls: tuple[tuple[Tensor, ...], ...]
    arguments: tuple[Mapping[str, Any], ...]
    entry: Mapping[str, Any]

    @property
    def wrapped(self) -> bool:
        """Whether it lies in a wrapper, such as `TimeDistributed`."""
        return self.name != _name(self.entry)

    @property
    def operation(self) -> str:
        """The last word of the function of a layer that is one TensorFlow operation: "softmax"; "" for others."""
        if not self.kind.endswith("OpLambda"):
            return ""
        return str(self.config.get("function", "")).rpartition(".")[2]

    @property
    def activation(self) -> str:
        """The activation that it ends in; "" for none."""
        return _activation(self.config.get("activation"))


class Graph:
    """One model's layers and how they are joined; nested models are layers of it.

    Args:
        config: {"class_name", "config": {"layers", ...}}.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        inner = config["config"]
        entries = inner["layers"] if isinstance(inner, Mapping) else inner
        names = {_name(entry) for entry in entries}
        if "input_layers" in inner and config["class_name"] != "Sequential":
            self.layers = {_name(entry): _layer(entry, names) for entry in entries}
            self.inputs = list(_tensors(_in_order(inner["input_layers"]), names))
            self.outputs = list(_tensors(_in_order(inner["output_layers"]), names))
            return
        ends = [Tensor(_name(entry), 1 if _begins_with_input(entry) else 0, 0) for entry in entries]
        self.layers = {
            _name(entry): _layer(entry, names, before)
            for entry, before in zip(entries, [(), *((end,) for end in ends[:-1])], strict=True)
        }
        self.inputs, self.outputs = ends[:1], ends[-1:]


@dataclass(frozen=True)
class Place:
    """A tensor of a graph, and where that graph is called from.

    Attributes:
        graph: the graph that the tensor belongs to.
        tensor: the tensor.
        outer: the call of the graph; None for the model itself.
    """

    graph: Graph
    tensor: Tensor
    outer: Place | None = None

    @cached_property
    def layer(self) -> Layer:
        """The layer that gives it."""
        return self.graph.layers[self.tensor.layer]

    @property
    def key(self) -> tuple[str, ...]:
        """The path that tells it from all other places: names and calls from the model down."""
        return (*(self.outer.key if self.outer else ()), f"{self.tensor.layer}:{self.tensor.call}")

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of its call, besides what it reads."""
        found = self.layer.arguments
        return found[self._call] if self._call < len(found) else {}

    @property
    def _call(self) -> int:
        """The index of the call in the configuration, where a graph's first call is its own making."""
        return self.tensor.call - (1 if _begins_with_input(self.layer.entry) else 0)

    def given(self) -> list[Place]:
        """List what its layer reads, through the borders of graphs."""
        tensors = self.layer.calls[self._call] if self.layer.calls else ()
        if self.layer.kind == "InputLayer" or not tensors:
            return [self.outer._passed(self)] if self.outer else []
        return [inside(Place(self.graph, tensor, self.outer)) for tensor in tensors]

    def _passed(self, entrance: Place) -> Place:
        """Give what a call of a graph hands to one of the graph's inputs."""
        names = [tensor.layer for tensor in entrance.graph.inputs]
        position = names.index(entrance.tensor.layer) if entrance.tensor.layer in names else 0
        tensors = self.layer.calls[self._call]
        if not tensors and self.outer:  # first in a Sequential model, which says no input of its own
            return self.outer._passed(self)
        return inside(Place(self.graph, tensors[position], self.outer))


def inside(place: Place) -> Place:
    """Give the layer that really gives a tensor: the last one in a nested model, or what such a model is given."""
    if place.layer.kind == "InputLayer" and place.outer:
        return place.outer._passed(place)
    if place.layer.kind not in GRAPHS:
        return place
    graph = Graph(place.layer.entry)
    return inside(Place(graph, graph.outputs[place.tensor.output], place))


def outputs_of(config: Mapping[str, Any]) -> list[Place]:
    """List what gives a model's outputs.

    Raises:
        MALFORMED: it is no configuration of a graph of layers.
    """
    graph = Graph(config)
    return [inside(Place(graph, tensor)) for tensor in graph.outputs]


def everywhere(config: Mapping[str, Any]) -> Iterator[Place]:
    """Walk once over all that a model's outputs are made of, from the last to the first."""
    seen: set[tuple[str, ...]] = set()
    waiting = outputs_of(config)
    while waiting:
        place = waiting.pop()
        if place.key not in seen:
            seen.add(place.key)
            yield place
            waiting += place.given()


def all_layers(config: Mapping[str, Any]) -> Iterator[Layer]:
    """List every layer at any depth, nested models included."""
    for layer in Graph(config).layers.values():
        yield layer
        if layer.kind in GRAPHS:
            yield from all_layers(layer.entry)


def _layer(entry: Mapping[str, Any], names: set[str], before: tuple[Tensor, ...] | None = None) -> Layer:
    nodes = entry.get("inbound_nodes", []) if before is None else []
    inner = _unwrapped(entry)
    return Layer(
        name=_name(entry),
        kind=str(inner["class_name"]),
        config=inner["config"] if isinstance(inner["config"], Mapping) else {},
        calls=tuple(tuple(_tensors(node, names)) for node in nodes) if before is None else (before,),
        arguments=tuple(_arguments(node) for node in nodes),
        entry=inner,
    )


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def _unwrapped(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    while str(entry["class_name"]).rpartition(">")[2].startswith(WRAPPERS):
        entry = entry["config"]["layer"]
    return entry


def _begins_with_input(entry: Mapping[str, Any]) -> bool:
    if entry["class_name"] not in GRAPHS:
        return False
    inner = entry["config"]
    layers = inner["layers"] if isinstance(inner, Mapping) else inner
    return bool(layers) and layers[0]["class_name"] == "InputLayer"


def _in_order(ends: Any) -> Any:
    """Put the ends of a model that are a mapping in the order of `model.outputs`: that of their names."""
    return [ends[name] for name in sorted(ends)] if isinstance(ends, Mapping) else ends


def _tensors(value: Any, names: set[str]) -> Iterator[Tensor]:
    """Find in nested lists and mappings what names a tensor: [layer, call, output, ...]."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return
    if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int) and value[0] in names:
        yield Tensor(value[0], value[1], value[2])
        value = value[3:]
    for part in value:
        yield from _tensors(part, names)


def _arguments(node: Any) -> Mapping[str, Any]:
    """Find the named arguments of a call: the mapping at the end of its first tensor."""
    while isinstance(node, list) and node and isinstance(node[0], list):
        node = node[0]
    given = node[3] if isinstance(node, list) and len(node) > 3 and isinstance(node[3], Mapping) else {}
    constant = isinstance(node, list) and len(node) > 2 and node[0] == "_CONSTANT_VALUE"
    return {**given, "constant": node[2]} if constant else given


def _activation(value: Any) -> str:
    """Give an activation's name, through the wrappers that Keras and tfmot write around it."""
    while isinstance(value, Mapping):
        inner = value.get("config")
        if isinstance(inner, Mapping):
            value = inner.get("activation", inner.get("name", value.get("class_name")))
        else:
            value = inner if isinstance(inner, str) else value.get("class_name")
    return "" if value in (None, "linear") else str(value)
