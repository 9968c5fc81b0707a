"""Write TFLite metadata: the flatbuffer that `metadata.read` reads, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import flatbuffers

from tflbuild.formats.tflite.metadata import (
    CALIBRATION,
    COLOURS,
    CONTENTS,
    COORDINATES,
    CORNERS,
    IDENTIFIER,
    NORMALIZATION,
    SAID,
    SCHEMAS,
    THRESHOLD,
)
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Box, Metadata, Sound, TensorMetadata

NUMBERS: Mapping[str, str] = {"b": "Int8", "B": "Uint8", "f": "Float32", "I": "Uint32"}
"""The builder's word for a number, by the letter that `struct` has for it."""

Fields = Mapping[str, int | float]
"""Fields of a table by name: numbers, and offsets of what was written before."""


def written(metadata: Metadata) -> bytes:
    """Write metadata; `read` gives the same again."""
    builder = flatbuffers.Builder(1 << 12)
    tensors = {
        "input_tensor_metadata": _all(builder, metadata.inputs, _tensor),
        "output_tensor_metadata": _all(builder, metadata.outputs, _tensor),
    }
    graph = _table(builder, "SubGraphMetadata", tensors)
    texts = {name: getattr(metadata, name) for name in SAID}
    fields = {
        **_texts(builder, texts),
        "subgraph_metadata": _offsets(builder, [graph]),
        "associated_files": _all(builder, metadata.files, _file),
    }
    builder.Finish(_table(builder, "ModelMetadata", fields), IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: Any, one: TensorMetadata) -> int:
    stats = {"max": _floats(builder, one.high), "min": _floats(builder, one.low)}
    fields = {
        **_texts(builder, {"name": one.name, "description": one.description}),
        "content": _content(builder, one) if one.content else 0,
        "process_units": _units(builder, one),
        "stats": _table(builder, "Stats", stats) if one.low or one.high else 0,
        "associated_files": _all(builder, one.files, _file),
    }
    return _table(builder, "TensorMetadata", fields)


def _content(builder: Any, one: TensorMetadata) -> int:
    properties = {"image": _image, "box": _box, "audio": _audio}.get(one.content, _feature)(builder, one)
    kind = _number(CONTENTS, one.content)
    return _table(builder, "Content", {"properties_type": kind, "properties": properties})


def _image(builder: Any, one: TensorMetadata) -> int:
    return _table(builder, "ImageProperties", {"color_space": _number(COLOURS, one.colour)})


def _box(builder: Any, one: TensorMetadata) -> int:
    box = one.box or Box((), "", "ratio")
    fields = {
        "index": _numbers(builder, box.order, "I"),
        "type": _number(CORNERS, box.corners),
        "coordinate_type": _number(COORDINATES, box.coordinates),
    }
    return _table(builder, "BoundingBoxProperties", fields)


def _audio(builder: Any, one: TensorMetadata) -> int:
    sound = one.sound or Sound(0, 0)
    return _table(builder, "AudioProperties", {"sample_rate": sound.rate, "channels": sound.channels})


def _feature(builder: Any, one: TensorMetadata) -> int:
    builder.StartObject(0)
    return int(builder.EndObject())


def _units(builder: Any, one: TensorMetadata) -> int:
    made = []
    if one.mean:
        fields: Fields = {"mean": _floats(builder, one.mean), "std": _floats(builder, one.std)}
        made.append(_unit(builder, NORMALIZATION, "NormalizationOptions", fields))
    if one.calibration is not None:
        fields = {
            "score_transformation": one.calibration.transformation,
            "default_score": one.calibration.default,
        }
        made.append(_unit(builder, CALIBRATION, "ScoreCalibrationOptions", fields))
    if one.threshold is not None:
        fields = {"global_score_threshold": one.threshold}
        made.append(_unit(builder, THRESHOLD, "ScoreThresholdingOptions", fields))
    return _offsets(builder, made)


def _unit(builder: Any, kind: int, schema: str, fields: Fields) -> int:
    options = _table(builder, schema, fields)
    return _table(builder, "ProcessUnit", {"options_type": kind, "options": options})


def _file(builder: Any, file: AssociatedFile) -> int:
    texts = {name: getattr(file, name) for name in ("name", "description", "locale", "version")}
    return _table(builder, "AssociatedFile", {**_texts(builder, texts), "type": file.kind})


def _number(words: Mapping[int, str], word: str) -> int:
    return next((number for number, known in words.items() if known == word), 0)


def _texts(builder: Any, texts: Mapping[str, str]) -> dict[str, int]:
    return {name: builder.CreateString(text) for name, text in texts.items() if text}


def _all(builder: Any, items: Iterable[Any], write: Callable[[Any, Any], int]) -> int:
    return _offsets(builder, [write(builder, one) for one in items])


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    """Write a vector of tables; 0, an absent field, for none."""
    if not offsets:
        return 0
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, numbers: Sequence[float]) -> int:
    return _numbers(builder, numbers, "f")


def _numbers(builder: Any, numbers: Sequence[float], letter: str) -> int:
    if not numbers:
        return 0
    builder.StartVector(4, len(numbers), 4)
    for number in reversed(numbers):
        getattr(builder, f"Prepend{NUMBERS[letter]}")(number)
    return int(builder.EndVector())


def _table(builder: Any, name: str, fields: Fields) -> int:
    """Write a table; numbers and offsets of 0 are left out, as absent fields are read as 0."""
    schema = SCHEMAS[name]
    builder.StartObject(1 + max(slot.number for slot in schema.values()))
    for field, value in fields.items():
        slot = schema[field]
        if slot.kind in NUMBERS:
            getattr(builder, f"Prepend{NUMBERS[slot.kind]}Slot")(slot.number, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot.number, value, 0)
    return int(builder.EndObject())
