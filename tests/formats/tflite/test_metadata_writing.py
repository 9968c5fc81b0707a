"""TFLite metadata that are written: what was meant is read back, by our reader and by the flatbuffer's own rules."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from tflbuild.formats.tflite.metadata import read
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Box, Calibration, Metadata, TensorMetadata
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
