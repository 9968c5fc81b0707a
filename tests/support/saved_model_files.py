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


SIGMOID, SOFTMAX = "Sigmoid", "Softmax"


def _heads(image: str, anchors: int, columns: int, converter: str) -> list[Message]:
    """Give nodes from a picture to `boxes` (1, anchors, 4) and `scores` (1, anchors, columns)."""
    shape_of = {name: integers(1, -1, width) for name, width in (("boxes", 4), ("scores", columns))}
    return [
        *(node(f"{name}/shape", "Const", value=value) for name, value in shape_of.items()),
        node("boxes", "Reshape", image, "boxes/shape"),
        node("logits", "Reshape", image, "scores/shape"),
        node("scores", converter, "logits"),
    ]


def tflite_export(
    anchors: int = 5,
    columns: int = 3,
    converter: str = SIGMOID,
    options: Mapping[str, Message] | None = None,
    sides: tuple[int, int] = (16, 24),
) -> bytes:
    """Give what `export_tflite_graph_tf2` writes, with next to no network in it, of two classes."""
    usual = {"num_classes": number(3, 2), "max_detections": number(3, 10), "use_regular_nms": number(5, 0)}
    usual |= {"nms_iou_threshold": varint(4 << 3 | 5) + struct.pack("<f", 0.5)}
    scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    usual |= {name: varint(4 << 3 | 5) + struct.pack("<f", value) for name, value in scales.items()}
    said = b"".join(entry(2, key, value) for key, value in (usual if options is None else options).items())
    empty = function(
        "dummy",
        ["b", "c", "a"],
        {f"o{place}": "nothing:output:0" for place in range(4)},
        [node("nothing", "Const", value=floats([], 0.0))],
        _implements=message(10, message(1, "TFLite_Detection_PostProcess") + said),
    )
    nodes = [
        node("image", "Placeholder"),
        *_heads("image", anchors, columns, converter),
        node("anchors", "Const", value=floats([anchors, 4], *[0.5] * 4 * anchors)),
        node("end", "PartitionedCall", "boxes", "scores", "anchors", f=called("dummy")),
    ]
    outputs = {f"output_{place}": tensor(f"end:{place}", ()) for place in range(4)}
    taken = signature({"input": tensor("image:0", (1, *sides, 3))}, outputs)
    return saved_model(nodes, {"serving_default": taken}, [empty])


def main_export(
    anchors: int = 5, columns: int = 3, scales: Sequence[float] = (10.0, 10.0, 5.0, 5.0), resized: bool = True
) -> bytes:
    """Give what `exporter_main_v2` writes, with next to no network in it: 16 x 24 pixels, two classes."""
    nodes = [
        node("image", "Placeholder"),
        node("sides", "Const", value=integers(16, 24, 3)),
        node("list", "TensorListFromTensor", "image", "sides"),
        node(
            "stacked", "TensorListStack" if resized else "Identity", "list", *(["sides"] if resized else [])
        ),
        *_heads("stacked", anchors, columns, SIGMOID),
        node("flat", "Const", value=integers(-1, 4)),
        node("turned", "Const", value=integers(1, 0)),
        node("rows", "Reshape", "boxes", "flat"),
        node("columns", "Transpose", "rows", "turned"),
        node("code", "Unpack", "columns", num=number(3, 4)),
        node("anchors", "Const", value=floats([anchors, 4], *[0.5] * 4 * anchors)),
        node("sideways", "Transpose", "anchors", "turned"),
        node("corners", "Unpack", "sideways", num=number(3, 4)),
        *(node(f"scale{k}", "Const", value=floats([], value)) for k, value in enumerate(scales)),
        *(node(f"part{k}", "RealDiv", f"code:{k}", f"scale{k}") for k in range(4)),
        *(node(f"size{k}", "Exp", f"part{k + 2}") for k in range(2)),
        *(node(f"place{k}", "Mul", f"part{k}", f"corners:{k}") for k in range(2)),
        *(node(f"side{k}", "Sub", f"place{k % 2}", f"size{k % 2}") for k in range(4)),
        node("packed", "Pack", *(f"side{k}" for k in range(4))),
        node("upright", "Transpose", "packed", "turned"),
    ]
    outputs = {
        "raw_detection_boxes": tensor("upright:0", (1, anchors, 4)),
        "raw_detection_scores": tensor("scores:0", (1, anchors, columns)),
    }
    taken = signature({"input_tensor": tensor("image:0", (1, -1, -1, 3), UINT8)}, outputs)
    return saved_model(nodes, {"serving_default": taken})
