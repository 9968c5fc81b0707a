"""Messages between the main process and its workers: pickled, framed and checked, over a socket."""

from __future__ import annotations

import pickle
import socket
import struct
import threading
import zlib
from typing import Any

MAGIC = b"tflb"
HEADER = struct.Struct("<4sIQ")
"""Of every frame: `MAGIC`, CRC-32 and length of what follows."""

CHUNK = 1 << 20  # bytes read at a time


class ChannelClosed(Exception):
    """The other side is gone."""


class ChannelGarbled(Exception):
    """The bytes that came are no message: something else wrote to the socket."""


class Channel:
    """One end of a socket pair.

    Whatever comes, reading neither blocks nor allocates more than came: a worker runs foreign code, which may write
    anything to a file descriptor that it finds open.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._come = bytearray()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Give the file descriptor, to wait for."""
        return self._end.fileno()

    def send(self, message: object) -> None:
        """Send a message; nothing is sent of one that cannot be pickled.

        Raises:
            ChannelClosed: the other side is gone.
        """
        content = pickle.dumps(message)
        header = HEADER.pack(MAGIC, zlib.crc32(content), len(content))
        with self._sending:
            try:
                self._end.sendall(header + content)
            except OSError as error:
                raise ChannelClosed(str(error)) from error

    def take(self) -> list[Any]:
        """Give the messages that have come whole, without waiting.

        Raises:
            ChannelClosed: there is none, and the other side is gone.
            ChannelGarbled: what came is no message.
        """
        closed = False
        while not closed:
            try:
                chunk = self._end.recv(CHUNK, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            closed = not chunk
            self._come += chunk
        messages = self._whole()
        if closed and not messages:
            raise ChannelClosed
        return messages

    def wait(self) -> Any:
        """Give the next message, however long it takes.

        Raises:
            ChannelClosed: the other side is gone.
            ChannelGarbled: what came is no message.
        """
        while True:
            for message in self._whole(most=1):
                return message
            try:
                chunk = self._end.recv(CHUNK)
            except OSError:
                chunk = b""
            if not chunk:
                raise ChannelClosed
            self._come += chunk

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _whole(self, most: int | None = None) -> list[Any]:
        messages: list[Any] = []
        while most is None or len(messages) < most:
            if self._come[: len(MAGIC)] != MAGIC[: len(self._come)]:
                raise ChannelGarbled("it begins like no message")
            if len(self._come) < HEADER.size:
                break
            _, check, length = HEADER.unpack_from(self._come)
            end = HEADER.size + length
            if len(self._come) < end:
                break
            content = bytes(self._come[HEADER.size : end])
            del self._come[:end]
            if zlib.crc32(content) != check:
                raise ChannelGarbled("a message was changed on its way")
            messages.append(_unpickled(content))
        return messages


def pair() -> tuple[Channel, socket.socket]:
    """Give our end, and the socket that becomes the other's."""
    ours, theirs = socket.socketpair()
    return Channel(ours), theirs


def _unpickled(content: bytes) -> Any:
    try:
        return pickle.loads(content)
    except Exception as error:  # unpickling calls what the message names, which may raise anything
        raise ChannelGarbled(f"a message cannot be read here: {type(error).__name__}: {error}") from error
