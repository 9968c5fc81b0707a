"""Read TFLite metadata: the flatbuffer in a model's file that says for people what its inputs and outputs are.

References:
    TensorFlow Lite Support, `metadata_schema.fbs`, version 1.1.0, file identifier "M001".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.formats.tflite.metadata_form import (
    AssociatedFile,
    Box,
    Calibration,
    Metadata,
    Sound,
    TensorMetadata,
)
from tflbuild.tflite.model import Model
from tflbuild.tflite.tables import Malformed, Schema, Slot, Table

NAME = "TFLITE_METADATA"
"""Name of the metadata buffer that holds it."""

IDENTIFIER = b"M001"

MOST_BYTES = 1 << 24
MOST_ENTRIES = 256
"""Tables of a vector that are followed: a model has few inputs, outputs and files."""

MOST_CHANNELS = 4096

CONTENTS: Mapping[int, str] = {1: "feature", 2: "image", 3: "box", 4: "audio"}
COLOURS: Mapping[int, str] = {1: "rgb", 2: "grey"}
CORNERS: Mapping[int, str] = {1: "boundaries", 2: "upper_left", 3: "center"}
COORDINATES: Mapping[int, str] = {0: "ratio", 1: "pixel"}
NORMALIZATION, CALIBRATION, THRESHOLD = 1, 2, 3

SCHEMAS: Mapping[str, Schema] = {
    "ModelMetadata": {
        "name": Slot(0, "text"),
        "description": Slot(1, "text"),
        "version": Slot(2, "text"),
        "subgraph_metadata": Slot(3, "[table]", "SubGraphMetadata"),
        "author": Slot(4, "text"),
        "license": Slot(5, "text"),
        "associated_files": Slot(6, "[table]", "AssociatedFile"),
        "min_parser_version": Slot(7, "text"),
    },
    "SubGraphMetadata": {
        "input_tensor_metadata": Slot(2, "[table]", "TensorMetadata"),
        "output_tensor_metadata": Slot(3, "[table]", "TensorMetadata"),
        "associated_files": Slot(4, "[table]", "AssociatedFile"),
    },
    "TensorMetadata": {
        "name": Slot(0, "text"),
        "description": Slot(1, "text"),
        "content": Slot(3, "table", "Content"),
        "process_units": Slot(4, "[table]", "ProcessUnit"),
        "stats": Slot(5, "table", "Stats"),
        "associated_files": Slot(6, "[table]", "AssociatedFile"),
    },
    "Content": {"properties_type": Slot(0, "B"), "properties": Slot(1, "table")},
    "ImageProperties": {"color_space": Slot(0, "b")},
    "BoundingBoxProperties": {"index": Slot(0, "[I]"), "type": Slot(1, "b"), "coordinate_type": Slot(2, "b")},
    "AudioProperties": {"sample_rate": Slot(0, "I"), "channels": Slot(1, "I")},
    "ProcessUnit": {"options_type": Slot(0, "B"), "options": Slot(1, "table")},
    "NormalizationOptions": {"mean": Slot(0, "[f]"), "std": Slot(1, "[f]")},
    "ScoreCalibrationOptions": {"score_transformation": Slot(0, "b"), "default_score": Slot(1, "f")},
    "ScoreThresholdingOptions": {"global_score_threshold": Slot(0, "f")},
    "Stats": {"max": Slot(0, "[f]"), "min": Slot(1, "[f]")},
    "AssociatedFile": {
        "name": Slot(0, "text"),
        "description": Slot(1, "text"),
        "type": Slot(2, "b"),
        "locale": Slot(3, "text"),
        "version": Slot(4, "text"),
    },
}
"""Fields that are read and written. A union has no schema here: its type says which one."""


PROPERTIES: Mapping[int, str] = {2: "ImageProperties", 3: "BoundingBoxProperties", 4: "AudioProperties"}
UNITS: Mapping[int, str] = {
    NORMALIZATION: "NormalizationOptions",
    CALIBRATION: "ScoreCalibrationOptions",
    THRESHOLD: "ScoreThresholdingOptions",
}
"""Schemas of members of unions, by their type."""

SAID = ("name", "description", "version", "author", "license", "min_parser_version")
"""Texts about a model."""


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
    said: dict[str, Any] = {name: root.text(name) or "" for name in SAID}
    files = _files(root)
    for graph in _inner(root, "subgraph_metadata"):
        return Metadata(
            inputs=tuple(map(_tensor, _inner(graph, "input_tensor_metadata"))),
            outputs=tuple(map(_tensor, _inner(graph, "output_tensor_metadata"))),
            files=(*_files(graph), *files),
            **said,
        )
    return Metadata(files=files, **said)


def _tensor(table: Table) -> TensorMetadata:
    content, properties = _content(_child(table, "content"))
    colour = COLOURS.get(properties.number("color_space"), "") if properties and content == "image" else ""
    units = _units(table)
    mean, std = _normalization(units)
    stats = _child(table, "stats")
    threshold = _of_kind(units, THRESHOLD)
    return TensorMetadata(
        name=table.text("name") or "",
        description=table.text("description") or "",
        content=content,
        colour=colour,
        mean=mean,
        std=std,
        low=_floats(stats, "min") if stats else (),
        high=_floats(stats, "max") if stats else (),
        box=_box(properties) if properties and content == "box" else None,
        sound=_sound(properties) if properties and content == "audio" else None,
        calibration=_calibration(units),
        threshold=threshold.number("global_score_threshold") if threshold else None,
        files=_files(table),
    )


def _content(content: Table | None) -> tuple[str, Table | None]:
    """Give what a tensor is, and its properties where they are read."""
    number = content.number("properties_type") if content else 0
    schema = PROPERTIES.get(number, "")
    return CONTENTS.get(number, ""), _child(content, "properties", schema) if content and schema else None


def _box(properties: Table) -> Box | None:
    corners = CORNERS.get(properties.number("type"), "")
    coordinates = COORDINATES.get(properties.number("coordinate_type"), "")
    if properties.count("index") > MOST_CHANNELS:
        raise Malformed(f"has {properties.count('index')} numbers for a box")
    return Box(properties.numbers("index"), corners, coordinates) if corners and coordinates else None


def _sound(properties: Table) -> Sound | None:
    rate, channels = properties.number("sample_rate"), properties.number("channels")
    return Sound(rate, channels) if rate and channels else None


def _units(table: Table) -> list[tuple[int, Table]]:
    """Give the process units that are read, each with its kind."""
    found = []
    for unit in _inner(table, "process_units"):
        kind = unit.number("options_type")
        options = _child(unit, "options", UNITS[kind]) if kind in UNITS else None
        if options is not None:
            found.append((kind, options))
    return found


def _of_kind(units: list[tuple[int, Table]], wanted: int) -> Table | None:
    return next((options for kind, options in units if kind == wanted), None)


def _normalization(units: list[tuple[int, Table]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give mean and std of the first normalization; () and () for none."""
    options = _of_kind(units, NORMALIZATION)
    if options is None:
        return (), ()
    mean, std = _floats(options, "mean"), _floats(options, "std")
    if not mean or not std or not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
        raise Malformed(f"normalizes by mean {_said(mean)} and std {_said(std)}")
    return mean, std


