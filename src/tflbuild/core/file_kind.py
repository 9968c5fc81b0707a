"""Name what a file is by its first bytes, for sentences about files that were expected to be something else."""

from __future__ import annotations

SIGNATURES = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself: git lfs pull"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypcrx", "a raw photo"),
    (4, b"ftyp", "a video"),
    (0, b"\0\0\1\xba", "a video"),
    (8, b"WAVE", "a sound"),
    (8, b"AVI ", "a video"),
    (0, b"ID3", "a sound"),
    (0, b"OggS", "a sound"),
    (0, b"fLaC", "a sound"),
    (0, b"\x7fELF", "a program"),
)
"""Offset of a signature, the signature, and its meaning; the first that fits counts."""


ZIP, ZIP_NAME = b"PK\x03\x04", 30
"""Beginning of a zip archive, and where the name of its first member lies."""


def first_member(beginning: bytes) -> str:
    """Name the first member of a zip archive; "" where it is none, or is cut off before.

    Args:
        beginning: of the file.
    """
    if not beginning.startswith(ZIP) or len(beginning) < ZIP_NAME:
        return ""
    length = int.from_bytes(beginning[26:28], "little")
    return beginning[ZIP_NAME : ZIP_NAME + length].decode("utf-8", "replace")


def kind_of(content: bytes) -> str:
    """Name what a file is, with its article; "" where its first bytes do not say.

    Args:
        content: the beginning of the file, 512 bytes or more.
    """
    if not content:
        return "empty"
    for start, signature, kind in SIGNATURES:
        if content.startswith(signature, start):
            return kind
    text = content[:512].lstrip().lower()
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return "XML" if text.startswith(b"<?xml") else ""
