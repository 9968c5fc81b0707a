"""The zip archive behind a `.tflite`, which holds the files that its metadata name; read within limits, and written."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from tflbuild.core.plain_text import plain

MOST_BYTES = 1 << 20
"""Bytes that are unpacked of a member."""

MOST_DIRECTORY = 1 << 20
"""Bytes of the list of members."""

END, END_BYTES = b"PK\x05\x06", 22
LARGE, LARGE_BYTES = b"PK\x06\x07", 20
"""The mark before the end of an archive whose sizes have 64 bits."""

MOST_COMMENT = 1 << 16

EARLIEST, UNIX = (1980, 1, 1, 0, 0, 0), 3
"""Date and system of members that are written."""

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    KeyError,
    IndexError,
    ValueError,  # UnicodeError is one
    NotImplementedError,
    RuntimeError,
    OverflowError,
    MemoryError,
)
"""Exceptions of `zipfile` where an archive is none."""


def member(content: bytes, name: str) -> bytes:
    """Read one member.

    Args:
        content: the whole file, the flatbuffer first.
        name: of the member; no path is made of it.

    Raises:
        ValueError: there is no archive, no such member, or it is damaged or too large; the message completes "it ".
    """
    try:
        _check_directory(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(archive, name)
    except _Unwanted:
        raise
    except DAMAGED as error:
        raise ValueError(
            f"is packed in a damaged archive ({plain(error, 80) or type(error).__name__})"
        ) from error


def packed_behind(content: bytes, files: Mapping[str, bytes]) -> bytes:
    """Pack files behind a flatbuffer, uncompressed, since tools map them into memory; the same bytes at any time.

    Args:
        content: of the flatbuffer.
        files: content by name; none leave the flatbuffer as it is.
    """
    if not files:
        return content
    whole = io.BytesIO()
    whole.write(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, stored in files.items():
            entry = zipfile.ZipInfo(name, date_time=EARLIEST)
            entry.create_system, entry.external_attr = UNIX, 0o100644 << 16
            archive.writestr(entry, stored)
    return whole.getvalue()


class _Unwanted(ValueError):
    """The archive is whole, but does not hold what is wanted."""


def _check_directory(content: bytes) -> None:
    """Look at the archive's end before `zipfile` does, which reads a list of members of any length."""
    place = content.rfind(END, max(0, len(content) - END_BYTES - MOST_COMMENT))
    if place < 0 or place + END_BYTES > len(content):
        raise _Unwanted("is not in the file: no archive follows the model")
    (size,) = struct.unpack_from("<I", content, place + 12)
    if size > MOST_DIRECTORY or content.startswith(LARGE, max(0, place - LARGE_BYTES)):
        raise _Unwanted("is packed in an archive of more members than labels need")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    found = [one for one in archive.infolist() if one.filename == name]
    if len(found) != 1:
        raise _Unwanted(f"is {'not' if not found else 'more than once'} in the archive after the model")
    (one,) = found
    if one.flag_bits & 1 or one.compress_type not in COMPRESSIONS:
        raise _Unwanted("is encrypted or packed in a way that is not read")
    with archive.open(one) as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _Unwanted(f"has more than {MOST_BYTES} bytes, which no list of labels has")
    return content
