"""SavedModels made by hand: protocol buffers of a few nodes, and the folder around them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Message = bytes

FLOAT, INT32, UINT8, STRING, INT64, RESOURCE = 1, 3, 4, 7, 9, 20


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data)) + data


def entry(field: int, key: str, value: bytes | str) -> bytes:
    return message(field, message(1, key) + message(2, value))


def shape(sides: Sequence[int] | None) -> Message:
    """Give a `TensorShapeProto`; None for an unknown number of axes."""
    if sides is None:
        return number(3, 1)
    return b"".join(message(2, number(1, side)) for side in sides)


def node(name: str, op: str, *inputs: str, **attributes: Message) -> Message:
    fields = [message(1, name), message(2, op), *(message(3, one) for one in inputs)]
    return b"".join([*fields, *(entry(5, key, value) for key, value in attributes.items())])


def called(function: str) -> Message:
    """Give an `AttrValue` that names a function."""
    return message(10, message(1, function))


def floats(sides: Sequence[int], *values: float) -> Message:
    """Give an `AttrValue` that holds a tensor."""
    content = struct.pack(f"<{len(values)}f", *values)
    return message(8, number(1, FLOAT) + message(2, shape(sides)) + message(4, content))


def integers(*values: int) -> Message:
    content = struct.pack(f"<{len(values)}i", *values)
    return message(8, number(1, INT32) + message(2, shape([len(values)])) + message(4, content))


def function(
    name: str,
    arguments: Sequence[str],
    results: Mapping[str, str],
    nodes: Iterable[Message],
    **attributes: Message,
) -> Message:
    given = b"".join(message(2, message(1, one) + number(3, FLOAT)) for one in arguments)
    made = b"".join(message(3, message(1, one) + number(3, FLOAT)) for one in results)
    fields = [message(1, message(1, name) + given + made), *(message(3, one) for one in nodes)]
    fields += [entry(4, key, value) for key, value in results.items()]
    return b"".join([*fields, *(entry(5, key, value) for key, value in attributes.items())])


def tensor(name: str, sides: Sequence[int] | None, dtype: int = FLOAT) -> Message:
    """Give a `TensorInfo`."""
    return message(1, name) + number(2, dtype) + message(3, shape(sides))


def signature(inputs: Mapping[str, Message], outputs: Mapping[str, Message]) -> Message:
    given = b"".join(entry(1, name, one) for name, one in inputs.items())
    return given + b"".join(entry(2, name, one) for name, one in outputs.items())


def saved_model(
    nodes: Iterable[Message],
    signatures: Mapping[str, Message],
    functions: Iterable[Message] = (),
    saver: tuple[str, str] = ("", ""),
) -> bytes:
    """Give a `saved_model.pb` of one graph."""
    library = b"".join(message(1, one) for one in functions)
    graph = b"".join(message(1, one) for one in nodes) + message(2, library)
    fields = [message(1, message(4, "serve") + message(5, "2.21.0")), message(2, graph)]
    fields.append(message(3, message(1, "saver:0") + message(2, f"{saver[0]}:0") + message(3, saver[1])))
    fields += [entry(5, name, one) for name, one in signatures.items()]
    return number(1, 1) + message(2, b"".join(fields))


def classifier(
    sides: Sequence[int] | None = (-1, 8, 8, 3),
    dtype: int = FLOAT,
    more: Iterable[Message] = (),
    functions: Iterable[Message] = (),
    signatures: Sequence[str] = ("serving_default",),
) -> bytes:
    """Give a model without variables: pixels / 255, the mean of each, and their softmax."""
    nodes = [
        node("image", "Placeholder"),
        node("size", "Const", value=floats([], 1 / 255)),
        node("scaled", "Mul", "image", "size"),
        node("axes", "Const", value=integers(1, 2)),
        node("mean", "Mean", "scaled", "axes"),
        node("scores", "Softmax", "mean"),
        *more,
    ]
    one = signature({"image": tensor("image:0", sides, dtype)}, {"scores": tensor("scores:0", (-1, 3))})
    return saved_model(nodes, dict.fromkeys(signatures, one), functions)


def written(folder: Path, content: bytes, variables: bool = False) -> Path:
    """Write a SavedModel's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_bytes(content)
    if variables:
        (folder / "variables").mkdir(exist_ok=True)
        for name in ("variables.index", "variables.data-00000-of-00001"):
            (folder / "variables" / name).write_bytes(b"x")
    return folder
