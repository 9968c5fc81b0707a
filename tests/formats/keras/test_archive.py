"""The zip archive of a `.keras` file: what is read of it, within limits, and what is written."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import pytest

from tflbuild.formats.keras import archive as keras_archive
from tflbuild.formats.keras.archive import Archive, pack, unpack

CONFIG = {"class_name": "Sequential", "config": {"layers": []}}


def written(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    parts = {
        "config.json": json.dumps(CONFIG).encode(),
        "metadata.json": b'{"keras_version": "2.15.0"}',
        "model.weights.h5": b"weights",
    } | {name.replace("_", ".", 1) if "." not in name else name: value for name, value in members.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_members_are_read_into_their_places() -> None:
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        found = unpack(written(compression))
        assert found == Archive(config=CONFIG, version="2.15.0", weights=b"weights")
    assert unpack(written(metadata_json=b"{}")).version == ""


def test_what_is_packed_is_unpacked_and_holds_three_members() -> None:
    made = Archive(config=CONFIG, version="2.15.0", weights=bytes(range(256)))
    assert unpack(pack(made)) == made
    with zipfile.ZipFile(io.BytesIO(pack(made))) as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]


def test_what_a_model_was_compiled_with_is_left_out_at_any_depth() -> None:
    deep = {"a": [{"compile_config": {"loss": 1}, "b": 2}], "compile_config": 3, "c": {"compile_config": 4}}
    found = unpack(written(config_json=json.dumps(deep).encode())).config
    assert found == {"a": [{"b": 2}], "c": {}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 no archive", "is a damaged archive (File is not a zip file)"),
        (written()[:-30], "is a damaged archive (File is not a zip file)"),
        (
            written(config_json=b"[]"),
            "holds config.json, which is a list, not a mapping",
        ),
        (written(metadata_json=b"x"), "holds metadata.json, which cannot be read as JSON: "),
        (written(zipfile.ZIP_BZIP2), "holds config.json encrypted or packed in a way that is not read"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        unpack(content)
    assert str(caught.value).startswith(said)


def without(name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written())) as given, zipfile.ZipFile(target, "w") as made:
        for member in given.namelist():
            if member != name:
                made.writestr(member, given.read(member))
    return target.getvalue()


def test_members_are_these_three_and_no_others() -> None:
    expected = "a .keras file holds config.json, metadata.json and model.weights.h5, once each"
    with pytest.raises(ValueError, match=r"^holds metadata\.json, model\.weights\.h5; ") as caught:
        unpack(without("config.json"))
    assert str(caught.value).endswith(expected)
    many = {f"m{k}.txt": b"" for k in range(7)}
    with pytest.raises(
        ValueError, match=r"^holds m0\.txt, m1\.txt, m2\.txt, m3\.txt, m4\.txt; a \.keras file"
    ):
        unpack(written(**many))


def test_a_damaged_member_is_one_sentence() -> None:
    content = written()
    with pytest.raises(ValueError, match=r"^is a damaged archive \(Bad CRC-32 for file"):
        unpack(content.replace(b"weights", b"wEights", 2).replace(b"model.wEights", b"model.weights"))


def test_an_encrypted_member_is_not_read() -> None:
    content = bytearray(written())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(signature)
        content[start + place : start + place + 2] = struct.pack("<H", 1)
    with pytest.raises(ValueError, match=r"^holds config\.json encrypted or packed"):
        unpack(bytes(content))


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_member_is_no_longer_than_the_most(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'{"keras_version": "2.15.0"}' if member == "metadata.json" else b'{"a": 1}'
    for most, right in ((len(content), True), (len(content) - 1, False)):
        monkeypatch.setitem(keras_archive.MOST, member, most)
        archive = written(**{member: content})
        if right:
            unpack(archive)
        else:
            with pytest.raises(
                ValueError, match=f"^holds more in {member} than its {len(content)} bytes may become"
            ):
                unpack(archive)


def test_a_member_grows_no_more_than_a_hundredfold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_archive, "SPARE", 7)
    for size, right in ((100, True), (200_000, False)):
        archive = written(zipfile.ZIP_DEFLATED, **{"model.weights.h5": bytes(size)})
        with zipfile.ZipFile(io.BytesIO(archive)) as made:
            stored = made.getinfo("model.weights.h5").compress_size
        assert (size <= 100 * stored + 7) is right
        if right:
            assert len(unpack(archive).weights) == size
        else:
            with pytest.raises(ValueError, match=f"than its {stored} bytes may become"):
                unpack(archive)


def test_a_size_that_lies_is_not_believed() -> None:
    archive = bytearray(written())
    start = archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02") + 1) + 1)
    archive[start + 24 : start + 28] = struct.pack("<I", 1 << 31)  # the weights' size, as unpacked
    with pytest.raises(ValueError, match=r"^(holds more in model.weights.h5|is a damaged archive)"):
        unpack(bytes(archive))


@pytest.mark.parametrize("error", [MemoryError("x"), OverflowError("x"), UnicodeError("x")])
def test_errors_of_the_library_are_named_by_their_kind(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(content: Any) -> None:
        raise error

    monkeypatch.setattr(keras_archive.zipfile, "ZipFile", fails)
    with pytest.raises(ValueError, match=rf"^is a damaged archive \({type(error).__name__}\)$"):
        unpack(b"")
