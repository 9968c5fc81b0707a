"""The structure of a Keras model's configuration: types of what is read of it, layers at any depth, no circles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tflbuild.core.json_text import kind_of
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.inert_names import GRAPHS, MARKS, PARTS

MOST_LAYERS = 20_000

MOST_SIDE = 1 << 24

CONSTANT = "_CONSTANT_VALUE"
"""Marker in the place of a layer's name, before a plain value."""

WIDTHS = ("units", "filters", "input_dim", "output_dim")
"""Options of layers that have at least as many weights."""


def checked(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the structure of a model's configuration at any depth, and give it.

    Raises:
        ValueError: it is not what Keras writes; the message completes "it ".
    """
    if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config"), dict):
        raise ValueError("holds a configuration without the class of a model and its own")
    for graph in [config, *_graphs(config)]:
        _check_graph(graph)
    return config


def layers_of(graph: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the layers of a model or nested model; [] of anything else."""
    inner = graph.get("config")
    found = inner.get("layers") if isinstance(inner, dict) else None
    return found if isinstance(found, list) else []


def every_layer(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the layers at any depth, outer ones first: of nested models, wrappers and cells."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop(0)
        for layer in _inner_objects(value):
            if layer["class_name"] not in PARTS | MARKS:
                yield layer
            waiting.append(layer)


def output_names(graph: Mapping[str, Any]) -> list[str]:
    """Name the layer that each output of a checked graph comes from."""
    layers = layers_of(graph)
    ends = graph["config"].get("output_layers")
    if ends:
        return [end.layer for end in _references(ends)]
    return [name_of(layers[-1])] if layers else []


def name_of(layer: Mapping[str, Any]) -> str:
    """Name a layer of a checked graph as the others refer to it."""
    return str(layer["name"] if isinstance(layer.get("name"), str) else layer["config"]["name"])


def check_sizes(config: Mapping[str, Any], elements: int) -> None:
    """Refuse a model that declares more weights than its file holds numbers, before anybody makes room for them.

    Raises:
        Unwanted: it names the layer.
    """
    for layer in every_layer(config):
        inner = layer["config"] if isinstance(layer["config"], dict) else {}
        for option in WIDTHS:
            given = inner.get(option)
            if isinstance(given, int | float) and given > elements:
                raise Unwanted(
                    f"layer '{plain(inner.get('name'), 80)}' has {option}={given}, and the whole file holds {elements} "
                    f"weights; save the model with its weights."
                )


def _inner_objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give the layers and other parts that lie directly in a layer's options, not those inside of them."""
    inner = value.get("config")
    waiting = list(inner.values()) if isinstance(inner, dict) else []
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, dict) and isinstance(found.get("class_name"), str) and "config" in found:
            yield found
        elif isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _graphs(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (layer for layer in every_layer(config) if layer["class_name"] in GRAPHS)


def _check_graph(graph: Mapping[str, Any]) -> None:
    inner = graph["config"]
    said = plain(graph["class_name"], 60)
    if not isinstance(inner, dict):
        raise ValueError(f"holds a '{said}' whose configuration is a {kind_of(inner)}, not a mapping")
    layers = inner.get("layers", [])
    if not isinstance(layers, list) or len(layers) > MOST_LAYERS:
        raise ValueError(f"holds a '{said}' whose layers are not a list of at most {MOST_LAYERS}")
    for layer in layers:
        _check_layer(layer)
    names = {name_of(layer) for layer in layers}
    for key in ("input_layers", "output_layers"):
        for end in _references(inner.get(key) or []):
            if end.layer not in names:
                raise ValueError(f"names the layer '{plain(end.layer, 80)}' in {key}, which it does not hold")
    if graph["class_name"] != "Sequential":
        _check_order(layers)


def _check_layer(layer: Any) -> None:
    if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
        raise ValueError("holds a layer without a class")
    said = plain(layer["class_name"], 60)
    inner = layer.get("config")
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise ValueError(f"holds a '{said}' without a configuration that names it")
    shape = inner.get("batch_input_shape")
    sides = shape[1:] if isinstance(shape, list) and shape else None
    if shape is not None and (sides is None or not all(_is_side(side) for side in sides)):
        raise ValueError(
            f"holds the layer '{plain(inner['name'], 80)}' whose input has the shape {plain(shape, 80)}"
        )


def _is_side(side: Any) -> bool:
    return side is None or (type(side) is int and 0 < side <= MOST_SIDE)


class _Reference(NamedTuple):
    """A layer's output, as others refer to it.

    Attributes:
        layer: its name.
        node: number of the call.
    """

    layer: str
    node: int


def _references(value: Any) -> Iterator[_Reference]:
    """Find the references in a structure of lists and mappings: `[name, call, output]`, with options behind it."""
    waiting = [value]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, dict):
            waiting = [*found.values(), *waiting]
        elif isinstance(found, list) and _is_reference(found):
            if found[0] != CONSTANT:
                yield _Reference(found[0], found[1])
            waiting = [*found[3:], *waiting]
        elif isinstance(found, list):
            waiting = [*found, *waiting]


def _is_reference(value: list[Any]) -> bool:
    if len(value) not in (3, 4) or not isinstance(value[0], str) or type(value[1]) is not int:
        return False
    return value[0] == CONSTANT or type(value[2]) is int


def _check_order(layers: list[Mapping[str, Any]]) -> None:
    """Refuse calls that wait for each other: tf_keras would wait forever.

    Calls are made as `reconstruct_from_config` of tf_keras makes them: those of a layer in their order, each once
    what it refers to is there.

    Raises:
        ValueError: some are never made, or one refers to a layer that is not there.
    """
    calls = {name_of(layer): _calls_of(layer) for layer in layers}
    first = {name_of(layer): int(_is_called_already(layer)) for layer in layers}
    given = {name_of(layer) for layer in layers if layer["class_name"] == "InputLayer"}
    made = dict.fromkeys(calls, 0)
    for name in (one.layer for nodes in calls.values() for refs in nodes for one in refs):
        if name not in calls:
            raise ValueError(
                f"holds a layer that takes its input from '{plain(name, 80)}', which is not there"
            )

    def there(one: _Reference) -> bool:
        return one.layer in given or first[one.layer] <= one.node < first[one.layer] + made[one.layer]

    moved = True
    while moved:
        moved = False
        for name, nodes in calls.items():
            while made[name] < len(nodes) and all(there(one) for one in nodes[made[name]]):
                made[name] += 1
                moved = True
    for name, nodes in calls.items():
        if made[name] < len(nodes):
            raise ValueError(f"holds the layer '{plain(name, 80)}' whose input can never be there")


def _calls_of(layer: Mapping[str, Any]) -> list[list[_Reference]]:
    nodes = layer.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ValueError(f"holds the layer '{plain(name_of(layer), 80)}' whose inbound_nodes are not a list")
    return [list(_references(node)) for node in nodes]


def _is_called_already(layer: Mapping[str, Any]) -> bool:
    """Say whether a layer is a model that knows its input, whose own call counts as the first one."""
    inside = layers_of(layer)
    if layer["class_name"] != "Sequential":
        return layer["class_name"] in GRAPHS
    return bool(inside) and (
        inside[0]["class_name"] == "InputLayer" or bool(inside[0]["config"].get("batch_input_shape"))
    )
