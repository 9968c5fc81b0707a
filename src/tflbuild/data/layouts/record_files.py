"""TFRecord files: records behind one another, each with its length and two checksums; read without TensorFlow."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflbuild.core import checksum
from tflbuild.core.file_kind import kind_of
from tflbuild.core.regular_file import check_regular

MOST_BYTES = 1 << 30
"""Bytes of one record above which its length is taken for nonsense."""

LANE = 64
"""Words of a record that are summed behind one another; as many lanes as a record has are summed beside one another."""

BEGINNING = 512
"""Bytes by which the kind of another file is told."""

HEAD = struct.Struct("<QI")
TAIL = struct.Struct("<I")

Words = NDArray[np.uint32]


class Record(NamedTuple):
    """One record: where its content begins in the file, and the content."""

    offset: int
    content: bytes


def records(path: os.PathLike[str] | str) -> Iterator[Record]:
    """Give the records of a file, one at a time; each is held to its checksum.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is cut off, damaged or no TFRecord; the message completes "FILE ".

    References:
        TensorFlow, TFRecord and tf.train.Example: "TFRecords format details".
    """
    from pathlib import Path

    check_regular(Path(path))
    with open(path, "rb") as file:
        size, number = os.fstat(file.fileno()).st_size, 0
        kind = kind_of(file.read(BEGINNING))
        file.seek(0)
        while head := file.read(HEAD.size):
            number += 1
            length = _length(head, number, size - file.tell(), kind)
            offset = file.tell()
            content, tail = file.read(length), file.read(TAIL.size)
            if len(tail) < TAIL.size:
                raise ValueError(f"changed while it was read, in record {number}")
            if masked_crc(content) != TAIL.unpack(tail)[0]:
                raise ValueError(f"is damaged: record {number}, at byte {offset}, does not have its checksum")
            yield Record(offset, content)


def count(path: os.PathLike[str] | str) -> int:
    """Count the records of a file by their lengths alone, unchecked; those before what is no record, or cut off.

    Raises:
        OSError: the file cannot be read, or is no regular file.
    """
    from pathlib import Path

    check_regular(Path(path))
    found = 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while len(head := file.read(HEAD.size)) == HEAD.size:
            end = file.tell() + HEAD.unpack(head)[0] + TAIL.size
            if end > size:
                break
            file.seek(end)
            found += 1
    return found


def _length(head: bytes, number: int, left: int, kind: str) -> int:
    """Read the length of a record; `left` bytes follow in a file of some kind."""
    if len(head) < HEAD.size:
        raise ValueError(_cut_off(number))
    length, crc = HEAD.unpack(head)
    if masked_crc(head[:8]) != crc:
        if number == 1:
            raise ValueError(f"is not a TFRecord file{f', but {kind}' if kind else ''}")
        raise ValueError(f"is damaged: the length of record {number} does not have its checksum")
    if length > MOST_BYTES:
        raise ValueError(f"has a record of {length} bytes, the {number}th; at most {MOST_BYTES} are read")
    if length + TAIL.size > left:
        raise ValueError(_cut_off(number))
    return int(length)


def _cut_off(number: int) -> str:
    return f"is cut off in record {number}"


def masked_crc(content: bytes) -> int:
    """Give the masked CRC-32C of bytes, as a TFRecord has it.

    >>> hex(masked_crc(b"123456789"))
    '0xc78ab0e5'
    """
    return checksum.masked(crc32c(content))


def crc32c(content: bytes) -> int:
    """Give the CRC-32C of bytes.

    A checksum is linear, so bytes are summed in lanes, and the sums of the lanes put together.

    References:
        RFC 3720, B.4, for the polynomial and for examples.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    if len(content) < 16:
        return checksum.crc32c(content)
    lanes = -(-len(content) // (4 * LANE))
    padded = np.zeros(lanes * 4 * LANE, np.uint8)  # zeros before the content change nothing
    padded[len(padded) - len(content) :] = np.frombuffer(content, np.uint8)
    padded[len(padded) - len(content) :][:4] ^= 255
    words = np.ascontiguousarray(padded.view("<u4").reshape(lanes, LANE).T)
    crc = np.zeros(lanes, np.uint32)
    for row in words:
        crc = _after_word(crc ^ row)
    total = 0
    for lane in crc.tolist():
        total = _moved(total) ^ lane
    return total ^ 0xFFFFFFFF


TABLE = np.array(checksum.TABLE, np.uint32)


def _pairs() -> tuple[Words, Words]:
    """Give what two bytes at once make of a checksum, where two more follow, and where none does."""
    last = [TABLE]
    for _ in range(3):
        last.append(TABLE[last[-1] & 255] ^ last[-1] >> np.uint32(8))
    low, high = np.arange(1 << 16) & 255, np.arange(1 << 16) >> 8
    return last[3][low] ^ last[2][high], last[1][low] ^ last[0][high]


FIRST, SECOND = _pairs()


def _after_word(crc: Words) -> Words:
    """Sum four bytes that are in the checksum already."""
    after: Words = FIRST[crc & 0xFFFF] ^ SECOND[crc >> np.uint32(16)]
    return after


def _lane_tables() -> list[list[int]]:
    """Give what each byte of a checksum becomes when the zeros of one lane follow."""
    tables = []
    for shift in (0, 8, 16, 24):
        crc = np.arange(256, dtype=np.uint32) << np.uint32(shift)
        for _ in range(LANE):
            crc = _after_word(crc)
        tables.append(crc.tolist())
    return tables


MOVED = _lane_tables()


def _moved(crc: int) -> int:
    return MOVED[0][crc & 255] ^ MOVED[1][crc >> 8 & 255] ^ MOVED[2][crc >> 16 & 255] ^ MOVED[3][crc >> 24]
