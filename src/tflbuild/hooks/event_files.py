"""Write TensorBoard's event files: records of protobuf messages, each with its checksums.

Written here, so that a log of a training needs no package; TensorBoard itself reads them back in a test of its extra.

References:
    TensorFlow, "TFRecord and tf.train.Example": length, masked CRC-32C of the length, content, masked CRC-32C of it.
    TensorFlow, `event.proto` and `summary.proto`: the numbers of the fields.
    Castagnoli et al., "Optimization of cyclic redundancy-check codes with 24 and 32 parity bits", 1993: CRC-32C.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

VERSION = b"brain.Event:2"

WALL_TIME, STEP, FILE_VERSION, SUMMARY = 1, 2, 3, 5
"""Fields of an event."""

VALUE, TAG, SIMPLE_VALUE = 1, 1, 2
"""Field of a summary; fields of its values."""

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
"""Wire types of protobuf."""

CASTAGNOLI, MASK = 0x82F63B78, 0xA282EAD8


class EventFile:
    """One event file, written at once, so that TensorBoard shows a training that goes on.

    Args:
        folder: made if there is none.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = (
            f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}"
        )
        self._path = folder / name
        self._append(_event(now, _bytes(FILE_VERSION, VERSION)))

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Write scalars of one step."""
        if not values:
            return
        summary = b"".join(
            _bytes(VALUE, _bytes(TAG, name.encode()) + _key(SIMPLE_VALUE, FOUR) + struct.pack("<f", value))
            for name, value in values.items()
        )
        self._append(_event(time.time(), _key(STEP, VARINT) + _varint(step) + _bytes(SUMMARY, summary)))

    def _append(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        with self._path.open("ab") as file:
            file.write(length + _masked(length) + event + _masked(event))


def _event(now: float, content: bytes) -> bytes:
    return _key(WALL_TIME, EIGHT) + struct.pack("<d", now) + content


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(content: bytes) -> int:
    """Give the CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF)
