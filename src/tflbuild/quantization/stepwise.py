"""Run a model operator by operator on many images, so that one can be changed before those behind it have run."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflbuild.quantization.attempts import executing
from tflbuild.quantization.observation import Quantization, SampleValues, as_input
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of, zero_points_of

Value = npt.NDArray[Any]


class Stepwise:
    """Interpreter state between operators: values that were computed and are still to be read.

    Args:
        graph: of a model; what it holds of an operator counts when that is run.
        samples: each the model values of every input by name, in the model's order and without a batch axis.
    """

    def __init__(self, graph: Graph, samples: Sequence[SampleValues]) -> None:
        self._graph = graph
        self._values: dict[int, list[Value]] = {}
        for place, entry in enumerate(int(index) for index in graph.model.subgraphs[0].inputs):
            tensor = graph.tensors[entry]
            dtype = np.dtype(flatbuffer.DTYPES[tensor.type])
            quantization = _quantization(tensor)
            given = (list(sample.values())[place] for sample in samples)
            self._values[entry] = [as_input(values, dtype, quantization)[None] for values in given]
        self._unread = {index: len(graph.readers(index)) for index in range(len(graph.tensors))}

    def run(self, operator: Any) -> None:
        """Run an operator, all inputs of which are there; running it again replaces what it gave.

        Raises:
            PassError: LiteRT cannot, with none of its kernels.
        """
        read = [index for index in dict.fromkeys(int(i) for i in operator.inputs) if index in self._values]
        written = [int(index) for index in operator.outputs]
        content = alone(self._graph, operator, read)
        loaded = _loaded(content)
        entries = [details["index"] for details in loaded.get_input_details()]
        exits = [details["index"] for details in loaded.get_output_details()]
        for index in written:
            self._values[index] = []
        for values in zip(*(self._values[index] for index in read), strict=True):
            loaded.reset_all_variables()
            for entry, value in zip(entries, values, strict=True):
                loaded.set_tensor(entry, value)
            with executing(content):
                loaded.invoke()
            for index, exit_ in zip(written, exits, strict=True):
                self._values[index].append(loaded.get_tensor(exit_))

    def leave(self, operator: Any) -> None:
        """Forget what nothing but this operator was still going to read."""
        for index in (int(i) for i in operator.inputs):  # one that is read twice counts twice
            if index in self._values:
                self._unread[index] -= 1
                if not self._unread[index]:
                    del self._values[index]

    def values(self, index: int) -> list[Value]:
        """Give a tensor as it is for each image, with the batch axis."""
        return self._values[index]

    def mean(self, index: int) -> npt.NDArray[np.float64]:
        """Give the (channels,) mean of a tensor over all images."""
        means = [
            value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64) for value in self._values[index]
        ]
        scale, zero_point = _quantization(self._graph.tensors[index])
        average = np.mean(means, axis=0)
        return np.asarray((average - zero_point) * scale if scale else average, np.float64)


def _loaded(content: bytes) -> Interpreter:
    """Load a model with XNNPACK, or without it where that refuses."""
    try:
        loaded = Interpreter(model_content=content)
        loaded.allocate_tensors()
    except (RuntimeError, ValueError):
        with executing(content):
            loaded = Interpreter(
                model_content=content,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            loaded.allocate_tensors()
    return loaded


def alone(graph: Graph, operator: Any, read: Sequence[int]) -> bytes:
    """Give a model of one operator.

    Args:
        graph: that it is taken from.
        operator: any of it.
        read: tensors that become inputs; the operator's others are constants.
    """
    indices = list(dict.fromkeys(int(i) for i in (*operator.inputs, *operator.outputs) if i >= 0))
    places = {index: place for place, index in enumerate(indices)}
    model, subgraph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes = [graph.model.operatorCodes[operator.opcodeIndex]]
    subgraph.tensors = []
    for index in indices:
        tensor = copy.copy(graph.tensors[index])
        model.buffers.append(graph.model.buffers[tensor.buffer])
        tensor.buffer = len(model.buffers) - 1
        subgraph.tensors.append(tensor)
    only = copy.copy(operator)
    only.opcodeIndex = 0
    only.inputs = np.array([places.get(int(i), -1) for i in operator.inputs], np.int32)
    only.outputs = np.array([places[int(i)] for i in operator.outputs], np.int32)
    subgraph.operators = [only]
    subgraph.inputs = np.array([places[index] for index in read], np.int32)
    subgraph.outputs = only.outputs
    model.subgraphs = [subgraph]
    return flatbuffer.pack(model)


def _quantization(tensor: Any) -> Quantization:
    scales, zero_points = scales_of(tensor), zero_points_of(tensor)
    return (float(scales[0]) if len(scales) else 0.0), int(zero_points[0])
