"""Samples packed into a delivered `.tflite`: named by its metadata, read back, and nothing else is changed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import proven
from tflbuild.core.errors import RecipeError
from tflbuild.formats.tflite import metadata
from tflbuild.formats.tflite.embedded_samples import embedded, extract
from tflbuild.formats.tflite.packed_files import member
from tflbuild.formats.tflite.sample_archive import archive_digest
from tflbuild.tflite import entries, flatbuffer

FILES = {"samples.json": b"{}", "samples.tsv": b"sample\n", "000/input_0.bin": bytes(range(256))}


@pytest.fixture
def content(integer_classifier: Path, tmp_path: Path) -> bytes:
    """Give a file as it is delivered, with class names behind it."""
    return proven.classifier(integer_classifier, tmp_path).path.read_bytes()


def said(content: bytes) -> metadata.Metadata:
    found = entries.entry(content, metadata.NAME)
    assert found is not None
    return metadata.read(found)


def test_the_file_says_of_itself_what_it_said_and_names_the_samples(content: bytes) -> None:
    made = embedded(content, FILES)
    before, after = said(content), said(made)
    assert [file.name for file in after.files] == [
        *(file.name for file in before.files),
        *(f"samples/{name}" for name in FILES),
    ]
    assert (after.inputs, after.outputs, after.name) == (before.inputs, before.outputs, before.name)
    assert member(made, "labels.txt") == member(content, "labels.txt") == b"bright\ndark\n"
    graphs = [flatbuffer.pack(flatbuffer.unpack(one)) for one in (content, made)]
    facts = [flatbuffer.unpack(one).metadata for one in graphs]
    assert {entry.name for entry in facts[0]} == {entry.name for entry in facts[1]}


def test_a_graph_with_samples_behind_it_gives_the_same_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "whole.tflite"
    path.write_bytes(embedded(content, FILES))
    made = []
    for one in (tmp_path / "model.tflite", path):
        interpreter = Interpreter(model_path=str(one))
        interpreter.allocate_tensors()
        given = interpreter.get_input_details()[0]
        interpreter.set_tensor(given["index"], np.arange(192, dtype=np.int8).reshape(1, 8, 8, 3))
        interpreter.invoke()
        made.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes())
    assert made[0] == made[1]


def test_samples_are_stored_as_apps_map_them_and_read_back(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "whole.tflite"
    path.write_bytes(embedded(content, FILES))
    with zipfile.ZipFile(path) as archive:
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None
    assert extract(path, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


def test_later_samples_take_the_place_of_earlier_ones(content: bytes, tmp_path: Path) -> None:
    once = embedded(content, {"samples.json": b"new"})
    assert embedded(content, {"samples.json": b"new"}) == once, "the same at any time"
    path = tmp_path / "again.tflite"
    path.write_bytes(embedded(embedded(content, FILES), {"samples.json": b"new"}))
    assert extract(path, tmp_path / "out")
    assert [one.name for one in (tmp_path / "out").rglob("*")] == ["samples.json"]
    assert (tmp_path / "out/samples.json").read_bytes() == b"new"
    assert said(path.read_bytes()).files == said(once).files


def test_of_very_many_samples_metadata_name_the_two_files_that_name_the_others(content: bytes) -> None:
    many = {**FILES, **{f"{n:03d}/output_0.bin": b"x" for n in range(300)}}
    made = embedded(content, many)
    named = [file.name for file in said(made).files if file.name.startswith("samples/")]
    assert named == ["samples/samples.json", "samples/samples.tsv"]
    assert member(made, "samples/299/output_0.bin") == b"x"


def test_a_file_without_samples_has_none(content: bytes, integer_classifier: Path, tmp_path: Path) -> None:
    assert not extract(integer_classifier, tmp_path / "out"), "there is no archive behind it"
    assert not extract(tmp_path / "model.tflite", tmp_path / "out"), "the archive holds class names"


@pytest.mark.parametrize("name", ["../../out", "/etc/x", "a//b"])
def test_a_file_that_names_a_place_elsewhere_is_refused(content: bytes, tmp_path: Path, name: str) -> None:
    path = tmp_path / "whole.tflite"
    path.write_bytes(embedded(content, {name: b"x"}))
    with pytest.raises(RecipeError, match="the archive behind it, which holds its samples, is damaged"):
        extract(path, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_damaged_archive_is_named(content: bytes, tmp_path: Path) -> None:
    whole = bytearray(embedded(content, FILES))
    place = bytes(whole).rindex(bytes(range(256)))
    whole[place] ^= 0xFF
    path = tmp_path / "whole.tflite"
    path.write_bytes(bytes(whole))
    with pytest.raises(RecipeError, match="is damaged"):
        extract(path, tmp_path / "out")


def test_the_digest_of_a_folder_of_samples_is_that_of_the_archive_it_came_from(
    integer_classifier: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    said, _ = proven.proof(proven.classifier(integer_classifier, tmp_path / "run"), tmp_path / "run")
    folder = tmp_path / "run/samples"
    assert archive_digest(folder) == said["sha256"]
    tensor = folder / "004/output_0.bin"
    kept = tensor.read_bytes()
    tensor.write_bytes(b"xx")
    assert archive_digest(folder) not in ("", said["sha256"])
    tensor.unlink()
    assert archive_digest(folder) == ""
    tensor.write_bytes(kept)
    assert archive_digest(folder) == said["sha256"]
    assert archive_digest(tmp_path) == ""
