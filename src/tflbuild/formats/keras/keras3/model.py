"""A configuration of Keras 3 in the form of tf_keras: the same layers under the same names.

A layer without an equal in tf_keras stays what it is, so that a plan can read the graph around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.config import MALFORMED, TOLD
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.keras3.activations import Step
from tflbuild.formats.keras.keras3.calls import Call, Tensor, calls_of
from tflbuild.formats.keras.keras3.entries import GRAPHS, entry_of, is_operation, name_of
from tflbuild.formats.keras.keras3.operations import operated
from tflbuild.formats.keras.keras3.refusal import Malformed, NoEqual

FIRST_CALL = 1
"""Number of the first call of a nested model in tf_keras, where the model's own making is call 0."""


class _Layer(NamedTuple):
    """A layer of Keras 3, as layers of tf_keras.

    Attributes:
        entries: of tf_keras, whose calls are still to be written; the first may be the layer itself.
        steps: behind it, one for each further entry.
        own: whether the first entry is the layer itself, and not a step.
        first_call: number of the last entry's first call.
    """

    entries: list[dict[str, Any]]
    steps: tuple[Step, ...]
    own: bool
    first_call: int


class Translation(NamedTuple):
    """A configuration in the form of tf_keras.

    Attributes:
        config: of the model.
        lacking: for each layer without an equal in tf_keras a clause that names it, and says why; it stays as it is.
    """

    config: dict[str, Any]
    lacking: tuple[str, ...]


def translated(config: Mapping[str, Any]) -> Translation:
    """Write a model's configuration as tf_keras would.

    A sequential model becomes a functional one, so that a layer may become several. Weights start as zeros.

    Args:
        config: `{"class_name", "config", ...}` as Keras 3 writes it.

    Raises:
        Unwanted: a layer holds code, or is not known; it names the layer, and the way out.
        Malformed: it is not what Keras 3 writes; the message completes "it ".
    """
    lacking: list[str] = []
    try:
        return Translation(_graph(config, lacking), tuple(lacking))
    except (Unwanted, Malformed):
        raise
    except MALFORMED as error:
        raise ValueError(
            f"holds a configuration that is not one of Keras 3 ({type(error).__name__})"
        ) from error


