"""Calls of layers in a configuration of Keras 3: what each reads, and its other arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.keras3.refusal import Malformed, no_equal

SLICE, ELLIPSIS = "__slice__", "__ellipsis__"

CONSTANTS = ("__tensor__", "__numpy__")

IGNORED = ("training", "mask")
"""Arguments that say what happens in training, or that no layer of the table gives."""


@dataclass(frozen=True)
class Tensor:
    """An output of one call of a layer.

    Attributes:
        layer: the layer's name.
        call: which of its calls.
        output: which of that call's outputs.
        shape: as the file says it, the batch first; None for what it does not say.
    """

    layer: str
    call: int
    output: int
    shape: tuple[int | None, ...] | None = None

    @property
    def rank(self) -> int | None:
        """How many axes it has; None where the file does not say it."""
        return None if self.shape is None else len(self.shape)


@dataclass(frozen=True)
class Strange:
    """An argument that no layer of the table takes.

    Attributes:
        values: what lies in it, likewise read.
    """

    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call of a layer.

    Attributes:
        args: its arguments in their order: `Tensor`s, numbers, texts, lists of them, or `Strange`.
        kwargs: its other arguments by name, without those that change nothing when a model is used.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def tensors(self) -> list[Tensor]:
        """List what it reads."""
        return [one for one in _flat([*self.args, *self.kwargs.values()]) if isinstance(one, Tensor)]

    def check_plain(self, name: str) -> None:
        """Refuse arguments that no layer of the table takes.

        Raises:
            NoEqual: there is one.
        """
        if any(isinstance(one, Strange) for one in _flat([*self.args, *self.kwargs.values()])):
            raise no_equal(name, "is called with an argument that is neither a tensor nor a number")


def calls_of(entry: Mapping[str, Any]) -> list[Call]:
    """Read the calls of a layer.

    Raises:
        Malformed: they are not written as Keras 3 writes them.
    """
    name, nodes = entry["config"]["name"], entry.get("inbound_nodes") or []
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
        raise Malformed(f"holds the layer '{plain(name, 80)}' whose calls are not those of Keras 3")
    return [
        Call(
            tuple(_value(one) for one in node["args"]),
            {
                key: _value(one)
                for key, one in node["kwargs"].items()
                if key not in IGNORED and one is not None
            },
        )
        for node in nodes
    ]


def _value(given: Any) -> Any:
    if isinstance(given, list):
        return [_value(one) for one in given]
    if not isinstance(given, Mapping):
        return given
    kind, inner = given.get("class_name"), given.get("config")
    if kind == "__keras_tensor__" and isinstance(inner, Mapping):
        return _tensor(inner)
    if kind in CONSTANTS and isinstance(inner, Mapping):
        return inner["value"]
    if kind in (SLICE, ELLIPSIS):
        return given
    return Strange(tuple(_value(one) for one in given.values()))


def _tensor(inner: Mapping[str, Any]) -> Tensor:
    layer, call, output = inner["keras_history"]
    if not isinstance(layer, str) or type(call) is not int or type(output) is not int:
        raise Malformed("holds a tensor that comes from nowhere")
    shape = inner.get("shape")
    sides = isinstance(shape, list) and all(side is None or type(side) is int for side in shape)
    return Tensor(layer, call, output, tuple(shape) if isinstance(shape, list) and sides else None)


def _flat(values: Any) -> Iterator[Any]:
    """Give the arguments at any depth, outer ones first."""
    for one in values:
        yield one
        if isinstance(one, list):
            yield from _flat(one)
        elif isinstance(one, Strange):
            yield from _flat(one.values)
