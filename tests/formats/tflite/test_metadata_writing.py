"""TFLite metadata that are written: what was meant is read back, by our reader and by the flatbuffer's own rules."""

from __future__ import annotations

import struct

import pytest
from flatbuffers.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tflbuild.formats.tflite.metadata import read
from tflbuild.formats.tflite.metadata_form import (
    AXIS_LABELS,
    VALUE_LABELS,
    AssociatedFile,
    Box,
    Calibration,
    Metadata,
    Sound,
    TensorMetadata,
)
from tflbuild.formats.tflite.metadata_writing import written

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), max_size=4).map(tuple)
FILES = st.lists(
    st.builds(AssociatedFile, st.text("abc.", min_size=1), st.integers(0, 6), TEXT, TEXT, TEXT), max_size=3
).map(tuple)
PLAIN = {"name": TEXT, "description": TEXT, "low": NUMBERS, "high": NUMBERS, "files": FILES}
SCORES = {
    "calibration": st.none() | st.builds(Calibration, st.integers(0, 2), st.floats(0, 1, width=32)),
    "threshold": st.none() | st.floats(0, 1, width=32),
}
BOXES = st.builds(
    Box,
    st.permutations([0, 1, 2, 3]).map(tuple),
    st.sampled_from(["boundaries", "upper_left", "center"]),
    st.sampled_from(["ratio", "pixel"]),
)
NORMAL = st.tuples(st.floats(-300, 300, width=32), st.floats(0.5, 300, width=32)).map(
    lambda pair: {"mean": pair[:1], "std": pair[1:]}
)
TENSORS = (
    st.builds(TensorMetadata, content=st.sampled_from(["", "feature"]), **PLAIN, **SCORES)
    | st.builds(TensorMetadata, content=st.just("box"), box=BOXES, **PLAIN)
    | st.builds(
        TensorMetadata,
        content=st.just("audio"),
        sound=st.builds(Sound, st.integers(1, 192000), st.integers(1, 8)),
        **PLAIN,
    )
    | st.tuples(NORMAL, st.sampled_from(["", "rgb", "grey"])).map(
        lambda both: TensorMetadata(content="image", colour=both[1], **both[0])
    )
)
ENDS = st.lists(TENSORS, max_size=3).map(tuple)
MODELS = st.builds(
    Metadata,
    **dict.fromkeys(("name", "description", "version", "author", "license", "min_parser_version"), TEXT),
    inputs=ENDS,
    outputs=ENDS,
    files=FILES,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # which a busy machine is
@given(MODELS)
def test_what_is_written_is_read_back_equal(metadata: Metadata) -> None:
    content = written(metadata)
    assert content[4:8] == b"M001"
    assert read(content) == metadata


def test_numbers_lie_where_the_schema_has_them() -> None:
    """Fields by their place in metadata_schema.fbs: ModelMetadata.min_parser_version is its eighth."""
    content = written(Metadata(min_parser_version="1.0.0"))
    root = struct.unpack_from("<I", content)[0]
    fields = root - struct.unpack_from("<i", content, root)[0]
    place = root + struct.unpack_from("<H", content, fields + 4 + 2 * 7)[0]
    text = place + struct.unpack_from("<I", content, place)[0]
    assert content[text : text + 9] == b"\x05\0\0\x001.0.0"


def at(content: bytes, *path: int) -> tuple[Table, int]:
    """Follow fields by their numbers, and the first of a vector of tables by a number below 0."""
    table = Table(content, struct.unpack_from("<I", content)[0])
    for number in path[:-1]:
        place = table.Offset(4 + 2 * abs(number))
        assert place
        start = table.Vector(place) if number < 0 else place + table.Pos
        table = Table(content, table.Indirect(start))
    return table, table.Offset(4 + 2 * path[-1])


GRAPH, INPUT, OUTPUT = -3, -2, -3
"""ModelMetadata.subgraph_metadata, SubGraphMetadata.input_tensor_metadata and output_tensor_metadata."""

CONTENT, UNITS, STATS, FILES_OF = 3, -4, 5, -6
"""Fields of TensorMetadata; of its first process unit and its first file."""

WHOLE = Metadata(
    name="n",
    description="d",
    version="v",
    author="a",
    license="l",
    inputs=(TensorMetadata(name="in", content="image", colour="grey", mean=(1.5,), std=(2.5,)),),
    outputs=(
        TensorMetadata(
            description="out",
            content="box",
            box=Box((1, 0, 3, 2), "center", "pixel"),
            calibration=Calibration(2, 0.25),
            low=(0.5,),
            high=(0.75,),
            files=(AssociatedFile("t.txt", AXIS_LABELS, "of t", "en", "7"),),
        ),
    ),
    files=(AssociatedFile("m.txt", VALUE_LABELS),),
)

TEXTS = {
    "name": (0, "n"),
    "description": (1, "d"),
    "version": (2, "v"),
    "author": (4, "a"),
    "license": (5, "l"),
    "file": (-6, 0, "m.txt"),
    "input": (GRAPH, INPUT, 0, "in"),
    "output": (GRAPH, OUTPUT, 1, "out"),
    "file of an output": (GRAPH, OUTPUT, FILES_OF, 0, "t.txt"),
    "its description": (GRAPH, OUTPUT, FILES_OF, 1, "of t"),
    "its locale": (GRAPH, OUTPUT, FILES_OF, 3, "en"),
    "its version": (GRAPH, OUTPUT, FILES_OF, 4, "7"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_lies_where_the_schema_has_it(what: str) -> None:
    """Fields by their order in metadata_schema.fbs 1.4."""
    *path, wanted = TEXTS[what]
    table, place = at(written(WHOLE), *map(int, path))
    assert place
    assert table.String(table.Pos + place).decode() == wanted


NUMBERS_AT = {
    "BoundingBoxProperties is 3 of ContentProperties": (GRAPH, OUTPUT, CONTENT, 0, "B", 3),
    "CENTER is 3 of BoundingBoxType": (GRAPH, OUTPUT, CONTENT, 1, 1, "b", 3),
    "PIXEL is 1 of CoordinateType": (GRAPH, OUTPUT, CONTENT, 1, 2, "b", 1),
    "ImageProperties is 2 of ContentProperties": (GRAPH, INPUT, CONTENT, 0, "B", 2),
    "GRAYSCALE is 2 of ColorSpaceType": (GRAPH, INPUT, CONTENT, 1, 0, "b", 2),
    "NormalizationOptions is 1 of ProcessUnitOptions": (GRAPH, INPUT, UNITS, 0, "B", 1),
    "ScoreCalibrationOptions is 2 of ProcessUnitOptions": (GRAPH, OUTPUT, UNITS, 0, "B", 2),
    "score_transformation": (GRAPH, OUTPUT, UNITS, 1, 0, "b", 2),
    "default_score": (GRAPH, OUTPUT, UNITS, 1, 1, "f", 0.25),
    "TENSOR_AXIS_LABELS is 2 of AssociatedFileType": (GRAPH, OUTPUT, FILES_OF, 2, "b", 2),
    "TENSOR_VALUE_LABELS is 3 of AssociatedFileType": (-6, 2, "b", 3),
}


@pytest.mark.parametrize("what", NUMBERS_AT)
def test_a_number_is_that_of_the_schema(what: str) -> None:
    *path, letter, wanted = NUMBERS_AT[what]
    table, place = at(written(WHOLE), *map(int, path))
    assert place
    assert struct.unpack_from(f"<{letter}", table.Bytes, table.Pos + place)[0] == wanted


FLOATS_AT = {
    "mean": (GRAPH, INPUT, UNITS, 1, 0, (1.5,)),
    "std": (GRAPH, INPUT, UNITS, 1, 1, (2.5,)),
    "max": (GRAPH, OUTPUT, STATS, 0, (0.75,)),
    "min": (GRAPH, OUTPUT, STATS, 1, (0.5,)),
}


@pytest.mark.parametrize("what", FLOATS_AT)
def test_numbers_of_a_tensor_lie_where_the_schema_has_them(what: str) -> None:
    *path, wanted = FLOATS_AT[what]
    table, place = at(written(WHOLE), *path)
    count = table.VectorLen(place)
    assert struct.unpack_from(f"<{count}f", table.Bytes, table.Vector(place)) == wanted


def test_a_box_is_written_in_its_order_and_a_threshold_as_the_third_of_units() -> None:
    table, place = at(written(WHOLE), GRAPH, OUTPUT, CONTENT, 1, 0)
    assert struct.unpack_from("<4I", table.Bytes, table.Vector(place)) == (1, 0, 3, 2)
    content = written(Metadata(outputs=(TensorMetadata(threshold=0.25),)))
    table, place = at(content, GRAPH, OUTPUT, UNITS, 0)
    assert table.Bytes[table.Pos + place] == 3
    table, place = at(content, GRAPH, OUTPUT, UNITS, 1, 0)
    assert struct.unpack_from("<f", table.Bytes, table.Pos + place) == (0.25,)


def test_audio_is_the_fourth_content_with_its_rate_before_its_channels() -> None:
    content = written(Metadata(inputs=(TensorMetadata(content="audio", sound=Sound(16000, 2)),)))
    table, place = at(content, GRAPH, INPUT, CONTENT, 0)
    assert table.Bytes[table.Pos + place] == 4
    for field, wanted in ((0, 16000), (1, 2)):
        table, place = at(content, GRAPH, INPUT, CONTENT, 1, field)
        assert struct.unpack_from("<I", table.Bytes, table.Pos + place) == (wanted,)
