"""The graph of an unpacked `.tflite`: who makes a tensor, who reads it, and its constants, to look at and to edit.

It is what algorithms take. Bytes are for who executes a file, and for LiteRT Quantizer.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import constants, flatbuffer
from tflbuild.tflite.flatbuffer import WEIGHTED, bias_place, name_of


class Graph:
    """The first subgraph of a model.

    Args:
        model: what `flatbuffer.unpack` gave; edited in place.

    Attributes:
        model: the whole of it.
        tensors: of the subgraph.
        operators: of the subgraph, in order of execution.
        outputs: places of the tensors that the subgraph gives.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.reindex()

    @classmethod
    def unpacked(cls, content: bytes) -> Graph:
        """Unpack a file's bytes."""
        return cls(flatbuffer.unpack(content))

    def packed(self) -> bytes:
        """Pack the model that this is the graph of."""
        return flatbuffer.pack(self.model)

    def copy(self) -> Graph:
        """Give a graph that can be edited without this one seeing it; only arrays, such as constants, are shared."""
        return Graph(_copied(self.model))

    def ending_in(self, outputs: Sequence[int], without: Collection[Any] = ()) -> Graph:
        """Give a model to run that has other outputs and no signature; not to edit, because it shares all else.

        Args:
            outputs: places of its tensors.
            without: operators that it has not.
        """
        dropped = {id(operator) for operator in without}
        model = copy.copy(self.model)
        subgraph = copy.copy(model.subgraphs[0])
        subgraph.outputs = np.array(outputs, np.int32)
        subgraph.operators = [operator for operator in self.operators if id(operator) not in dropped]
        model.subgraphs, model.signatureDefs = [subgraph, *model.subgraphs[1:]], []
        return Graph(model)

    def reindex(self) -> None:
        """See again who makes and who reads each tensor, after operators, tensors or ends have changed."""
        model = self.model
        self.tensors: list[Any] = model.subgraphs[0].tensors
        self.operators: list[Any] = model.subgraphs[0].operators
        self.outputs = {int(index) for index in model.subgraphs[0].outputs}
        self._readers: dict[int, list[Any]] = {}
        self._makers: dict[int, Any] = {}
        for operator in self.operators:
            for index in operator.inputs:
                self._readers.setdefault(int(index), []).append(operator)
            for index in operator.outputs:
                self._makers[int(index)] = operator

    def kind(self, operator: Any) -> str:
        """Name an operator, e.g. "CONV_2D"."""
        return name_of(self.model.operatorCodes[operator.opcodeIndex])

    def name(self, index: int) -> str:
        """Name a tensor."""
        return str(self.tensors[index].name.decode())

    def readers(self, index: int) -> list[Any]:
        """Give the operators that read a tensor."""
        return self._readers.get(int(index), [])

    def maker(self, index: int) -> Any | None:
        """Give the operator that writes a tensor, None for inputs and constants."""
        return self._makers.get(int(index))

    def only_reader(self, index: int) -> Any | None:
        """Give the one operator that reads a tensor; None where there are more, or where it leaves the model."""
        readers = self.readers(index)
        return readers[0] if len(readers) == 1 and int(index) not in self.outputs else None

    def weighted(self) -> Iterator[Any]:
        """Give the operators that have constant weights, in order of execution."""
        for operator in self.operators:
            if self.kind(operator) in WEIGHTED and self.constant(operator.inputs[1]) is not None:
                yield operator

    def constant(self, index: int) -> npt.NDArray[Any] | None:
        """Give a tensor's constant values, a copy; None where it is computed."""
        return None if int(index) < 0 else constants.values_of(self.model, self.tensors[index])

    def bias(self, operator: Any) -> int:
        """Give the place of the tensor that a layer with weights has for its bias; -1 where it has none."""
        place = bias_place(self.kind(operator))
        return int(operator.inputs[place]) if len(operator.inputs) > place else -1

    def set_input(self, operator: Any, position: int, values: npt.NDArray[Any]) -> None:
        """Give one operator a constant of its own in the place of what it reads.

        The converter lets equal constants share a buffer, and operators a tensor, so that nothing is written over.
        """
        index = int(operator.inputs[position])
        tensor = self.tensors[index]
        if len(self.readers(index)) > 1:
            tensor = _copied(tensor)  # with a scale of its own, too
            tensor.name = f"{self.name(index)};{self.name(int(operator.outputs[0]))}".encode()
            self.tensors.append(tensor)
            operator.inputs = np.array(operator.inputs, np.int32)
            operator.inputs[position] = len(self.tensors) - 1
            self._readers[index].remove(operator)
            self._readers[len(self.tensors) - 1] = [operator]
        self._store(tensor, values)

    def set_inputs(self, operators: Sequence[Any], position: int, values: npt.NDArray[Any]) -> Any:
        """Give operators that read the same constant another one, of which they share one copy.

        Args:
            operators: at least one.
            position: of the constant among the inputs of each.
            values: what they are to read; others that read the constant keep it as it is.

        Returns:
            The tensor of the values.
        """
        first, *others = operators
        index = int(first.inputs[position])
        if len(self.readers(index)) == len(operators):
            self._store(self.tensors[index], values)
            return self.tensors[index]
        self.set_input(first, position, values)
        for operator in others:
            operator.inputs = np.array(operator.inputs, np.int32)
            operator.inputs[position] = first.inputs[position]
        self.reindex()
        return self.tensors[int(first.inputs[position])]

    def _store(self, tensor: Any, values: npt.NDArray[Any]) -> None:
        """Write a constant's values, into a buffer of its own."""
        if sum(other.buffer == tensor.buffer for other in self.tensors) > 1:
            self.model.buffers.append(schema.BufferT())
            tensor.buffer = len(self.model.buffers) - 1
        self.model.buffers[tensor.buffer].data = constants.stored(values, tensor)


def _copied(value: Any) -> Any:
    """Copy a table of the schema with all that hangs on it; arrays and strings, which nobody writes into, stay."""
    if isinstance(value, list):
        return [_copied(entry) for entry in value]
    if not hasattr(value, "__dict__"):
        return value
    made = copy.copy(value)
    for name, field in vars(value).items():
        if isinstance(field, list) or hasattr(field, "__dict__"):
            setattr(made, name, _copied(field))
    return made


def by_output_channel(kind: str, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View weights as (output channels, everything else)."""
    last = kind == "DEPTHWISE_CONV_2D"
    return (
        np.moveaxis(weights, -1, 0).reshape(weights.shape[-1], -1)
        if last
        else weights.reshape(len(weights), -1)
    )


def by_input_channel(kind: str, weights: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    """View weights as (input channels, everything else)."""
    if kind == "DEPTHWISE_CONV_2D":  # output channel o reads input channel o // multiplier
        per_output = by_output_channel(kind, weights)
        return np.asarray(per_output.reshape(channels, -1))
    return np.asarray(np.moveaxis(weights, -1, 0).reshape(weights.shape[-1], -1))


def scaled_outputs(kind: str, weights: npt.NDArray[Any], factors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Multiply the weights of each output channel."""
    if kind == "DEPTHWISE_CONV_2D":
        return np.asarray(weights * factors)
    return np.asarray(weights * factors.reshape(-1, *([1] * (weights.ndim - 1))))


def scaled_inputs(kind: str, weights: npt.NDArray[Any], factors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Multiply the weights of each input channel."""
    if kind == "DEPTHWISE_CONV_2D":
        return np.asarray(weights * np.repeat(factors, weights.shape[-1] // len(factors)))
    return np.asarray(weights * factors)
