"""Where the first number of a model that is none comes from: the operator that makes it, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import Executable, SampleValues, exposed, without_custom
from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.graph import Graph

PASSING = ("QUANTIZE", "DEQUANTIZE")
"""Operators whose floats are finite where their scales are."""

HUGE = 1e18
"""Size of a number from which products of two are beyond float32."""

Values = Mapping[str, npt.NDArray[Any]]


@dataclass(kw_only=True)
class Origin:
    """An operator whose inputs are numbers on some samples, and whose output is none there.

    Attributes:
        operator: its kind, e.g. "DIV".
        layer: as the user knows it.
        tensor: that it writes.
        weight: name of a constant of it that holds no numbers; "" for none.
        reason: why its arithmetic makes none, e.g. "division by zero"; "" where nobody knows.
        nan: whether one of them is no number at all, and not only infinite.
        samples: how many it was seen on.
        first: place of the first of them.
    """

    operator: str
    layer: str
    tensor: str
    weight: str
    reason: str
    nan: bool
    samples: int
    first: int


@dataclass(frozen=True, kw_only=True)
class Traced:
    """Operators of a model that make what is no number.

    Attributes:
        origins: in order of execution.
        samples: that it was run on.
        spoiled: of them, those whose outputs are not finite.
    """

    origins: tuple[Origin, ...]
    samples: int
    spoiled: int


def computes_in_floats(graph: Graph) -> bool:
    """Say whether an operator of a model could give what is no number."""
    return any(
        graph.kind(operator) not in PASSING
        and any(_is_float(graph, int(index)) for index in operator.outputs if index >= 0)
        for operator in graph.operators
    )


def traced(graph: Graph, samples: Sequence[SampleValues]) -> Traced:
    """Run a model, and find the operators that first make what is no number.

    Args:
        graph: of a `.tflite`.
        samples: each the model values of every input by name, in the model's order and without a batch axis.

    Raises:
        PassError: LiteRT cannot execute it.
    """
    cut = without_custom(graph)
    shown = _shown(cut)
    running = Executable(exposed(cut, shown)) if shown else None
    ends = {cut.name(int(index)) for index in cut.model.subgraphs[0].outputs}
    found: dict[str, Origin] = {}
    spoiled = 0
    for place, sample in enumerate(samples):
        values = dict(zip(shown, running.run(sample), strict=True)) if running else {}
        broken = {name for name, value in values.items() if not np.all(np.isfinite(value))}
        spoiled += bool(broken & ends)
        for operator in _makers(cut, broken):
            name = cut.name(int(operator.outputs[0]))
            if name not in found:
                found[name] = _origin(cut, operator, values, place)
            found[name].samples += 1
            found[name].nan |= bool(np.any(np.isnan(values[name])))
    order = {name: place for place, name in enumerate(shown)}
    origins = sorted(found.values(), key=lambda one: order[one.tensor])
    return Traced(origins=tuple(origins), samples=len(samples), spoiled=spoiled)


def _shown(graph: Graph) -> list[str]:
    """Name the floats that a model computes, in order of execution; names that are not alone are left out."""
    names = [graph.name(index) for index in range(len(graph.tensors))]
    return [
        graph.name(int(index))
        for operator in graph.operators
        for index in operator.outputs
        if index >= 0 and _is_float(graph, int(index)) and names.count(graph.name(int(index))) == 1
    ]


def _is_float(graph: Graph, index: int) -> bool:
    return bool(DTYPES[graph.tensors[index].type] == "float32")


def _makers(graph: Graph, broken: set[str]) -> Iterator[Any]:
    """Give the operators that make what is no number of what are numbers."""
    for operator in graph.operators:
        made = {graph.name(int(index)) for index in operator.outputs if index >= 0}
        read = {graph.name(int(index)) for index in operator.inputs if index >= 0}
        if made & broken and not read & broken:
            yield operator


def _origin(graph: Graph, operator: Any, values: Values, place: int) -> Origin:
    kind, name = graph.kind(operator), graph.name(int(operator.outputs[0]))
    constants = {
        graph.name(int(index)): graph.constant(int(index)) for index in operator.inputs if int(index) >= 0
    }
    weight = next(
        (
            one
            for one, value in constants.items()
            if value is not None and value.dtype.kind == "f" and not np.all(np.isfinite(value))
        ),
        "",
    )
    return Origin(
        operator=kind,
        layer=layer_name(name, kind),
        tensor=name,
        weight=weight,
        reason="" if weight else _reason(kind, _read(graph, operator, values)),
        nan=False,
        samples=0,
        first=place,
    )


def _read(graph: Graph, operator: Any, values: Values) -> list[npt.NDArray[Any]]:
    """Give what an operator reads, as far as it is known."""
    found = []
    for index in (int(one) for one in operator.inputs if one >= 0):
        constant = graph.constant(index)
        value = values.get(graph.name(index)) if constant is None else constant
        if value is not None:
            found.append(value)
    return found


def _reason(kind: str, given: Sequence[npt.NDArray[Any]]) -> str:
    """Say why arithmetic gave no number."""
    if not given:
        return ""
    least, most = (float(one) for one in (given[0].min(), np.abs(given[0]).max()))
    if kind in ("DIV", "FLOOR_DIV", "FLOOR_MOD") and len(given) > 1 and np.any(given[1] == 0):
        return "division by zero"
    if kind == "LOG" and least <= 0:
        return "logarithm of zero" if least == 0 else f"logarithm of a negative number, {least:.3g}"
    if kind in ("SQRT", "RSQRT") and least < 0:
        return f"square root of a negative number, {least:.3g}"
    if kind == "RSQRT" and np.any(given[0] == 0):
        return "division by the square root of zero"
    if kind == "EXP" and float(given[0].max()) > np.log(np.finfo(np.float32).max):
        return f"overflow: the exponential of {float(given[0].max()):.3g} is beyond float32"
    if kind == "POW" and least < 0:
        return f"power of a negative number, {least:.3g}"
    largest = max(most, *(float(np.abs(one).max()) for one in given if one.size))
    return f"overflow: it reads numbers up to {largest:.3g}" if largest > HUGE else ""
