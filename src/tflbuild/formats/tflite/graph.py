"""The first graph of a checked `.tflite`, walked over its tables: nothing is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from tflbuild.core.signature import TensorSpec
from tflbuild.tflite.flatbuffer import DTYPES, OPERATORS
from tflbuild.tflite.model import CUSTOM, Model, Tensor
from tflbuild.tflite.tables import Table

ACTIVATIONS = ("", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
"""Activations that are fused into an operator, by number."""

FEW = 64
"""Values of a constant that are read."""


class Operator(NamedTuple):
    """One operator.

    Attributes:
        kind: e.g. "CONV_2D", or a custom operator's own name.
        inputs: tensors that it reads; -1 for one that is left out.
        outputs: tensors that it makes.
        activation: fused into it; "" for none.
        custom: whether it is none of the built-in ones.
        table: its own.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    activation: str
    custom: bool
    table: Table


class Graph:
    """The first graph of a file.

    Args:
        model: the file, which `tflbuild.tflite.soundness.check` looked at.
        number: of the graph; a signature may belong to another than the first.
    """

    def __init__(self, model: Model, number: int = 0) -> None:
        self.model = model
        table = self.model.graphs[number]
        self.tensors = [Tensor(self.model, one) for one in self.model.children(table, "tensors")]
        self.operators = [self._operator(one) for one in self.model.children(table, "operators")]
        self.inputs: tuple[int, ...] = table.numbers("inputs")
        self.outputs: tuple[int, ...] = table.numbers("outputs")

    @cached_property
    def _makers(self) -> Mapping[int, Operator]:
        return {index: one for one in self.operators for index in one.outputs}

    @cached_property
    def _readers(self) -> Mapping[int, list[Operator]]:
        found: dict[int, list[Operator]] = {}
        for one in self.operators:
            for index in dict.fromkeys(one.inputs):
                found.setdefault(index, []).append(one)
        return found

    def maker(self, index: int) -> Operator | None:
        """Give the operator that makes a tensor; None for inputs and constants."""
        return self._makers.get(index)

    def readers(self, index: int) -> list[Operator]:
        """Give the operators that read a tensor."""
        return self._readers.get(index, [])

    def dtype(self, index: int) -> str:
        """Name the dtype of a tensor, e.g. "float32"; "" for a tensor that is left out."""
        return DTYPES.get(self.tensors[index].type, "") if index >= 0 else ""

    def spec(self, index: int) -> TensorSpec:
        """Describe a tensor as it is allocated; a side that is open, but for the batch, is -1."""
        tensor = self.tensors[index]
        open_sides = tensor.signature if len(tensor.signature) == len(tensor.shape) else tensor.shape
        shape = tuple(
            -1 if place and said < 0 else side
            for place, (side, said) in enumerate(zip(tensor.shape, open_sides, strict=True))
        )
        scale, zero_point = self.quantization(index)
        return TensorSpec(shape, self.dtype(index), scale, zero_point)

    def quantization(self, index: int) -> tuple[float, int]:
        """Give a tensor's first scale and zero point; 0 and 0 where it is not quantized."""
        found = self.tensors[index].quantization
        scales = found.numbers("scale") if found else ()
        zeros = found.numbers("zero_point") if found else ()
        return (float(scales[0]), int(zeros[0]) if zeros else 0) if scales else (0.0, 0)

    def few_values(self, index: int) -> tuple[float, ...] | None:
        """Give the values of a small float constant; None for anything else."""
        if index < 0 or not self.tensors[index].constant or self.dtype(index) != "float32":
            return None
        stored = self.model.stored_bytes(self.tensors[index].buffer)
        count = len(stored) // 4
        return struct.unpack_from(f"<{count}f", stored) if count <= FEW else None

    def _operator(self, table: Table) -> Operator:
        code = self.model.kind(table)
        named = self.model.codes[table.number("opcode_index")].text("custom_code") or ""
        options = self.model.child(table, "builtin_options")
        fused = "fused_activation_function"
        number = options.number(fused) if options is not None and fused in options.schema else 0
        return Operator(
            kind=named if code == CUSTOM else OPERATORS.get(code, str(code)),
            inputs=table.numbers("inputs"),
            outputs=table.numbers("outputs"),
            activation=ACTIVATIONS[number] if 0 <= number < len(ACTIVATIONS) else str(number),
            custom=code == CUSTOM,
            table=table,
        )
