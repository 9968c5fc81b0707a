"""The tensors of a `.tflite` while it is written as ONNX: as floats, quantized and back, channels first or last.

Every tensor is floats between operators. One that is quantized in the `.tflite` goes through QuantizeLinear and
DequantizeLinear with its own scale and zero point, a constant through DequantizeLinear, which is the form (QDQ) that
runtimes turn into integer operators. Tensors of four axes have their channels first where a convolution made them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.onnx_export.writer import Writer
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.graph import Graph

FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations to channels first, and to channels last."""

QUANTIZED = ("uint8", "int8", "int16")
"""Dtypes of activations that mean numbers."""


class Value(NamedTuple):
    """A tensor in ONNX: its name, and whether its channels come first."""

    name: str
    first: bool


class Translation:
    """The part of a file that was written so far.

    Args:
        graph: of the `.tflite`.
        writer: of the ONNX file.
    """

    def __init__(self, graph: Graph, writer: Writer) -> None:
        self.graph = graph
        self.writer = writer
        self.values: dict[int, Value] = {}
        self.stored: dict[int, Value] = {}
        """Quantized tensors as integers, for outputs of the model."""
        self.shapes: dict[int, tuple[int, ...]] = {}
        """Shapes of tensors that the `.tflite` leaves open, and that follow from what makes them."""

    def shape(self, index: int) -> tuple[int, ...]:
        """Give the shape of a tensor, as the `.tflite` has it, or as follows from what makes it."""
        if int(index) in self.shapes:
            return self.shapes[int(index)]
        shape = self.graph.tensors[int(index)].shape
        return tuple(int(side) for side in shape) if shape is not None else ()

    def dtype(self, index: int) -> str:
        """Name the dtype of a tensor."""
        return str(DTYPES[self.graph.tensors[int(index)].type])

    def constant(self, index: int) -> npt.NDArray[Any] | None:
        """Give the values of a constant, of one too that is stored in float16; None for what is computed."""
        found = self.graph.constant(int(index))
        maker = self.graph.maker(int(index))
        if found is None and maker is not None and self.graph.kind(maker) == "DEQUANTIZE":
            found = self.graph.constant(int(maker.inputs[0]))
            if found is not None and found.dtype != np.float16:
                return None
        return found.astype(np.float32) if found is not None and found.dtype == np.float16 else found

    def numbers(self, index: int) -> npt.NDArray[Any]:
        """Give a constant, such as weights, a shape or axes.

        Raises:
            PassError: it is computed.
        """
        found = self.constant(index)
        if found is None:
            name = plain(self.graph.name(int(index)), 60)
            raise PassError(
                f"'{name}' (weights, a shape or axes) is computed, and has to be constant to be written as ONNX."
            )
        return found

    def read(self, index: int, *, first: bool = False) -> str:
        """Give a tensor as floats, with its channels first or last; fewer axes than four know no such order."""
        index = int(index)
        constant = self.constant(index)
        if constant is not None:
            return self._constant(index, constant, first=first)
        value = self.values[index]
        if value.first == first or len(self.shape(index)) != 4:
            return value.name
        turned = Value(self.turned(value.name, first=first), first)
        self.values[index] = turned
        return turned.name

    def turned(self, name: str, *, first: bool) -> str:
        """Put channels first, or last."""
        return self.writer.add("Transpose", [name], f"{name}_turned", perm=FIRST if first else LAST)

    def give(self, index: int, name: str, *, first: bool = False) -> None:
        """Say which tensor of ONNX is one of the `.tflite`; a quantized one is rounded to its steps."""
        index = int(index)
        first = first and len(self.shape(index)) == 4
        if self.dtype(index) in QUANTIZED and self.quantized(index):
            scale, zero = self._steps(index)
            wish = self.graph.name(index)
            stored = self.writer.add("QuantizeLinear", [name, scale, zero], f"{wish}_quantized")
            self.stored[index] = Value(stored, first)
            name = self.writer.add("DequantizeLinear", [stored, scale, zero], f"{wish}_again")
        self.values[index] = Value(name, first)

    def given(self, index: int, name: str) -> None:
        """Take an input of the model, which is stored as the `.tflite` stores it."""
        if self.dtype(index) in QUANTIZED and self.quantized(index):
            name = self.writer.add("DequantizeLinear", [name, *self._steps(index)], f"{name}_values")
        elif self.dtype(index) != "float32":
            name = self.writer.add("Cast", [name], f"{name}_values", to=1)
        self.values[int(index)] = Value(name, False)

    def quantized(self, index: int) -> bool:
        """Say whether a tensor has a scale."""
        found = self.graph.tensors[int(index)].quantization
        return found is not None and found.scale is not None and len(found.scale) > 0

    def steps(self, index: int) -> tuple[np.float32, npt.NDArray[Any]]:
        """Give the scale and the zero point of an activation, the latter in its dtype."""
        found = self.graph.tensors[int(index)].quantization
        zero = int(found.zeroPoint[0]) if found.zeroPoint is not None and len(found.zeroPoint) else 0
        return np.float32(found.scale[0]), np.array(zero, self.dtype(index))

    def _steps(self, index: int) -> list[str]:
        """Keep the scale and the zero point of an activation."""
        scale, zero = self.steps(index)
        return [self.writer.constant(scale, "scale"), self.writer.constant(zero, "zero_point")]

    def rounded(self, name: str, scale: np.float32, zero: npt.ArrayLike) -> str:
        """Round a tensor to steps, as integers of the zero point's dtype hold it."""
        steps = [self.writer.constant(scale, "scale"), self.writer.constant(zero, "zero_point")]
        stored = self.writer.add("QuantizeLinear", [name, *steps], f"{name}_quantized")
        return self.writer.add("DequantizeLinear", [stored, *steps], f"{name}_again")

    def _constant(self, index: int, values: npt.NDArray[Any], *, first: bool) -> str:
        """Keep a constant that is computed with, in the order of axes of what it is computed with."""
        if first:
            values = values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(FIRST)
        if self.dtype(index) == "float32" or not self.quantized(index):
            return self.writer.constant(values.astype(np.float32), self.graph.name(index))
        found = self.graph.tensors[int(index)].quantization
        axis = int(found.quantizedDimension) + values.ndim - len(self.shape(index))
        return self.weights(index, values, FIRST.index(axis) if first else axis)

    def weights(self, index: int, values: npt.NDArray[Any], axis: int) -> str:
        """Keep weights, or a bias, whose channels lie along an axis; quantized ones as integers with their scales."""
        index = int(index)
        wish = self.graph.name(index)
        found = self.graph.tensors[index].quantization
        if values.dtype == np.float32 or not self.quantized(index):
            return self.writer.constant(values.astype(np.float32), wish)
        if self.graph.tensors[index].type in (schema.TensorType.INT4, schema.TensorType.INT64):
            values = values.astype(
                np.int8 if self.graph.tensors[index].type == schema.TensorType.INT4 else np.int32
            )
        scales = np.asarray(found.scale, np.float32)
        zeros = np.asarray(found.zeroPoint if found.zeroPoint is not None else [0]).astype(values.dtype)
        if values.dtype == np.int8:
            values, zeros = _shifted(values), _shifted(zeros)
        if len(scales) == 1:
            steps = [self.writer.constant(scales[0], "scale"), self.writer.constant(zeros[0], "zero_point")]
            return self.writer.add(
                "DequantizeLinear", [self.writer.constant(values, wish), *steps], f"{wish}_values"
            )
        zeros = np.zeros(len(scales), values.dtype) if len(zeros) != len(scales) else zeros
        steps = [self.writer.constant(scales, "scales"), self.writer.constant(zeros, "zero_points")]
        return self.writer.add(
            "DequantizeLinear", [self.writer.constant(values, wish), *steps], f"{wish}_values", axis=axis
        )


def _shifted(values: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Give 8-bit weights as uint8, with 128 for 0, which is the same numbers.

    onnxruntime multiplies uint8 activations with int8 weights by an instruction (VPMADDUBSW) that clamps each sum of
    two products to 16 bits, on x86 processors with AVX2 and without VNNI; with uint8 weights it uses none that clamps.

    References:
        onnxruntime's documentation: Quantize ONNX models, "When and why do I need to try U8U8?".
    """
    return (values.astype(np.int16) + 128).astype(np.uint8)
