"""Read TFLite metadata: the flatbuffer in a model's file that says for people what its inputs and outputs are.

References:
    TensorFlow Lite Support, `metadata_schema.fbs`, version 1.1.0, file identifier "M001".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tflbuild.tflite.model import Model
from tflbuild.tflite.tables import Malformed, Schema, Slot, Table

NAME = "TFLITE_METADATA"
"""Name of the metadata buffer that holds it."""

IDENTIFIER = b"M001"

MOST_BYTES = 1 << 24
MOST_ENTRIES = 256
"""Tables of a vector that are followed: a model has few inputs, outputs and files."""

MOST_CHANNELS = 4096

AXIS_LABELS, VALUE_LABELS = 2, 3
"""Kinds of associated files: a name for each number of an axis, and a name for each value that a number may have."""

CONTENTS: Mapping[int, str] = {1: "feature", 2: "image", 3: "box"}
COLOURS: Mapping[int, str] = {1: "rgb", 2: "grey"}
NORMALIZATION = 1

SCHEMAS: Mapping[str, Schema] = {
    "ModelMetadata": {
        "name": Slot(0, "text"),
        "subgraph_metadata": Slot(3, "[table]", "SubGraphMetadata"),
        "associated_files": Slot(6, "[table]", "AssociatedFile"),
    },
    "SubGraphMetadata": {
        "input_tensor_metadata": Slot(2, "[table]", "TensorMetadata"),
        "output_tensor_metadata": Slot(3, "[table]", "TensorMetadata"),
        "associated_files": Slot(4, "[table]", "AssociatedFile"),
    },
    "TensorMetadata": {
        "name": Slot(0, "text"),
        "content": Slot(3, "table", "Content"),
        "process_units": Slot(4, "[table]", "ProcessUnit"),
        "associated_files": Slot(6, "[table]", "AssociatedFile"),
    },
    "Content": {"properties_type": Slot(0, "B"), "properties": Slot(1, "table", "ImageProperties")},
    "ImageProperties": {"color_space": Slot(0, "b")},
    "ProcessUnit": {"options_type": Slot(0, "B"), "options": Slot(1, "table", "NormalizationOptions")},
    "NormalizationOptions": {"mean": Slot(0, "[f]"), "std": Slot(1, "[f]")},
    "AssociatedFile": {"name": Slot(0, "text"), "type": Slot(2, "b")},
}
"""Fields that are read. Unions have one member here, and are followed only where their type says that it is it."""


class AssociatedFile(NamedTuple):
    """A file that is packed behind the model.

    Attributes:
        name: of the member of the zip archive.
        kind: `AXIS_LABELS`, `VALUE_LABELS` or another.
    """

    name: str
    kind: int


@dataclass(frozen=True, kw_only=True)
class TensorMetadata:
    """The metadata of one input or output.

    Attributes:
        name: for people.
        content: "image", "feature", "box", or "" where it is not said.
        colour: "rgb", "grey", or "" where it is not said.
        mean: of each channel or of all; () where there is no normalization.
        std: likewise.
        files: that belong to it.
    """

    name: str = ""
    content: str = ""
    colour: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    files: tuple[AssociatedFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The metadata of a model.

    Attributes:
        inputs: in the graph's order.
        outputs: likewise.
        files: that belong to the whole model or graph.
    """

    inputs: tuple[TensorMetadata, ...] = ()
    outputs: tuple[TensorMetadata, ...] = ()
    files: tuple[AssociatedFile, ...] = field(default=())


def metadata_of(model: Model) -> Metadata | None:
    """Read a checked file's metadata; None where there is none.

    Raises:
        Malformed: it is not what the schema says; the message completes "it ".
    """
    for entry in model.metadata:
        if entry.text("name") == NAME:
            return read(bytes(model.stored_bytes(entry.number("buffer"))))
    return None


def read(content: bytes) -> Metadata:
    """Read the flatbuffer.

    Raises:
        Malformed: it is not what the schema says; the message completes "it ".
    """
    if len(content) > MOST_BYTES:
        raise Malformed(f"has {len(content)} bytes, more than metadata need")
    if len(content) < 8 or content[4:8] != IDENTIFIER:
        raise Malformed("is not in the format of metadata (M001)")
    root = Table(content, int.from_bytes(content[:4], "little"), SCHEMAS["ModelMetadata"])
    files = _files(root)
    for graph in _inner(root, "subgraph_metadata"):
        return Metadata(
            inputs=tuple(map(_tensor, _inner(graph, "input_tensor_metadata"))),
            outputs=tuple(map(_tensor, _inner(graph, "output_tensor_metadata"))),
            files=(*_files(graph), *files),
        )
    return Metadata(files=files)


def _tensor(table: Table) -> TensorMetadata:
    content, colour = _content(_child(table, "content"))
    mean, std = _normalization(table)
    name = table.text("name") or ""
    return TensorMetadata(name=name, content=content, colour=colour, mean=mean, std=std, files=_files(table))


def _content(content: Table | None) -> tuple[str, str]:
    """Give what a tensor is, and the colours of a picture."""
    kind = CONTENTS.get(content.number("properties_type"), "") if content else ""
    properties = _child(content, "properties") if content and kind == "image" else None
    return kind, COLOURS.get(properties.number("color_space"), "") if properties else ""


def _normalization(table: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give mean and std of the first normalization; () and () for none."""
    for unit in _inner(table, "process_units"):
        options = _child(unit, "options") if unit.number("options_type") == NORMALIZATION else None
        if options is not None:
            mean, std = _floats(options, "mean"), _floats(options, "std")
            if not mean or not std or not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
                raise Malformed(f"normalizes by mean {_said(mean)} and std {_said(std)}")
            return mean, std
    return (), ()


def _floats(table: Table, name: str) -> tuple[float, ...]:
    if table.count(name) > MOST_CHANNELS:
        raise Malformed(f"has {table.count(name)} numbers for {name}")
    return table.numbers(name)


def _said(numbers: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{number:g}' for number in numbers[:4])}{', ...' if len(numbers) > 4 else ''}]"


def _files(table: Table) -> tuple[AssociatedFile, ...]:
    found = ((one.text("name"), one.number("type")) for one in _inner(table, "associated_files"))
    return tuple(AssociatedFile(name, kind) for name, kind in found if name)


def _child(table: Table, name: str) -> Table | None:
    position = table.table_at(name)
    if position is None:
        return None
    return Table(table.content, position, SCHEMAS[table.schema[name].schema])


def _inner(table: Table, name: str) -> Iterator[Table]:
    if table.count(name) > MOST_ENTRIES:
        raise Malformed(f"has {table.count(name)} entries of {name.replace('_', ' ')}")
    for position in table.tables_at(name):
        yield Table(table.content, position, SCHEMAS[table.schema[name].schema])
