"""Run every operator of a file alone, by its reference kernel and by this machine's, on the same inputs.

What an operator reads is what the reference kernels gave before it, so that its difference is its own (*reset*). How
far the two runs of the whole file are apart there is the difference *carried on*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflbuild.quantization.attempts import executing
from tflbuild.quantization.kernel_bounds import STEPS, float_bound
from tflbuild.quantization.observation import SampleValues, as_input
from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.cutting import activations_of, cut_out, separable, side_by_side
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of

REFERENCE, DEFAULT, BUILTIN = "reference", "default", "builtin"

RESOLVERS = {
    REFERENCE: OpResolverType.BUILTIN_REF,
    DEFAULT: OpResolverType.AUTO,
    BUILTIN: OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}
"""Kernels that may execute a file, as the runtime `litert` names them."""

Values = npt.NDArray[Any]


class Run:
    """A model that takes and gives tensors as they are stored.

    Args:
        content: a `.tflite`.
        kernels: one of `RESOLVERS`.

    Raises:
        PassError: LiteRT refuses the model.
    """

    def __init__(self, content: bytes, kernels: str) -> None:
        self._content = content
        with executing(content):
            self._loaded = Interpreter(
                model_content=content, experimental_op_resolver_type=RESOLVERS[kernels]
            )
            self._loaded.allocate_tensors()
        self.inputs = self._loaded.get_input_details()
        self._outputs = [int(details["index"]) for details in self._loaded.get_output_details()]

    def __call__(self, given: Sequence[Values]) -> list[Values]:
        """Give every output of one run, from the state that the model begins with; inputs have their batch axes."""
        self._loaded.reset_all_variables()
        for details, values in zip(self.inputs, given, strict=True):
            self._loaded.set_tensor(details["index"], values)
        with executing(self._content):
            self._loaded.invoke()
        return [self._loaded.get_tensor(index).copy() for index in self._outputs]

    def entries(self, sample: SampleValues) -> list[Values]:
        """Give what the inputs take for the model values of a sample."""
        return [
            as_input(values, details["dtype"], details["quantization"])[None]
            for details, values in zip(self.inputs, sample.values(), strict=True)
        ]

    def of_sample(self, sample: SampleValues) -> list[Values]:
        """Give every output for the model values of a sample, by input."""
        return self(self.entries(sample))


@dataclass(kw_only=True)
class Compared:
    """One output of an operator, as the two kernels give it.

    Attributes:
        operator: of the graph.
        index: place of the tensor.
        kind: e.g. "CONV_2D".
        layer: as the user knows it.
        tensor: its name.
        scale: of its grid; 0 for one that has none.
        reset: the largest difference on the same inputs: in steps of the grid, or as it is.
        carried: the largest difference of the two runs of the whole file there, likewise.
        bound: the largest that two right kernels may have.
        beyond: share of values that differ by more, on the same inputs.
        sample: place of the sample with the largest difference on the same inputs.
    """

    operator: Any
    index: int
    kind: str
    layer: str
    tensor: str
    scale: float
    reset: float = 0.0
    carried: float = 0.0
    bound: float = 0.0
    beyond: float = 0.0
    sample: int = 0

    @property
    def guilty(self) -> bool:
        """Say whether its kernels compute otherwise."""
        return self.beyond > 0


def compared(
    graph: Graph, samples: Sequence[SampleValues], progress: Callable[[float, float], None]
) -> list[Compared]:
    """Compare every operator that can be run alone, in order of execution.

    Args:
        graph: of the file.
        samples: each the model values of every input by name, in the model's order and without a batch axis.
        progress: is told how many samples are done.

    Raises:
        PassError: LiteRT cannot execute the file by one of the kernels.
    """
    alone = _before_custom(graph, separable(graph))
    inputs = [int(index) for index in graph.model.subgraphs[0].inputs]
    ends = [(activations_of(graph, one), [int(i) for i in one.outputs if i >= 0]) for one in alone]
    shown = [i for i in dict.fromkeys(i for pair in ends for part in pair for i in part) if i not in inputs]
    content = _ending_in(graph, shown)
    reference, default = Run(content, REFERENCE), Run(content, DEFAULT)
    alone = _of_one_shape(graph, alone, dict(zip(shown, reference.of_sample(samples[0]), strict=True)))
    apart, given, made = side_by_side(graph, alone)
    single = Run(apart.packed(), DEFAULT)
    rows = list(_rows(graph, alone))
    for place, sample in enumerate(samples):
        entries = reference.entries(sample)
        wanted = dict(zip([*inputs, *shown], [*entries, *reference(entries)], strict=True))
        carried = dict(zip(shown, default(entries), strict=True))
        found = dict(zip(made, single([wanted[index] for index in given]), strict=True))
        for row in rows:
            _add(row, graph, wanted, found[row.index], carried[row.index], place)
        progress(place + 1, len(samples))
    return rows


def _before_custom(graph: Graph, operators: Sequence[Any]) -> list[Any]:
    """Leave out operators that read what a custom operator gave, before which the file is cut to run it."""
    lost: set[int] = set()
    for operator in graph.operators:
        if not graph.kind(operator).isupper() or lost & set(map(int, operator.inputs)):
            lost |= set(map(int, operator.outputs))
    return [one for one in operators if not lost & set(map(int, one.outputs))]


def _ending_in(graph: Graph, outputs: Sequence[int]) -> bytes:
    """Give a file with these outputs, and without custom operators."""
    custom = [one for one in graph.operators if not graph.kind(one).isupper()]
    return graph.ending_in(outputs, without=custom).packed()


def _of_one_shape(graph: Graph, operators: Sequence[Any], found: Mapping[int, Values]) -> list[Any]:
    """Leave out operators whose tensors have another shape than the file says, since a run decides it."""
    moving = {i for i, value in found.items() if value.shape != tuple(map(int, graph.tensors[i].shape))}
    return [one for one in operators if not moving & set(map(int, (*one.inputs, *one.outputs)))]


def _rows(graph: Graph, operators: Sequence[Any]) -> Iterator[Compared]:
    for operator in operators:
        for index in (int(one) for one in operator.outputs if one >= 0):
            kind, tensor, scales = graph.kind(operator), graph.name(index), scales_of(graph.tensors[index])
            yield Compared(
                operator=operator,
                index=index,
                kind=kind,
                layer=layer_name(tensor, kind),
                tensor=tensor,
                scale=float(scales[0]) if len(scales) == 1 else 0.0,
            )


def _add(
    row: Compared, graph: Graph, wanted: Mapping[int, Values], found: Values, carried: Values, place: int
) -> None:
    """Look at one sample."""
    exact = wanted[row.index]
    difference = apart_by(exact, found)
    bound = _bound(row, graph, wanted, exact)
    row.bound = max(row.bound, bound)
    row.beyond = max(row.beyond, float(np.mean(difference > bound)) if difference.size else 0.0)
    row.carried = max(row.carried, _largest(apart_by(exact, carried)))
    if _largest(difference) > row.reset:
        row.reset, row.sample = _largest(difference), place


def _bound(row: Compared, graph: Graph, wanted: Mapping[int, Values], exact: Values) -> float:
    if exact.dtype.kind != "f":
        return float(STEPS) if row.scale else 0.0
    given = [
        wanted[int(index)] if int(index) in wanted else graph.constant(int(index))
        for index in row.operator.inputs
        if index >= 0
    ]
    return float_bound(graph, row.operator, [one for one in given if one is not None], exact)


def _largest(difference: Values) -> float:
    return float(difference.max()) if difference.size else 0.0


def apart_by(one: Values, other: Values) -> npt.NDArray[np.float64]:
    """Give how far two tensors are apart, value by value; infinitely where one alone is no number, or shapes differ.

    >>> apart_by(np.array([1, 5, 7], np.int8), np.array([1, 3, 9], np.int8))
    array([0., 2., 2.])
    """
    if one.shape != other.shape:
        return np.full(1, np.inf)
    left, right = one.astype(np.float64), other.astype(np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        difference = np.abs(left - right)
    return np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))


@dataclass(frozen=True, kw_only=True)
class CutOut:
    """An operator as a file of its own, with one sample on which its kernels differ.

    Attributes:
        content: of the `.tflite`.
        inputs: by name.
        outputs: by kernels and name.
        kernels: those that differ from the reference in the cut file beyond the bound; () where none does.
    """

    content: bytes
    inputs: Mapping[str, Values]
    outputs: Mapping[str, Mapping[str, Values]]
    kernels: tuple[str, ...]


def cut(graph: Graph, row: Compared, samples: Sequence[SampleValues]) -> CutOut:
    """Cut an operator out, and run it by every kind of kernels on the sample where they differ most.

    Args:
        graph: of the file.
        row: of `compared`.
        samples: as `compared` was given them.
    """
    places = activations_of(graph, row.operator)
    entries = {int(index) for index in graph.model.subgraphs[0].inputs}
    before = [index for index in places if index not in entries]
    sample = samples[row.sample]
    known: dict[int, Values] = {}
    if before:
        known = dict(zip(before, Run(_ending_in(graph, before), REFERENCE).of_sample(sample), strict=True))
    content = cut_out(graph, row.operator).packed()
    runs = {kernels: Run(content, kernels) for kernels in RESOLVERS}
    details = {
        int(index): values
        for index, values in zip(graph.model.subgraphs[0].inputs, sample.values(), strict=True)
    }
    given = [
        known[index] if index in known else as_input(details[index], one["dtype"], one["quantization"])[None]
        for index, one in zip(places, runs[REFERENCE].inputs, strict=True)
    ]
    names = [graph.name(int(index)) for index in row.operator.outputs if index >= 0]
    outputs = {kernels: dict(zip(names, run(given), strict=True)) for kernels, run in runs.items()}
    exact = outputs[REFERENCE][row.tensor]
    differing = tuple(
        kernels
        for kernels in (DEFAULT, BUILTIN)
        if np.any(apart_by(exact, outputs[kernels][row.tensor]) > row.bound)
    )
    return CutOut(
        content=content,
        inputs={graph.name(index): value for index, value in zip(places, given, strict=True)},
        outputs=outputs,
        kernels=differing,
    )
