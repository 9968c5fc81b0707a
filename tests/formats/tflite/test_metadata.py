"""TFLite metadata: what is read of them, against files that others wrote, and what is malformed."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

import tflite_files
from tflbuild.formats.tflite import metadata
from tflbuild.formats.tflite.metadata import metadata_of, read
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Box, Metadata, TensorMetadata
from tflbuild.tflite.model import Model
from tflbuild.tflite.tables import Malformed
from tflite_files import Tensor


def test_what_was_written_is_read() -> None:
    made = tflite_files.metadata(
        inputs=[Tensor(2, 1, [1.5], [2.5], name="picture"), Tensor(1), Tensor()],
        outputs=[Tensor(3, files=[("a.txt", 3), ("b.txt", 2)])],
        files=[("c.txt", 1)],
    )
    assert read(made) == Metadata(
        name="a model",
        inputs=(
            TensorMetadata(name="picture", content="image", colour="rgb", mean=(1.5,), std=(2.5,)),
            TensorMetadata(name="named", content="feature"),
            TensorMetadata(name="named"),
        ),
        outputs=(
            TensorMetadata(
                name="named", content="box", files=(AssociatedFile("a.txt", 3), AssociatedFile("b.txt", 2))
            ),
        ),
        files=(AssociatedFile("c.txt", 1),),
    )


def test_grey_is_grey_and_a_picture_may_say_no_colours() -> None:
    for colour, said in ((2, "grey"), (0, ""), (7, "")):
        assert read(tflite_files.metadata([Tensor(2, colour)])).inputs[0].colour == said


def test_a_model_without_metadata_has_none() -> None:
    content = tflite_files.classifier("SOFTMAX")
    assert metadata_of(Model(content)) is None
    other = tflite_files.with_metadata(content, b"1.5.0", name="min_runtime_version")
    assert metadata_of(Model(other)) is None


def test_real_metadata_are_read(shared_models: Path) -> None:
    """These take x / 127.5 - 1, as the folder's README says."""
    folder = shared_models / "tflite_support"
    files = {
        "mobilenet_v1_0.25_224_1_metadata_1": ("labels.txt", 2),
        "mobilenet_v1_0.25_224_quant": ("labels.txt", 2),
    }
    for name, (labels, kind) in files.items():
        found = metadata_of(Model((folder / f"{name}.tflite").read_bytes()))
        assert found is not None
        assert found.inputs[0].content == "image"
        assert found.inputs[0].colour == "rgb"
        assert (found.inputs[0].mean, found.inputs[0].std) == ((127.5,), (127.5,))
        assert [file[:2] for file in found.outputs[0].files] == [(labels, kind)]


def test_a_real_detector_names_the_values_of_its_second_output(shared_models: Path) -> None:
    path = shared_models / "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
    found = metadata_of(Model(path.read_bytes()))
    assert found is not None
    assert [one.content for one in found.outputs] == ["box", "feature", "feature", "feature"]
    assert [file[:2] for file in found.outputs[1].files] == [("labelmap.txt", 3)]
    assert found.outputs[0].box == Box((1, 0, 3, 2), "boundaries", "ratio")
    assert (found.author, found.version) == ("TensorFlow", "v1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"is not in the format of metadata \(M001\)"),
        (b"\x08\0\0\0M002" + bytes(40), r"is not in the format of metadata \(M001\)"),
        (b"\xff\xff\xff\xffM001" + bytes(40), "points outside of itself"),
        (b"\x08\0\0\0M001" + bytes(8), "has a table whose description makes no sense"),
        (tflite_files.metadata([Tensor(2, 1, [0.0], [0.0])]), r"normalizes by mean \[0\] and std \[0\]"),
        (tflite_files.metadata([Tensor(2, 1, [0.0], [-1.0])]), r"normalizes by mean \[0\] and std \[-1\]"),
        (
            tflite_files.metadata([Tensor(2, 1, [math.nan], [1.0])]),
            r"normalizes by mean \[nan\] and std \[1\]",
        ),
        (
            tflite_files.metadata([Tensor(2, 1, [1.0], [math.inf])]),
            r"normalizes by mean \[1\] and std \[inf\]",
        ),
        (tflite_files.metadata([Tensor(2, 1, [1.0], [])]), r"normalizes by mean \[1\] and std \[\]"),
        (
            tflite_files.metadata([Tensor(2, 1, [1.0] * 5, [0.0])]),
            r"normalizes by mean \[1, 1, 1, 1, \.\.\.\] and std",
        ),
        (tflite_files.metadata([Tensor(2, 1, [1.0] * 5000, [1.0])]), "has 5000 numbers for mean"),
        (tflite_files.metadata([Tensor()] * 300), "has 300 entries of input tensor metadata"),
    ],
)
def test_what_is_malformed_is_said(content: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=f"^{said}"):
        read(content)


def test_metadata_are_no_larger_than_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    content = tflite_files.metadata()
    monkeypatch.setattr(metadata, "MOST_BYTES", len(content))
    assert read(content) == Metadata(name="a model")
    monkeypatch.setattr(metadata, "MOST_BYTES", len(content) - 1)
    with pytest.raises(Malformed, match="more than metadata need"):
        read(content)


def test_a_graph_that_is_left_out_has_no_tensors() -> None:
    content = bytearray(tflite_files.metadata([Tensor()]))
    root = struct.unpack_from("<I", content, 0)[0]
    fields = root - struct.unpack_from("<i", content, root)[0]
    struct.pack_into("<H", content, fields + 4 + 2 * 3, 0)  # subgraph_metadata, absent
    assert read(bytes(content)) == Metadata(name="a model")


@pytest.mark.parametrize("unit", [0, 4, 5, 100])
def test_a_process_unit_of_another_kind_is_not_followed(unit: int) -> None:
    found = read(tflite_files.metadata([Tensor(2, 1, [1.0], [2.0], unit=unit)]))
    assert found.inputs[0] == TensorMetadata(name="named", content="image", colour="rgb")
