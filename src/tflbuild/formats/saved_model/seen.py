"""A TensorFlow graph seen as the operators that a converter makes of it, so that both are read alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model.flat import PASSING, Flat, Port, Step
from tflbuild.formats.tflite.graph import FEW, Graph, Operator
from tflbuild.tflite.tables import Table

KINDS: Mapping[str, str] = {
    "Add": "ADD",
    "AddV2": "ADD",
    "AvgPool": "AVERAGE_POOL_2D",
    "BatchMatMulV2": "BATCH_MATMUL",
    "BiasAdd": "ADD",
    "Cast": "CAST",
    "Conv2D": "CONV_2D",
    "DepthwiseConv2dNative": "DEPTHWISE_CONV_2D",
    "ExpandDims": "EXPAND_DIMS",
    "LogSoftmax": "LOG_SOFTMAX",
    "MatMul": "FULLY_CONNECTED",
    "Mean": "MEAN",
    "MirrorPad": "MIRROR_PAD",
    "Mul": "MUL",
    "Pad": "PAD",
    "PadV2": "PADV2",
    "RealDiv": "DIV",
    "Reshape": "RESHAPE",
    "ResizeBilinear": "RESIZE_BILINEAR",
    "ResizeNearestNeighbor": "RESIZE_NEAREST_NEIGHBOR",
    "Sigmoid": "LOGISTIC",
    "Softmax": "SOFTMAX",
    "Squeeze": "SQUEEZE",
    "StridedSlice": "STRIDED_SLICE",
    "Sub": "SUB",
    "Tanh": "TANH",
}
"""Operators by TensorFlow's name; others keep theirs, in capitals."""

MOVING = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "PADV2", "MIRROR_PAD", "MEAN", "STRIDED_SLICE"}
)
"""Operators whose other inputs say what is done, and are not values."""


class Seen(Graph):
    """A graph between the inputs and outputs of a signature; shapes inside of it are not known.

    Args:
        flat: the graph.
        inputs: of the signature by their nodes, as one sample has them.
        outputs: of the signature, in the order of the graph's ends.
    """

    def __init__(
        self, flat: Flat, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]
    ) -> None:
        self._flat = flat
        self._indices: dict[Port, int] = {}
        self._specs: dict[int, TensorSpec] = {}
        self._constants: dict[int, tuple[float, ...]] = {}
        for name, spec in inputs.items():
            self._specs[self._index(Port(name, "", 0))] = spec
        for end, spec in zip(flat.ends, outputs.values(), strict=True):
            self._specs.setdefault(self._index(end), spec)
        self.inputs = tuple(range(len(inputs)))
        self.outputs = tuple(self._index(end) for end in flat.ends)
        self.operators = [one for step in flat.steps.values() for one in self._operators(step)]

    def spec(self, index: int) -> TensorSpec:
        """Describe a tensor; one inside of the graph has no axes here."""
        return self._specs.get(index, TensorSpec((), "float32"))

    def few_values(self, index: int) -> tuple[float, ...] | None:
        """Give the values of a small float constant; None for anything else."""
        return self._constants.get(index)

    def _index(self, port: Port) -> int:
        """Number a tensor, through operators that change nothing."""
        step, found = self._flat.made_by(port) if port.node in self._flat.steps else (None, port)
        key = Port(found.node, "", found.place)
        if key not in self._indices:
            self._indices[key] = len(self._indices)
            if step is not None and step.op == "Const":
                stored = step.node.constant
                if stored.dtype == "float32" and 0 < len(stored.values) <= FEW:
                    self._constants[self._indices[key]] = stored.values
        return self._indices[key]

    def _operators(self, step: Step) -> Iterator[Operator]:
        if step.op in (*PASSING, "Const", "Placeholder", "VarHandleOp", "ReadVariableOp") or not step.inputs:
            return
        kind = KINDS.get(step.op, step.op.upper())
        given = step.inputs[:1] if kind in MOVING else step.inputs
        first = self._index(Port(step.name, "", 0))
        yield Operator(kind, tuple(map(self._index, given)), (first,), "", False, cast(Table, None))
