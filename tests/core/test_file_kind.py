"""What a file is, by first bytes that real files of the kind have."""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path

import pytest

from tflbuild.core.file_kind import first_member, kind_of


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a", "b")
    return made.getvalue()


def sound() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0")
    return made.getvalue()


def array() -> bytes:
    import numpy as np

    made = io.BytesIO()
    np.save(made, np.zeros(3))
    return made.getvalue()


def hdf5() -> bytes:
    import h5py

    made = io.BytesIO()
    with h5py.File(made, "w"):
        pass
    return made.getvalue()


def compressed() -> bytes:
    import gzip

    return gzip.compress(b"x")


def program() -> bytes:
    import sys

    return Path(sys.executable).read_bytes()[:512]


def icon() -> bytes:
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (16, 16)).save(made, "ICO")
    return made.getvalue()


MADE = [
    (hdf5, "an HDF5 file"),
    (array, "a NumPy array"),
    (archive, "a zip archive"),
    (compressed, "a gzip file"),
    (sound, "a sound"),
    (program, "a program"),
    (icon, "an icon"),
]
WRITTEN = [
    (b"", "empty"),
    (b"%PDF-1.7\n", "a PDF"),
    (b"%!PS-Adobe-3.0", "PostScript"),
    (b"\xc5\xd0\xd3\xc6 \0\0\0", "PostScript"),
    (b"8BPS\0\x01", "a Photoshop file"),
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "a Git LFS pointer, not the file itself: git lfs pull",
    ),
    (b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model"),
    (b"\0\0\0\x18ftypheic\0", "HEIC"),
    (b"\0\0\0\x18ftypheix\0", "HEIC"),
    (b"\0\0\0\x18ftypmif1\0", "HEIF"),
    (b"\0\0\0\x18ftypcrx \0", "a raw photo"),
    (b"\0\0\0\x18ftypisom\0", "a video"),
    (b"\0\0\x01\xba!", "a video"),
    (b"RIFF\x24\0\0\0AVI LIST", "a video"),
    (b"ID3\x03", "a sound"),
    (b"OggS\0", "a sound"),
    (b"fLaC\0", "a sound"),
    (b"\n <?xml version='1.0'?>\n<SVG xmlns=''>", "an SVG drawing"),
    (b"<svg>", "an SVG drawing"),
    (b" \n<!DOCTYPE HTML><p>", "a web page"),
    (b"<html><body>", "a web page"),
    (b"<?xml version='1.0'?><annotation/>", "XML"),
    (b"<annotation/>", ""),
    (b"plain text, <?xml later", ""),
    (b" " * 512 + b"<svg>", ""),
    (b"\xff\xd8\xff\xe0", ""),
    (b"xTFL3", ""),
]


@pytest.mark.parametrize(("make", "kind"), MADE, ids=[row[1] for row in MADE])
def test_files_that_their_own_tools_wrote_are_known(make, kind: str) -> None:  # type: ignore[no-untyped-def]
    assert kind_of(make()) == kind


@pytest.mark.parametrize(("content", "kind"), WRITTEN)
def test_signatures_of_published_formats_are_known(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_the_first_member_of_an_archive_is_named_by_its_beginning() -> None:
    assert first_member(archive()) == "a"
    assert first_member(archive()[:31]) == "a"
    assert first_member(archive()[:29]) == ""
    assert first_member(b"PK\x05\x06" + bytes(40)) == ""
    assert first_member(b"") == ""