def ends_of(config: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Name the layers that a model's inputs and outputs come from, in their order in the translation."""
    given, outputs = _ends_of(config)
    return [tensor.layer for tensor in given], [tensor.layer for tensor in outputs]


def _graph(entry: Mapping[str, Any], lacking: list[str]) -> dict[str, Any]:
    inner = entry["config"]
    entries = list(inner["layers"])
    in_a_row = entry["class_name"] == "Sequential"
    calls = _in_a_row(entries) if in_a_row else {name_of(one): calls_of(one) for one in entries}
    given, outputs = _ends_of(entry)
    taken = set(calls)
    made = {name_of(one): _layer(one, calls[name_of(one)], taken, lacking) for one in entries}
    for name, layer in made.items():
        _write_calls(layer, calls[name], made)
    _tell_shapes(made, [call for found in calls.values() for call in found])
    found = [one for layer in made.values() for one in layer.entries]
    found.sort(key=lambda one: one["class_name"] != "InputLayer")
    config = {
        "name": inner["name"],
        "trainable": inner.get("trainable", True) is not False,
        "layers": found,
        "input_layers": [_reference(tensor, made) for tensor in given],
        "output_layers": [_reference(tensor, made) for tensor in outputs],
    }
    return {"class_name": "Functional", "name": inner["name"], "config": config, "inbound_nodes": []}


def _in_a_row(entries: list[Mapping[str, Any]]) -> dict[str, list[Call]]:
    """Give the calls of a sequential model's layers."""
    names = [name_of(one) for one in entries]
    if not entries or entries[0]["class_name"] != "InputLayer":
        raise Unwanted("the sequential model does not say its input shape; start it with keras.Input.")
    tensors = [Tensor(name, 0, 0) for name in names]
    calls = {name: [Call((tensor,), {})] for name, tensor in zip(names[1:], tensors, strict=False)}
    return {names[0]: [], **calls}


def _ends_of(entry: Mapping[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
    """Give the inputs and outputs of a model."""
    inner = entry["config"]
    if entry["class_name"] != "Sequential":
        return _ends(inner["input_layers"]), _ends(inner["output_layers"])
    return [Tensor(name_of(inner["layers"][0]), 0, 0)], [Tensor(name_of(inner["layers"][-1]), 0, 0)]


def _ends(value: Any) -> list[Tensor]:
    """Read the ends of a functional model: one `[name, call, output]`, a list of them, or a mapping."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        return [Tensor(*value)]
    parts: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
    return [tensor for part in parts for tensor in _ends(part)]


def _layer(entry: Mapping[str, Any], calls: list[Call], taken: set[str], lacking: list[str]) -> _Layer:
    nested = entry["class_name"] in GRAPHS
    try:
        for call in calls:
            call.check_plain(name_of(entry))
        made = None if nested else _translated(entry, calls, taken)
    except NoEqual as error:
        lacking.append(str(error))
        made = None if nested else _Layer([_as_it_is(entry)], (), own=True, first_call=0)
    return made or _Layer([_graph(entry, lacking)], (), own=True, first_call=FIRST_CALL)


def _as_it_is(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give the entry of a layer without an equal; an operation is one of `keras.ops`, like no other's name."""
    name, kind, config = name_of(entry), entry["class_name"], entry["config"]
    if is_operation(entry):
        kind, config = "TFOpLambda", {"function": f"keras.ops.{kind}"}
    made = {**config, "name": name, TOLD: None}
    return {"class_name": kind, "name": name, "config": made, "inbound_nodes": []}


def _tell_shapes(made: Mapping[str, _Layer], calls: Iterable[Call]) -> None:
    """Write what layers without an equal give, as those that read it say."""
    for tensor in (one for call in calls for one in call.tensors() if one.layer in made):
        entry = made[tensor.layer].entries[-1]
        if TOLD in entry["config"] and tensor.output == 0 and tensor.shape:
            entry["config"][TOLD] = list(tensor.shape)


def _translated(entry: Mapping[str, Any], calls: list[Call], taken: set[str]) -> _Layer:
    name = name_of(entry)
    if is_operation(entry):
        if len(calls) != 1:
            raise Malformed(f"holds the operation '{plain(name, 80)}' that is called {len(calls)} times")
        steps = operated(name, entry["class_name"], entry["config"], calls[0]).steps
        return _Layer(_of_steps(name, steps, taken, own=False), steps, own=False, first_call=0)
    made, steps = entry_of(entry)
    if made is None:
        return _Layer(_of_steps(name, steps, taken, own=False), steps, own=False, first_call=0)
    return _Layer([made, *_of_steps(name, steps, taken, own=True)], steps, own=True, first_call=0)


def _of_steps(name: str, steps: tuple[Step, ...], taken: set[str], *, own: bool) -> list[dict[str, Any]]:
    """Give the entries of steps; the last has the layer's name where the layer has no entry of its own."""
    found = []
    for number, step in enumerate(steps):
        last = number == len(steps) - 1 and not own
        named = name if last else _free(f"{name}_{step.kind.lower()}_{number}", taken)
        taken.add(named)
        config = {"name": named, "trainable": True, "dtype": "float32", **step.options}
        found.append({"class_name": step.kind, "name": named, "config": config, "inbound_nodes": []})
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _write_calls(layer: _Layer, calls: list[Call], made: Mapping[str, _Layer]) -> None:
    """Write the calls of all entries of a layer: the first reads what the layer reads, each other the one before."""
    for number, call in enumerate(calls):
        tensors = call.tensors()
        before = [_reference(tensor, made) for tensor in tensors]
        entries, base = layer.entries, before
        if layer.own:
            entries[0]["inbound_nodes"].append([[*one, {}] for one in before])
            base = before = [[entries[0]["name"], number, 0]]
            entries = entries[1:]
        for entry, step in zip(entries, layer.steps, strict=True):
            entry["inbound_nodes"].append(_node(before, step, base, made))
            before = [[entry["name"], number, 0]]


def _node(before: list[Any], step: Step, base: list[Any], made: Mapping[str, _Layer]) -> list[Any]:
    if not step.arguments:
        return [[*one, {}] for one in (*before, *(base if step.beside else ()))]
    arguments = {
        key: _reference(value, made) if isinstance(value, Tensor) else value
        for key, value in step.arguments.items()
    }
    if "constant" in arguments:
        return ["_CONSTANT_VALUE", -1, arguments.pop("constant"), arguments]
    return [*before[0], arguments]


def _reference(tensor: Tensor, made: Mapping[str, _Layer]) -> list[Any]:
    if tensor.layer not in made:
        raise Malformed(f"holds a layer that reads '{plain(tensor.layer, 80)}', which is not there")
    layer = made[tensor.layer]
    return [layer.entries[-1]["name"], layer.first_call + tensor.call, tensor.output]
