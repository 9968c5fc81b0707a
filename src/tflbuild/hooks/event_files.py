"""Write TensorBoard's event files: records of protobuf messages, each with its checksums.

Written here, so that a log of a training needs no package; TensorBoard itself reads them back in a test of its extra.

References:
    TensorFlow, "TFRecord and tf.train.Example": length, masked CRC-32C of the length, content, masked CRC-32C of it.
    TensorFlow, `event.proto` and `summary.proto`: the numbers of the fields.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from tflbuild.core.checksum import crc32c, masked
from tflbuild.core.protobuf import EIGHT, FOUR, VARINT, encoded, key_of, sized

VERSION = b"brain.Event:2"

WALL_TIME, STEP, FILE_VERSION, SUMMARY = 1, 2, 3, 5
"""Fields of an event."""

VALUE, TAG, SIMPLE_VALUE = 1, 1, 2
"""Field of a summary; fields of its values."""


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
        self._append(_event(now, sized(FILE_VERSION, VERSION)))

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Write scalars of one step."""
        if not values:
            return
        summary = b"".join(
            sized(VALUE, sized(TAG, name.encode()) + key_of(SIMPLE_VALUE, FOUR) + struct.pack("<f", value))
            for name, value in values.items()
        )
        self._append(_event(time.time(), key_of(STEP, VARINT) + encoded(step) + sized(SUMMARY, summary)))

    def _append(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        with self._path.open("ab") as file:
            file.write(length + _masked(length) + event + _masked(event))


def _event(now: float, content: bytes) -> bytes:
    return key_of(WALL_TIME, EIGHT) + struct.pack("<d", now) + content


def _masked(content: bytes) -> bytes:
    return struct.pack("<I", masked(crc32c(content)))
