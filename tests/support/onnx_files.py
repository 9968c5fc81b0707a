"""ONNX files written by hand: a protobuf writer of a few lines, and small models; nothing here needs the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

NUMBERS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "string": 8, "bool": 9, "float64": 11}
"""Numbers of dtypes in TensorProto."""


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: Any) -> bytes:
    """Write a field: a number as a varint; bytes, text and messages behind their size."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else bytes(value)
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(*fields: tuple[int, Any]) -> bytes:
    return b"".join(field(number, value) for number, value in fields)


def tensor(name: str, values: Any, external: Mapping[str, str] | None = None) -> bytes:
    """Write a constant, its values in it or in another file."""
    array = np.asarray(values)
    dims = [(1, side) for side in array.shape]
    head = [*dims, (2, NUMBERS[array.dtype.name]), (8, name)]
    if external is None:
        return message(*head, (9, array.tobytes()))
    entries = [(13, message((1, key), (2, value))) for key, value in external.items()]
    return message(*head, *entries, (14, 1))


def end(name: str, shape: Sequence[int | str] | None, dtype: str = "float32") -> bytes:
    """Write an input or output; a side of text is open, and a shape of None is not said."""
    kind = [(1, NUMBERS[dtype])]
    if shape is not None:
        sides = [message((2 if isinstance(side, str) else 1, side)) for side in shape]
        kind.append((2, message(*((1, side) for side in sides))))  # type: ignore[arg-type]
    return message((1, name), (2, message((1, message(*kind)))))


def node(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Any
) -> bytes:
    """Write an operator; attributes are lists of integers, tensors or graphs as bytes, or numbers."""
    written = []
    for name, value in attributes.items():
        if isinstance(value, bytes):
            written.append(message((1, name), (6 if name.endswith("branch") else 5, value), (20, 5)))
        elif isinstance(value, int):
            written.append(message((1, name), (3, value), (20, 2)))
        else:
            written.append(message((1, name), *((8, one) for one in value), (20, 7)))
    return message(
        *((1, name) for name in inputs),
        *((2, name) for name in outputs),
        (4, kind),
        *((5, one) for one in written),
        *([(7, domain)] if domain else []),
    )


class Given(NamedTuple):
    """Parts of a graph, written."""

    nodes: Sequence[bytes]
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]
    constants: Sequence[bytes] = ()


def graph(given: Given) -> bytes:
    return message(
        *((1, one) for one in given.nodes),
        (2, "graph"),
        *((5, one) for one in given.constants),
        *((11, one) for one in given.inputs),
        *((12, one) for one in given.outputs),
    )


def model(
    given: Given, opset: int = 13, properties: Mapping[str, str] | None = None, version: int = 8
) -> bytes:
    """Write a file."""
    return message(
        (1, version),
        (2, "by hand"),
        (3, "1"),
        (7, graph(given)),
        (8, message((1, ""), (2, opset))),
        *((14, message((1, key), (2, value))) for key, value in (properties or {}).items()),
    )


def classifier(
    end_kind: str = "Softmax",
    shape: Sequence[int | str] = ("N", 3, 12, 12),
    classes: int = 3,
    *,
    behind: Sequence[bytes] = (),
    opset: int = 13,
    properties: Mapping[str, str] | None = None,
    external: Mapping[str, str] | None = None,
    seed: int = 0,
) -> bytes:
    """Write a classifier of pictures: Conv 3 x 3, Relu, global mean, Flatten, Gemm, and `end_kind` ("" for logits).

    Args:
        end_kind: operator that makes the scores.
        shape: of `image`, channels first.
        classes: number of scores.
        behind: further operators, which the file may hold but nothing reads.
        opset: version of ONNX's operators.
        properties: text by name.
        external: where the kernel lies, where it is not in the file.
        seed: of the weights.
    """
    rng = np.random.default_rng(seed)
    channels = shape[1] if len(shape) == 4 and isinstance(shape[1], int) else 3
    row = "row" if end_kind else "scores"
    nodes = [
        node(
            "Conv",
            ["image", "kernel", "shift"],
            ["seen"],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
            strides=[1, 1],
        ),
        node("Relu", ["seen"], ["positive"]),
        node("GlobalAveragePool", ["positive"], ["mean"]),
        node("Flatten", ["mean"], ["flat"], axis=1),
        node("Gemm", ["flat", "weights", "bias"], [row]),
        *([node(end_kind, ["row"], ["scores"])] if end_kind else []),
        *behind,
    ]
    constants = [
        tensor("kernel", rng.normal(size=(4, channels, 3, 3)).astype(np.float32), external),
        tensor("shift", rng.normal(size=4).astype(np.float32)),
        tensor("weights", (2 * rng.normal(size=(4, classes))).astype(np.float32)),
        tensor("bias", np.zeros(classes, np.float32)),
    ]
    given = Given(nodes, [end("image", shape)], [end("scores", (shape[0], classes))], constants)
    return model(given, opset, properties)


def written(folder: Path, content: bytes, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
