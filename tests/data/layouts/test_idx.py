"""IDX files against bytes written by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tflbuild.core.errors import DataError
from tflbuild.data.layouts import idx

# By hand: two zeros, type 08 (unsigned byte), two axes, 2 x 3 values.
BYTES = bytes.fromhex("00000802 00000002 00000003 0001020304ff")


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_are_read_plain_or_in_gzip_whatever_the_name(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "some-idx2-ubyte"
    path.write_bytes(gzip.compress(BYTES, mtime=0) if packed else BYTES)
    assert idx.read(path) == idx.Idx("|u1", (2, 3), bytes([0, 1, 2, 3, 4, 255]))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("00000901 00000002 ff7f", [-1, 127]),
        ("00000b01 00000002 ffff 0100", [-1, 256]),
        ("00000c01 00000001 00010000", [65536]),
        ("00000d01 00000001 3fc00000", [1.5]),
        ("00000e01 00000001 c004000000000000", [-2.5]),
        ("00000800 07", 7),
    ],
)
def test_every_type_of_value_is_big_endian(tmp_path: Path, text: str, values: object) -> None:
    path = tmp_path / "values"
    path.write_bytes(bytes.fromhex(text))
    found = idx.read(path)
    assert np.frombuffer(found.data, found.dtype).reshape(found.shape).tolist() == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it begins with nothing; expected 00 00, a type of 08, 09, 0b"),
        (b"\x89PNG\r\n\x1a\n", "is not an IDX file: it begins with 89 50 4e 47"),
        (bytes.fromhex("00000a01 00000000"), "is not an IDX file: it begins with 00 00 0a 01"),
        (bytes(2) + b"\x08", "is not an IDX file: it begins with 00 00 08; expected"),
        (b"\0\1\x08\0", "is not an IDX file: it begins with 00 01 08 00"),
        (BYTES[:9], "ends within its header of 12 bytes, after 9"),
        (BYTES[:-1], "is truncated: its header says 2 x 3 values, 6 bytes; 5 follow"),
        (BYTES + b"\0", "is too long: its header says 2 x 3 values, 6 bytes; 7 follow"),
        (gzip.compress(BYTES, mtime=0)[:-12], "does not unpack"),
        (gzip.compress(BYTES, mtime=0)[:10] + b"\xff" * 20, "does not unpack: Error -3"),
        (gzip.compress(BYTES, mtime=0)[:-8] + bytes(8), "does not unpack: CRC check failed"),
    ],
)
def test_what_is_no_whole_idx_file_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^data.root: {path} {message}"):
        idx.read(path)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        idx.read(tmp_path / "nothing")
