"""Observe the activations of a float `.tflite` on calibration images: extremes, histograms, channels.

Every activation is made an output of a copy of the model, so that the default kernels can be used: reading them out of
a model that keeps all tensors needs the plain ones, which are an order of magnitude slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tflbuild.core.errors import PassError
from tflbuild.quantization.attempts import executing
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

SampleValues = Mapping[str, npt.NDArray[np.float32]]
"""Model values of one sample by input, in the order of the model's inputs, without a batch axis."""

Progress = Callable[[float, float], None]
Quantization = tuple[float, int]
"""Scale and zero point of a tensor; the scale is 0 where there is none."""

BINS = 4096
"""Bins of a tensor's histogram; a percentile is exact to one part in that many of the tensor's range."""


NARROW, WIDE = 1e-30, 1e30
"""Width of a tensor's range, and size of its values, beyond which float32 cannot count them."""

ROW_VALUES = 1 << 17
"""Values that are kept of logits, in rows."""

COUNTED = 1 << 17
"""Values of a tensor that are counted of one image, in rows from all over it; of extremes each value counts."""


@dataclass
class Activation:
    """One activation over all calibration images.

    Attributes:
        low: smallest value.
        high: largest value.
        counts: (BINS,) float64, values per bin of equal width from low to high; of a large tensor what some rows stand
            for.
        channel_low: (channels,) float64, smallest value of each channel, the last axis.
        channel_high: (channels,) float64, largest.
        channel_power: (channels,) float64, mean square of each channel.
        rows: (rows, channels) float32, some of the values in their places, where a SOFTMAX reads them; else empty.
    """

    low: float = np.inf
    high: float = -np.inf
    counts: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))
    channel_low: Any = None
    channel_high: Any = None
    channel_power: Any = 0.0
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)

    @property
    def channel_size(self) -> npt.NDArray[np.float64]:
        """Give the (channels,) largest absolute values."""
        return np.asarray(np.maximum(np.abs(self.channel_low), np.abs(self.channel_high)))

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """Give the (BINS + 1,) edges of the bins."""
        return np.linspace(self.low, self.high, BINS + 1)


def joined(activations: Sequence[Activation]) -> Activation:
    """Give the histogram of several activations together; channels, which need not be the same, are left out."""
    low, high = min(a.low for a in activations), max(a.high for a in activations)
    made = Activation(low=low, high=high)
    for activation in activations:
        centres = (activation.edges[:-1] + activation.edges[1:]) / 2
        made.counts += _histogram(centres, low, high, activation.counts)
    return made


def without_custom(graph: Graph) -> Graph:
    """Cut a model before the custom operators it ends in, so that its outputs are what they read.

    A detector's boxes and scores can then be compared number by number, before suppression.

    Returns:
        A graph that shares all else with the given one; that one itself where there is nothing to cut.
    """
    custom = [operator for operator in graph.operators if not graph.kind(operator).isupper()]
    if not custom:
        return graph
    read = dict.fromkeys(int(index) for operator in custom for index in operator.inputs)
    return graph.ending_in([index for index in read if graph.maker(index) is not None], without=custom)


def runnable(packed: Packed) -> bytes:
    """Give the file of a model to compare with others: cut before custom operators, see `without_custom`."""
    cut = without_custom(packed.graph)
    return packed.content if cut is packed.graph else cut.packed()


def exposed(graph: Graph, names: Sequence[str]) -> bytes:
    """Give the file of a model whose outputs are tensors by name, in that order; its own are none any more."""
    places = {tensor.name.decode(): index for index, tensor in enumerate(graph.tensors)}
    return graph.ending_in([places[name] for name in names]).packed()


class Executable:
    """A model that is run on one sample at a time.

    Args:
        content: a `.tflite`; a float input takes values as they are, an integer one is quantized by its own scale.
        threads: of the interpreter.

    Raises:
        PassError: LiteRT refuses the model.
    """

    def __init__(self, content: bytes, threads: int = 1) -> None:
        self._content = content
        with executing(content):
            self._loaded = Interpreter(model_content=content, num_threads=threads)
            self._loaded.allocate_tensors()
        self._inputs = self._loaded.get_input_details()
        self._places = {
            int(details["index"]): details["quantization"] for details in self._loaded.get_output_details()
        }
        self._order = [int(details["index"]) for details in self._loaded.get_output_details()]

    @property
    def steps(self) -> list[float]:
        """Give the scale of every output; 0 of one that is not quantized."""
        return [float(self._places[index][0]) for index in self._order]

    def run(self, sample: SampleValues) -> list[npt.NDArray[np.float32]]:
        """Give every output as float32, without the batch axis, from a fresh start; one that has none as it is."""
        self._loaded.reset_all_variables()
        for details, values in zip(self._inputs, sample.values(), strict=True):
            given = as_input(values, details["dtype"], details["quantization"])
            self._loaded.set_tensor(details["index"], given[None])
        with executing(self._content):
            self._loaded.invoke()
        return [
            _without_batch(_dequantized(self._loaded.get_tensor(i), self._places[i])) for i in self._order
        ]