def _calibration(units: list[tuple[int, Table]]) -> Calibration | None:
    found = _of_kind(units, CALIBRATION)
    return Calibration(found.number("score_transformation"), found.number("default_score")) if found else None


def _floats(options: Table, name: str) -> tuple[float, ...]:
    if options.count(name) > MOST_CHANNELS:
        raise Malformed(f"has {options.count(name)} numbers for {name}")
    return options.numbers(name)


def _said(numbers: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{number:g}' for number in numbers[:4])}{', ...' if len(numbers) > 4 else ''}]"


def _files(table: Table) -> tuple[AssociatedFile, ...]:
    return tuple(
        AssociatedFile(
            one.text("name") or "",
            one.number("type"),
            *(one.text(name) or "" for name in ("description", "locale", "version")),
        )
        for one in _inner(table, "associated_files")
        if one.text("name")
    )


def _child(table: Table, name: str, schema: str = "") -> Table | None:
    position = table.table_at(name)
    if position is None:
        return None
    return Table(table.content, position, SCHEMAS[schema or table.schema[name].schema])


def _inner(table: Table, name: str) -> Iterator[Table]:
    if table.count(name) > MOST_ENTRIES:
        raise Malformed(f"has {table.count(name)} entries of {name.replace('_', ' ')}")
    for position in table.tables_at(name):
        yield Table(table.content, position, SCHEMAS[table.schema[name].schema])
