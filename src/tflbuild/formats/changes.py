"""The changes that a pass made to a graph: operators, dtypes, shapes, grids and values, read off the two files.

Nothing is unpacked and no framework is imported: it takes some 10 ms of a file with 100 operators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.errors import RecipeError
from tflbuild.formats.keras import header as keras
from tflbuild.formats.tflite.graph import Graph
from tflbuild.tflite.model import Model
from tflbuild.tflite.tables import Malformed

NAMED = 3
"""Tensors of a group that are named; how many there are is counted."""


INPUT, CONSTANT = "INPUT", "constant"


class Seen(NamedTuple):
    """One tensor of a graph.

    Attributes:
        operator: kind of the operator that makes it; `INPUT` of an input, `CONSTANT` of a constant.
        dtype: e.g. "float32".
        shape: its sides.
        grid: scales and zero points.
        values: of a constant, as they are stored; None of what is computed.
    """

    operator: str
    dtype: str
    shape: tuple[int, ...]
    grid: tuple[tuple[Any, ...], tuple[Any, ...]]
    values: memoryview | None


def changes(before: Artifact, after: Artifact) -> dict[str, Any]:
    """Compare the models of two consecutive steps.

    Args:
        before: the pass's input.
        after: its result.

    Returns:
        Of two `.tflite`: `operators` by kind with their numbers before and after; `tensors`, how many there were and
        are; groups of those `changed` in dtype or shape, `added` and `removed`; `regridded` and `revalued`, how many
        kept dtype and shape and have another scale or zero point, or are constants with other values. A tensor is one
        of the same name. Of a Keras model and a `.tflite`: `layers` and `operators`, likewise. Of two Keras models:
        `layers`, where they differ. Of a file that cannot be read so: the reason, `unread`. {} where nothing is said.
    """
    try:
        return _changes(before, after)
    except RecipeError as error:
        return {"unread": str(error)}
    except Malformed as error:  # e.g. an operator that is newer than we are
        return {"unread": f"one of the files {error}."}


def _changes(before: Artifact, after: Artifact) -> dict[str, Any]:
    if isinstance(before, TFLiteModel) and isinstance(after, TFLiteModel):
        return of_graphs(_graph(before), _graph(after))
    if isinstance(before, KerasModel) and isinstance(after, KerasModel):
        layers, others = _layers(before), _layers(after)
        return {"layers": _both(layers, others)} if layers != others else {}
    if isinstance(before, KerasModel) and isinstance(after, TFLiteModel):
        return {"layers": _both(_layers(before), {}), "operators": _both({}, _operators(_graph(after)))}
    return {}


def of_graphs(before: Graph, after: Graph) -> dict[str, Any]:
    """Compare the first graphs of two files; see `changes`."""
    one, other = _tensors(before), _tensors(after)
    kept = [name for name in other if name in one]
    changed = [name for name in kept if one[name][1:3] != other[name][1:3]]
    alike = [name for name in kept if one[name][1:3] == other[name][1:3]]
    added, removed = ([name for name in new if name not in old] for new, old in ((other, one), (one, other)))
    return {
        "operators": _both(_operators(before), _operators(after)),
        "tensors": [len(one), len(other)],
        "changed": _grouped((name, _moved(one[name], other[name])) for name in changed),
        "added": _grouped((name, _held(other[name])) for name in added),
        "removed": _grouped((name, _held(one[name])) for name in removed),
        "regridded": sum(one[name].grid != other[name].grid for name in alike),
        "revalued": sum(one[name].values != other[name].values for name in alike),
    }


def _graph(model: TFLiteModel) -> Graph:
    return Graph(Model(model.path.read_bytes()))


def _layers(model: KerasModel) -> Counter[str]:
    return Counter(str(layer["class_name"]) for layer in keras.read(model.path).every_layer())


def _operators(graph: Graph) -> Counter[str]:
    return Counter(operator.kind for operator in graph.operators)


def _both(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, list[int]]:
    return {kind: [one.get(kind, 0), other.get(kind, 0)] for kind in sorted({*one, *other})}


def _tensors(graph: Graph) -> dict[str, Seen]:
    """Give the tensors that something makes or reads by name; a second one of a name has its number behind it."""
    used = {index for one in graph.operators for index in (*one.inputs, *one.outputs) if index >= 0}
    found: dict[str, Seen] = {}
    times: Counter[str] = Counter()
    for index in sorted(used | {*graph.inputs, *graph.outputs}):
        tensor, maker = graph.tensors[index], graph.maker(index)
        times[tensor.name] += 1
        name = tensor.name if times[tensor.name] == 1 else f"{tensor.name}#{times[tensor.name]}"
        held = tensor.quantization
        found[name] = Seen(
            maker.kind if maker else CONSTANT if tensor.constant else INPUT,
            graph.dtype(index),
            tensor.shape,
            (held.numbers("scale"), held.numbers("zero_point")) if held else ((), ()),
            graph.model.stored_bytes(tensor.buffer) if tensor.constant else None,
        )
    return found


def _moved(one: Seen, other: Seen) -> dict[str, Any]:
    """Say what changed of a tensor; its shape where that did."""
    shapes = [list(one.shape), list(other.shape)] if one.shape != other.shape else None
    return {"operator": other.operator, "dtype": [one.dtype, other.dtype], "shape": shapes}


def _held(seen: Seen) -> dict[str, Any]:
    return {"operator": seen.operator, "dtype": seen.dtype}


def _grouped(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Count tensors of which the same is to be said, the most first, and name some of each group."""
    groups: dict[str, dict[str, Any]] = {}
    for name, told in rows:
        group = groups.setdefault(str(told), {**told, "count": 0, "tensors": []})
        group["count"] += 1
        if len(group["tensors"]) < NAMED:
            group["tensors"].append(name)
    return sorted(groups.values(), key=lambda group: -group["count"])
