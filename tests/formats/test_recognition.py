"""Formats by content; of everything else it is said what it is, and how it becomes what is read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import keras_files
import tflite_files
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import FORMATS, Description, Format
from tflbuild.formats.onnx.model_format import Onnx
from tflbuild.formats.recognition import recognised_format


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    tflite = tflite_files.written(tmp_path, tflite_files.classifier(), "model.h5")
    h5 = keras_files.h5(tmp_path / "model.tflite", keras_files.dense())
    archive = keras_files.keras(tmp_path / "model.zip", keras_files.dense())
    assert [recognised_format(path).name for path in (tflite, h5, archive)] == ["tflite", "keras", "keras"]


def test_a_format_of_a_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Weights(Format):
        name = "weights"
        suffixes = (".w",)

        def recognises(self, path: Path, beginning: bytes) -> bool:
            return path.is_dir() or beginning == b"weights"

        def describe(self, path: Path) -> Description:
            raise NotImplementedError

    known: Any = FORMATS
    monkeypatch.setattr(known, "_classes", {**dict(FORMATS.items()), "weights": Weights})
    assert isinstance(recognised_format(tflite_files.written(tmp_path, b"weights")), Weights)
    assert isinstance(recognised_format(tmp_path), Weights)
    with pytest.raises(
        RecipeError,
        match=r"keras \(\.h5, \.keras\), onnx \(\.onnx\), .*, torch_export \(\.pt2\), weights \(\.w\)\.$",
    ):
        recognised_format(tflite_files.written(tmp_path, b"??", "other"))


@pytest.mark.parametrize(
    "content",
    [
        b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\xff\x01",  # as torch.onnx writes it
        b"\x08\x09:\x80\x01\n\x05\n\x01x",
        b"\x08\x08B\x02\x10\x11",
    ],
)
def test_an_onnx_file_is_known_by_its_version_and_the_field_behind_it(content: bytes, tmp_path: Path) -> None:
    assert recognised_format(tflite_files.written(tmp_path, content, "my.bin")).name == "onnx"


def test_each_field_of_a_model_may_follow_the_version_and_no_other(tmp_path: Path) -> None:
    """By onnx.proto: producer 2 and 3, domain 4, version 5 (a number), text 6, graph 7, operators 8, properties 14."""
    wanted = {number << 3 | (0 if number == 5 else 2) for number in (2, 3, 4, 5, 6, 7, 8, 14)}
    found = {tag for tag in range(256) if Onnx().recognises(tmp_path, bytes([0x08, 0x0A, tag]))}
    assert found == wanted


@pytest.mark.parametrize(
    "members", [("serialized_exported_program.json", "version"), ("net/archive_format", "net/data/weights/0")]
)
def test_a_program_of_pytorch_is_recognised_in_both_forms(members: tuple[str, ...], tmp_path: Path) -> None:
    assert (
        recognised_format(tflite_files.written(tmp_path, zipped(*members), "my.bin")).name == "torch_export"
    )


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(
                zipfile.ZipInfo(name), b"x"
            )  # without the time, which would be in the names of tests
    return target.getvalue()


TORCH = (
    "a PyTorch model, which is not read: it is a pickle, which could run code; save the model as a .pt2 with"
)
SAVED = "the saved_model.pb of a TensorFlow SavedModel: give its folder instead."
FROZEN = "a frozen graph of TensorFlow 1, which is not read: tflite_convert --enable_v1_converter"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x08\x01\x12\xa9\x80\x32\x0a", SAVED),
        (zipped("archive/data.pkl", "archive/data/0"), TORCH),
        (zipped("model/data.pkl", "model/code/__torch__.py"), TORCH),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", TORCH),
        (b"\x80\x02ctorch._utils\n_rebuild", TORCH),
        (b"\x0a\x0d\x0a\x05image\x12\x04Const", FROZEN),
        (b"\x0a\x95\x01\x0a\x05image\x12\x0bPlaceholder*\x05", FROZEN),
        (b"\x0a\x05\x0b\x05image", ""),
        (zipped("a/b/c/d/saved_model.pb"), "a zip archive."),
        (zipped("x.npy", "y.npy"), "an archive of NumPy arrays."),
        (zipped("word/document.xml"), "a zip archive."),
        (zipped(), ""),
        (zipped("a")[:-10], "a zip archive."),
        (b"\x80\x04\x95\x10", "a pickle."),
        (POINTER, "a Git LFS pointer, not the file itself: git lfs pull."),
        (b"\x93NUMPY\x01\0", "a NumPy array."),
        (b"\x1f\x8b\x08", "a gzip file."),
        (b"<!DOCTYPE html><html>", "a web page."),
        (b"", "empty."),
        (b"\x08", ""),
        (b"\x08\x07\x00", ""),
        (b"random words", ""),
    ],
)
def test_what_else_it_is_is_said(content: bytes, said: str, tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, content, "my.bin")
    with pytest.raises(RecipeError) as caught:
        recognised_format(path)
    known = f"model.path: '{path}' has none of the known formats, "
    known += "keras (.h5, .keras), "
    known += "onnx (.onnx), saved_model (a folder with saved_model.pb, .zip), tflite (.tflite), "
    known += "torch_export (.pt2)"
    assert str(caught.value).startswith(f"{known}; it is {said}" if said else f"{known}.")
    assert "\n" not in str(caught.value)


def test_a_folder_and_an_archive_are_a_saved_model_or_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"; it is a folder without a saved_model\.pb\.$"):
        recognised_format(tmp_path)
    inner = tmp_path / "export" / "saved_model"
    inner.mkdir(parents=True)
    (inner / "saved_model.pb").write_bytes(b"\x08\x01\x12\x00")
    packed = tflite_files.written(
        tmp_path, zipped("m/saved_model.pb", "m/variables/variables.index"), "m.zip"
    )
    for path in (inner, inner.parent, packed):
        assert recognised_format(path).name == "saved_model"


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    locked = tmp_path / "file"
    locked.write_bytes(b"")
    for path, said in (
        (tmp_path / "missing", "there is no file"),
        (locked / "inner", "there is no file"),
        (Path("a\0b"), "there is no file"),
        (tmp_path / "fifo", "not a regular file:"),
        (tmp_path / ("x" * 300), "File name too long:"),
    ):
        with pytest.raises(RecipeError, match=rf"^model\.path: {said} '"):
            recognised_format(path)


def test_the_key_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^base: there is no file"):
        recognised_format(tmp_path / "missing", key="base: ")


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("mlperf_tiny/kws_ref_model", "saved_model"),
        ("odapi/ssd_mobilenet_v2/exporter_main_v2", "saved_model"),
        ("odapi/efficientdet_d0/export_tflite_graph_tf2/saved_model", "saved_model"),
        ("mlperf_tiny/vww_96.h5", "keras"),
        ("onnx/FastestDet.onnx", "onnx"),
        ("onnx/mobilenet_v2_0.35_128.onnx", "onnx"),
        ("onnx/st_ssd_mobilenet_v1_025_256.onnx", "onnx"),
        ("coral/split_concat_edgetpu.tflite", "tflite"),
    ],
)
def test_real_files_are_of_their_formats(name: str, format_: str, shared_models: Path) -> None:
    assert recognised_format(shared_models / name).name == format_


def test_an_archive_of_very_many_members_is_not_listed(tmp_path: Path) -> None:
    names = [f"{'x' * 200}{number}" for number in range(5000)]
    path = tflite_files.written(tmp_path, zipped(*names, "saved_model.pb"))
    with pytest.raises(RecipeError, match=r"; it is a zip archive\.$"):
        recognised_format(path)


def test_no_framework_is_imported(tmp_path: Path) -> None:
    keras_files.h5(tmp_path / "model.h5", keras_files.dense())
    tflite_files.written(tmp_path, tflite_files.classifier("SOFTMAX"))
    script = (
        "import sys; from pathlib import Path; from tflbuild.core.model_format import FORMATS\n"
        "from tflbuild.formats.recognition import recognised_format\n"
        "FORMATS.items(); print(sorted({'numpy', 'h5py', 'flatbuffers'} & set(sys.modules)))\n"
        "for name in ('model.h5', 'model.tflite'):\n"
        "    found = recognised_format(Path(name)); found.check(Path(name)); found.describe(Path(name))\n"
        "heavy = {'tensorflow', 'tf_keras', 'ai_edge_litert.interpreter', 'litert_quantizer', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["[]", "[]"]
