"""Write an ONNX file field by field: its protobuf is small, and no package is needed for it.

Source: onnx.proto of ONNX, whose numbers of fields are named here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core import protobuf

OPSET, IR_VERSION = 21, 10
"""Version 21 of the operators is the first that quantizes to 16 bits; version 10 of the file's form goes with it."""

DTYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
}
"""Numbers of dtypes in TensorProto."""

FLOAT, INT, TEXT, INTS = 1, 2, 3, 7
"""Numbers of kinds of attributes."""

Attribute = int | float | str | Sequence[int]


def field(number: int, value: int | str | bytes) -> bytes:
    """Write one field: a number as a varint; text and bytes behind their size."""
    if isinstance(value, int):
        return protobuf.key_of(number, protobuf.VARINT) + protobuf.encoded(value % (1 << 64))
    return protobuf.sized(number, value.encode() if isinstance(value, str) else value)


class Writer:
    """A graph that is being written: operators in their order, and constants.

    Args:
        taken: names that are given away already, those of inputs and outputs.
    """

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = {*taken}
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    @staticmethod
    def number(dtype: str) -> int:
        """Give the number of a dtype in TensorProto."""
        return DTYPES[dtype]

    def name(self, wish: str) -> str:
        """Give a name that no tensor has yet, and that begins as wished."""
        name, count = wish, 1
        while name in self._taken:
            name, count = f"{wish}_{count}", count + 1
        self._taken.add(name)
        return name

    def constant(self, values: npt.ArrayLike, wish: str = "constant") -> str:
        """Keep an array; gives its name, that of an equal one where there is one."""
        array: npt.NDArray[Any] = np.array(
            values, order="C"
        )  # `ascontiguousarray` would give a scalar an axis
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.name(wish)
            dims = b"".join(field(1, side) for side in array.shape)
            head = dims + field(2, DTYPES[array.dtype.name]) + field(8, self._known[key])
            self._constants.append(head + field(9, array.astype(array.dtype.newbyteorder("<")).tobytes()))
        return self._known[key]

    def add(self, kind: str, inputs: Sequence[str], wish: str, **attributes: Attribute) -> str:
        """Write an operator with one output; gives the output's name."""
        made = self.name(wish)
        self.add_named(kind, inputs, made, **attributes)
        return made

    def add_many(
        self, kind: str, inputs: Sequence[str], wishes: Sequence[str], **attributes: Attribute
    ) -> list[str]:
        """Write an operator with several outputs; gives their names."""
        made = [self.name(wish) for wish in wishes]
        self._write(kind, inputs, made, attributes)
        return made

    def add_named(self, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> None:
        """Write an operator whose output has a given name."""
        self._write(kind, inputs, [output], attributes)

    def _write(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]
    ) -> None:
        names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
        written = b"".join(field(5, _attribute(key, value)) for key, value in attributes.items())
        self._nodes.append(names + field(4, kind) + written)

    def model(
        self, inputs: Sequence[bytes], outputs: Sequence[bytes], producer: str, properties: Mapping[str, str]
    ) -> bytes:
        """Give the file.

        Args:
            inputs: what `end` wrote of each.
            outputs: what `end` wrote of each.
            producer: who writes it.
            properties: further text by name.
        """
        graph = b"".join(field(1, node) for node in self._nodes) + field(2, "model")
        graph += b"".join(field(5, one) for one in self._constants)
        graph += b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs)
        opset = field(1, "") + field(2, OPSET)
        kept = b"".join(field(14, field(1, key) + field(2, text)) for key, text in properties.items())
        return field(1, IR_VERSION) + field(2, producer) + field(7, graph) + field(8, opset) + kept


def end(name: str, dtype: str, shape: Sequence[int]) -> bytes:
    """Describe an input or an output."""
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, DTYPES[dtype]) + field(2, sides)))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, bool | int):
        return field(1, name) + field(3, int(value)) + field(20, INT)
    if isinstance(value, float):
        return field(1, name) + b"\x15" + struct.pack("<f", value) + field(20, FLOAT)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, TEXT)
    return field(1, name) + b"".join(field(8, int(one)) for one in value) + field(20, INTS)
