"""Messages with a program that runs apart: the size in 8 bytes, little-endian, and the message.

The first byte of a message says what it is. The programs write and read the same; each of them is one file that imports
nothing of ours, since it runs in an environment, or on a board.
"""

from __future__ import annotations

import os
import select
import time
from typing import IO

SIZE = 8
"""Bytes that say how long a message is."""

PIECE = 1 << 20
"""Bytes that are read at once, at most."""


class Ended(Exception):
    """The program closed its end before the message was whole."""


class Oversized(Exception):
    """The size of a message is beyond what is believed, or nothing."""


def write(stream: IO[bytes] | None, message: bytes) -> None:
    """Write a message.

    Raises:
        OSError: nobody reads it.
    """
    assert stream is not None
    stream.write(len(message).to_bytes(SIZE, "little") + message)
    stream.flush()


class Reader:
    """Reads messages of a pipe, each within a time.

    Args:
        stream: the pipe; nobody else reads it.
    """

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._descriptor = stream.fileno()
        self._buffer = bytearray()

    def message(self, until: float | None = None, most: int | None = None) -> bytes:
        """Give the next message.

        Args:
            until: when it must be there, by the monotonic clock; None for whenever.
            most: bytes of the largest that is believed; None for any.

        Raises:
            Ended: the program ended.
            TimeoutError: it did not come in time.
            Oversized: it is empty, or larger than that.
        """
        size = int.from_bytes(self._take(SIZE, until), "little")
        if most is not None and not 0 < size <= most:
            raise Oversized
        return self._take(size, until)

    def skip(self, marker: bytes, most: int, until: float) -> None:
        """Read up to a marker, and past it.

        Raises:
            Ended: the program ended, or more came before it.
            TimeoutError: it did not come in time.
        """
        while marker not in self._buffer:
            if len(self._buffer) > most:
                raise Ended
            self._fill(PIECE, until)
        del self._buffer[: self._buffer.index(marker) + len(marker)]

    def _take(self, count: int, until: float | None) -> bytes:
        while len(self._buffer) < count:
            self._fill(min(max(count - len(self._buffer), 1), PIECE), until)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _fill(self, most: int, until: float | None) -> None:
        left = None if until is None else max(0.0, until - time.monotonic())
        ready, _, _ = select.select([self._descriptor], [], [], left)
        if not ready:
            raise TimeoutError
        piece = os.read(self._descriptor, most)
        if not piece:
            raise Ended
        self._buffer += piece
