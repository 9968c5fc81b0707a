"""The zip archive behind a model: one member by name, within limits, whatever is in it."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

import tflite_files
from tflbuild.formats.tflite import packed_files
from tflbuild.formats.tflite.packed_files import member

MODEL = b"\x1c\0\0\0TFL3" + bytes(100)


def test_a_member_is_read_whichever_way_it_is_packed() -> None:
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = tflite_files.packed_behind(MODEL, {"a.txt": b"cat\ndog", "b.txt": b"x"}, compression)
        assert content.startswith(MODEL)
        assert member(content, "a.txt") == b"cat\ndog"
        assert member(content, "b.txt") == b"x"


def test_an_archive_that_was_made_by_itself_is_read_behind_a_model() -> None:
    alone = tflite_files.packed_behind(b"", {"a.txt": b"cat"})
    assert member(MODEL + alone, "a.txt") == b"cat"


def test_labels_of_real_files_are_read(shared_models: Path) -> None:
    """ImageNet has 1,000 classes, and these models a background before them."""
    content = (shared_models / "tflite_support/mobilenet_v1_0.25_224_quant.tflite").read_bytes()
    lines = member(content, "labels.txt").decode().splitlines()
    assert (len(lines), lines[0], lines[1], lines[-1]) == (1001, "background", "tench", "toilet tissue")


PACKED = tflite_files.packed_behind(MODEL, {"a.txt": b"cat"})


def encrypted() -> bytes:
    content = bytearray(PACKED)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(signature)
        content[start + place : start + place + 2] = struct.pack("<H", 1)
    return bytes(content)


def twice() -> bytes:
    target = io.BytesIO(PACKED)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(target, "a") as archive:
        archive.writestr("a.txt", b"dog")
    return target.getvalue()


def long_directory() -> bytes:
    content = bytearray(PACKED)
    struct.pack_into("<I", content, content.index(b"PK\x05\x06") + 12, (1 << 20) + 1)
    return bytes(content)


def of_64_bits() -> bytes:
    place = PACKED.index(b"PK\x05\x06")
    return PACKED[:place] + b"PK\x06\x07" + bytes(16) + PACKED[place:]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not in the file: no archive follows the model"),
        (MODEL, "is not in the file: no archive follows the model"),
        (PACKED[:-1], "is not in the file: no archive follows the model"),
        (tflite_files.packed_behind(MODEL, {"b.txt": b""}), "is not in the archive after the model"),
        (long_directory(), "is packed in an archive of more members than labels need"),
        (of_64_bits(), "is packed in an archive of more members than labels need"),
        (encrypted(), "is encrypted or packed in a way that is not read"),
        (
            tflite_files.packed_behind(MODEL, {"a.txt": b"cat"}, zipfile.ZIP_BZIP2),
            "is encrypted or packed in a way",
        ),
        (PACKED.replace(b"cat", b"cow"), r"is packed in a damaged archive \(Bad CRC-32"),
        (PACKED.replace(b"PK\x01\x02", b"PK\x01\x03"), r"is packed in a damaged archive \(Bad magic number"),
        (PACKED.replace(b"PK\x03\x04", b"PK\x03\x05"), r"is packed in a damaged archive \(Bad magic number"),
        (MODEL + b"PK\x05\x06" + bytes(18), "is not in the archive after the model"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        member(content, "a.txt")


def test_a_name_that_is_there_twice_is_not_chosen_from() -> None:
    with pytest.raises(ValueError, match=r"^is more than once in the archive"):
        member(twice(), "a.txt")


def test_a_member_is_no_longer_than_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_files, "MOST_BYTES", 1000)
    for size, right in ((1000, True), (1001, False), (10_000_000, False)):
        content = tflite_files.packed_behind(MODEL, {"a.txt": bytes(size)}, zipfile.ZIP_DEFLATED)
        if right:
            assert len(member(content, "a.txt")) == size
        else:
            with pytest.raises(ValueError, match=r"^has more than 1000 bytes, which no list of labels has"):
                member(content, "a.txt")


def test_a_name_is_no_path(tmp_path: Path) -> None:
    for name in ("../outside.txt", "/etc/passwd", "a/../../b.txt"):
        assert member(tflite_files.packed_behind(MODEL, {name: b"cat"}), name) == b"cat"
    assert list(tmp_path.parent.glob("outside.txt")) == []


@pytest.mark.parametrize("error", [MemoryError(""), OverflowError("x"), struct.error("x"), IndexError("x")])
def test_errors_of_the_library_are_one_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(content: object) -> None:
        raise error

    monkeypatch.setattr(packed_files.zipfile, "ZipFile", fails)
    said = str(error) or type(error).__name__
    with pytest.raises(ValueError, match=rf"^is packed in a damaged archive \({said}\)$"):
        member(PACKED, "a.txt")
