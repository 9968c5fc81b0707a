"""A program of torch.export as an ONNX graph of the same operators, so that what reads the one reads the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.protobuf import Message
from tflbuild.formats.onnx.graph import Node, Read
from tflbuild.formats.torch_export.permitted import ATEN, is_check, names_in
from tflbuild.formats.torch_export.program import Program

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("softmax", "_softmax"), "Softmax"),
    "sigmoid": "Sigmoid",
    **dict.fromkeys(("log_softmax", "_log_softmax"), "LogSoftmax"),
    **dict.fromkeys(("linear", "addmm", "mm", "matmul"), "Gemm"),
    **dict.fromkeys(("conv2d", "convolution"), "Conv"),
    "mean": "ReduceMean",
    "adaptive_avg_pool2d": "GlobalAveragePool",
    "avg_pool2d": "AveragePool",
    "max_pool2d": "MaxPool",
    "batch_norm": "BatchNormalization",
    "relu": "Relu",
    **dict.fromkeys(("pad", "constant_pad_nd"), "Pad"),
    "cat": "Concat",
    "slice": "Slice",
    **dict.fromkeys(("reshape", "view", "flatten", "permute", "transpose"), "Reshape"),
    "squeeze": "Squeeze",
    "unsqueeze": "Unsqueeze",
    **dict.fromkeys(("clone", "detach", "contiguous", "dropout", "alias", "lift_fresh_copy"), "Identity"),
    "mul": "Mul",
    "div": "Div",
    "add": "Add",
    "sub": "Sub",
    "clamp": "Clip",
    **dict.fromkeys(("hardtanh", "relu6"), "Clip"),
}
"""Operators of ONNX that compute what those of PyTorch do; of others the name is the same."""


def view(program: Program) -> Read:
    """Give the graph; outputs have the names of their tensors, constants are known by name alone."""
    return Read(
        opset=0,
        producer=f"PyTorch {program.torch}",
        properties={},
        nodes=tuple(_node(one) for one in program.nodes if not is_check(one["target"])),
        inner=(),
        functions=frozenset(),
        constants={},
        inputs=program.inputs,
        outputs={tensor: program.tensors.get(tensor) for tensor in program.outputs.values()},
        shapes=program.tensors,
    )


def _node(one: Mapping[str, Any]) -> Node:
    found = ATEN.fullmatch(one["target"])
    name = found[1].rstrip("_") if found else one["target"]
    return Node(
        kind=KINDS.get(name, name),
        domain="",
        inputs=tuple(tensor for given in one["inputs"] for tensor in names_in(given["arg"])),
        outputs=tuple(tensor for made in one["outputs"] for tensor in names_in(made)),
        message=Message(b""),
    )
