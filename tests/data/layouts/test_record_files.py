from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import records as made
from tflbuild.data.layouts.record_files import count, crc32c, masked_crc, records


@pytest.mark.parametrize(
    ("content", "crc"),
    [  # RFC 3720, B.4: CRC Examples; the first is its check value in Koopman's tables.
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_a_checksum_is_that_of_the_standard(content: bytes, crc: int) -> None:
    assert crc32c(content) == crc


@given(st.binary(max_size=2000))
def test_a_checksum_in_lanes_is_that_of_one_bit_after_the_other(content: bytes) -> None:
    assert masked_crc(content) == made.crc(content)


def test_records_are_given_with_where_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.record"
    path.write_bytes(made.framed(b"one") + made.framed(b"") + made.framed(b"three" * 100))
    # 12 bytes before a content, 4 behind it.
    assert [(r.offset, r.content) for r in records(path)] == [(12, b"one"), (31, b""), (47, b"three" * 100)]


WHOLE = made.framed(b"one") + made.framed(b"second" * 20)
BROKEN: dict[str, tuple[Callable[[bytearray], bytes], str]] = {
    "cut off in a content": (lambda b: bytes(b[:-30]), "is cut off in record 2"),
    "cut off in a checksum": (lambda b: bytes(b[:-2]), "is cut off in record 2"),
    "cut off in a length": (lambda b: bytes(b[:24]), "is cut off in record 2"),
    "a bit of the content": (
        lambda b: bytes(b[:40]) + bytes([b[40] ^ 1]) + bytes(b[41:]),
        "is damaged: record 2, at byte 31, does not have its checksum",
    ),
    "a bit of the checksum": (
        lambda b: bytes(b[:-1]) + bytes([b[-1] ^ 1]),
        "is damaged: record 2, at byte 31, does not have its checksum",
    ),
    "a bit of a length": (
        lambda b: bytes(b[:19]) + bytes([b[19] ^ 1]) + bytes(b[20:]),
        "is damaged: the length of record 2 does not have its checksum",
    ),
    "text": (lambda b: b"not a record at all, but text", "is not a TFRecord file$"),
    "gzip": (lambda b: b"\x1f\x8b\x08" + bytes(30), "is not a TFRecord file, but a gzip file"),
    "Git LFS": (
        lambda b: b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "is not a TFRecord file, but a Git LFS pointer, not the file itself: git lfs pull",
    ),
    "nonsense": (lambda b: b"\xfe\x01\x02\x03" * 8, "is not a TFRecord file"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_is_cut_off_or_damaged_says_where(what: str, tmp_path: Path) -> None:
    change, message = BROKEN[what]
    path = tmp_path / "a.record"
    path.write_bytes(change(bytearray(WHOLE)))
    with pytest.raises(ValueError, match=f"^{message}"):
        list(records(path))


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.record"
    for position in range(len(WHOLE)):
        for bit in range(8):
            content = bytearray(WHOLE)
            content[position] ^= 1 << bit
            path.write_bytes(content)
            with pytest.raises(ValueError, match=r"is damaged|is not a TFRecord file"):
                list(records(path))


def test_a_length_beyond_all_reason_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    import struct

    head = struct.pack("<Q", 1 << 62)
    (tmp_path / "a.record").write_bytes(head + struct.pack("<I", made.crc(head)))
    with pytest.raises(ValueError, match=f"has a record of {1 << 62} bytes"):
        list(records(tmp_path / "a.record"))


def test_what_is_no_file_is_an_error_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.record")
    with pytest.raises(OSError, match="not a regular file"):
        list(records(tmp_path / "a.record"))


def test_records_are_counted_without_reading_them(tmp_path: Path) -> None:
    content = b"".join(map(made.framed, (b"one", b"", b"three")))
    for name, written, wanted in (
        ("whole", content, 3),
        ("cut", content[:-1], 2),
        ("none", b"", 0),
        ("text", b"a" * 99, 0),
    ):
        (tmp_path / name).write_bytes(written)
        assert count(tmp_path / name) == wanted, name
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        count(tmp_path / "pipe")
