"""An ONNX graph as the `.tflite` that is made of it, so that what reads the one reads the other."""

from __future__ import annotations

from typing import Any, cast

from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx.ends import Ends
from tflbuild.formats.onnx.graph import DTYPES, Node, Read
from tflbuild.formats.tflite.graph import Graph, Operator

KINDS = {
    "Softmax": "SOFTMAX",
    "Sigmoid": "LOGISTIC",
    "LogSoftmax": "LOG_SOFTMAX",
    "Gemm": "FULLY_CONNECTED",
    "MatMul": "FULLY_CONNECTED",
    "Conv": "CONV_2D",
    "ConvTranspose": "TRANSPOSE_CONV",
    "GlobalAveragePool": "MEAN",
    "ReduceMean": "MEAN",
    "AveragePool": "AVERAGE_POOL_2D",
    "Relu": "RELU",
    "Pad": "PAD",
    "Resize": "RESIZE_BILINEAR",
    "Upsample": "RESIZE_NEAREST_NEIGHBOR",
    "QuantizeLinear": "QUANTIZE",
    "DequantizeLinear": "DEQUANTIZE",
    "Concat": "CONCATENATION",
    "Slice": "STRIDED_SLICE",
    **dict.fromkeys(("Reshape", "Flatten", "Transpose", "Identity", "Dropout"), "RESHAPE"),
    "Squeeze": "SQUEEZE",
    "Unsqueeze": "EXPAND_DIMS",
}
"""Operators of a `.tflite` that compute what those of ONNX do; of others the name is the same, in capitals."""


SHAPED_ALIKE = ("Identity", "Dropout", "Softmax", "LogSoftmax", "Sigmoid")
"""Operators whose result has the shape of what they are given."""


class View(Graph):
    """The main graph of an ONNX file, its tensors by number as those of a `.tflite`.

    Args:
        read: the file.
        ends: its inputs and outputs.
    """

    def __init__(self, read: Read, ends: Ends) -> None:
        self._read = read
        self._specs = {**_known(read), **ends.signature.inputs, **ends.signature.outputs}
        for one in reversed(read.nodes):  # files may leave out the shapes of all but their ends
            known = self._specs.get(one.outputs[0]) if one.outputs else None
            if one.kind in SHAPED_ALIKE and known is not None:
                self._specs.setdefault(one.inputs[0], known)
        named = [
            *ends.signature.inputs,
            *(name for one in read.nodes for name in (*one.inputs, *one.outputs)),
        ]
        self._names = list(dict.fromkeys([*named, *ends.signature.outputs]))
        self.numbers = {name: number for number, name in enumerate(self._names)}
        self.operators = [self._taken(one) for one in read.nodes]
        self.inputs = tuple(self.numbers[name] for name in ends.signature.inputs)
        self.outputs = tuple(self.numbers[name] for name in ends.signature.outputs)

    def dtype(self, index: int) -> str:
        """Name the dtype of a tensor; "" where the file does not say it."""
        return self.spec(index).dtype if index >= 0 else ""

    def spec(self, index: int) -> TensorSpec:
        """Describe a tensor; without a shape where the file says none."""
        return self._specs.get(self._names[index], TensorSpec((), "float32"))

    def quantization(self, index: int) -> tuple[float, int]:
        """Say that a tensor is not quantized: in ONNX, operators before and behind it are."""
        return 0.0, 0

    def few_values(self, index: int) -> tuple[float, ...] | None:
        """Give the values of a small float constant; None for anything else."""
        return None if index < 0 else self._read.few_values(self._names[index])

    def _taken(self, node: Node) -> Operator:
        return Operator(
            kind=KINDS.get(node.kind, node.kind.upper()),
            inputs=tuple(self.numbers[name] if name else -1 for name in node.inputs),
            outputs=tuple(self.numbers[name] for name in node.outputs),
            activation="",
            custom=bool(node.domain),
            table=cast(Any, None),
        )


def _known(read: Read) -> dict[str, TensorSpec]:
    """Describe the tensors within, those of one sample, as far as the file does."""
    found = {
        name: spec._replace(shape=(1, *spec.shape[1:]) if spec.shape[:1] == (-1,) else spec.shape)
        for name, spec in read.shapes.items()
        if spec is not None
    }
    constants = {
        name: TensorSpec(one.numbers(1), DTYPES.get(one.number(2), "unknown"))
        for name, one in read.constants.items()
    }
    return {**found, **constants}