def _without_batch(value: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Take off a first axis of one entry; a single number may have no axis at all."""
    return np.asarray(value[0]) if value.ndim and len(value) == 1 else value


def by_channel(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View a tensor as (rows, channels), its last axis; a number without axes is one channel."""
    return value.reshape(-1, value.shape[-1] if value.ndim else 1)


def as_input(values: npt.NDArray[np.float32], dtype: Any, quantization: Quantization) -> npt.NDArray[Any]:
    """Give the values of an input as a model takes them: as they are, or rounded to integers.

    An integer input without a scale takes whole numbers, such as the places of words in a table.
    """
    scale, zero_point = quantization
    if dtype == np.float32:
        return values
    if not scale:
        return np.rint(values).astype(dtype)
    limits = np.iinfo(dtype)
    levels = np.rint(values / np.float32(scale)) + zero_point
    return np.asarray(levels.clip(limits.min, limits.max).astype(dtype))


def activations(graph: Graph) -> list[str]:
    """Name the input and what built-in operators write in float, in order; outputs of custom ones are left out."""
    indices = [int(index) for index in graph.model.subgraphs[0].inputs]
    for operator in graph.operators:
        if graph.kind(operator).isupper():
            indices += [int(index) for index in operator.outputs]
    float32 = schema.TensorType.FLOAT32
    return [graph.name(index) for index in indices if graph.tensors[index].type == float32]


def observe(
    graph: Graph, images: Sequence[SampleValues], progress: Progress = lambda done, total: None
) -> dict[str, Activation]:
    """Run a float model on calibration images, twice: for the extremes, then for what lies between.

    Args:
        graph: of a float model.
        images: each the model values of every input by name, in the model's order and without a batch axis.
        progress: is told how many of `2 * len(images)` runs are done.

    Raises:
        PassError: a tensor is not finite, so that it has no range; names it.
    """
    names = activations(graph)
    logits = _logits(graph) & set(names)
    running = Executable(exposed(without_custom(graph), names))
    found = {name: Activation() for name in names}
    for done, values in enumerate(_runs(running, images, names), start=1):
        for name, value in values.items():
            _extend(found[name], value, name)
            found[name].channel_power = found[name].channel_power + _power(value) / len(images)
        progress(done, 2 * len(images))
    for done, values in enumerate(_runs(running, images, names), start=1):
        for name, value in values.items():
            _count(found[name], value)
        for name in logits:
            found[name].rows += list(some_rows(values[name], ROW_VALUES // len(images)))
        progress(len(images) + done, 2 * len(images))
    return found


def _logits(graph: Graph) -> set[str]:
    """Name the tensors that a SOFTMAX reads."""
    return {graph.name(int(o.inputs[0])) for o in graph.operators if graph.kind(o) == "SOFTMAX"}


def some_rows(value: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """Give (rows, channels) from all over a tensor, of at most so many values; one row at least."""
    rows = by_channel(value)
    count = min(len(rows), max(1, most // rows.shape[-1]))
    return rows if count == len(rows) else rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def _runs(running: Executable, images: Sequence[SampleValues], names: list[str]) -> Iterator[dict[str, Any]]:
    for image in images:
        yield dict(zip(names, running.run(image), strict=True))


def _extend(found: Activation, value: Any, name: str) -> None:
    rows = by_channel(value)
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    if not (np.all(np.isfinite(low)) and np.all(np.isfinite(high))):
        raise PassError(f"tensor '{name}' is not finite on a calibration image, so it has no range.")
    found.low, found.high = min(found.low, float(low.min())), max(found.high, float(high.max()))
    first = found.channel_low is None
    found.channel_low = low if first else np.minimum(found.channel_low, low)
    found.channel_high = high if first else np.maximum(found.channel_high, high)


def _power(value: Any) -> npt.NDArray[np.float64]:
    """Give the (channels,) mean squares of a tensor."""
    rows = by_channel(value)
    return np.asarray(np.einsum("rc,rc->c", rows, rows) / len(rows), np.float64)


def _count(found: Activation, value: Any) -> None:
    rows = some_rows(value, COUNTED)
    found.counts += _histogram(rows.ravel(), found.low, found.high) * (value.size / rows.size)


def _histogram(values: Any, low: float, high: float, weights: Any = None) -> npt.NDArray[Any]:
    """Count values in BINS bins from low to high."""
    if high - low < NARROW or max(-low, high) > WIDE:  # float32 would divide by zero, or overflow
        values = values.astype(np.float64)
    to_bins = values.dtype.type(BINS / (high - low) if high > low else 0.0)
    bins = ((values - values.dtype.type(low)) * to_bins).astype(np.int32)
    return np.bincount(bins.clip(0, BINS - 1), weights=weights, minlength=BINS)


def _dequantized(value: npt.NDArray[Any], quantization: Quantization) -> npt.NDArray[np.float32]:
    scale, zero_point = quantization
    if not scale:
        return value.astype(np.float32, copy=False)
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
