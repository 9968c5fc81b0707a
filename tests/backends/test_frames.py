"""Messages over a pipe: whole ones in order, ones that end early, come late, or are too large."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import IO

import pytest

from tflbuild.backends import frames
from tflbuild.backends.frames import Reader

Pipe = tuple[IO[bytes], IO[bytes]]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as given, open(write, "wb", buffering=0) as target:
        yield given, target


def soon() -> float:
    return time.monotonic() + 0.05


def test_messages_come_whole_and_in_order_after_what_was_printed_before(pipe: Pipe) -> None:
    given, target = pipe
    target.write(b"Welcome!\nSTART\n")
    for message in (b"Ofirst", b"E", b"O" + bytes(30_000)):
        frames.write(target, message)
    reader = Reader(given)
    reader.skip(b"START\n", 100, soon())
    assert [reader.message(soon(), 1 << 20) for _ in range(2)] == [b"Ofirst", b"E"]
    assert len(reader.message()) == 30_001


def test_the_size_is_eight_bytes_little_endian(pipe: Pipe) -> None:
    frames.write(pipe[1], b"Rx")
    assert pipe[0].read(10) == b"\x02\0\0\0\0\0\0\0Rx"


def test_a_program_that_ends_or_says_nothing_is_told_apart(pipe: Pipe) -> None:
    given, target = pipe
    target.write((9).to_bytes(8, "little") + b"Ohalf")
    reader = Reader(given)
    with pytest.raises(TimeoutError):
        reader.message(soon())
    target.close()
    with pytest.raises(frames.Ended):
        reader.message(soon())


@pytest.mark.parametrize("size", [0, 101, 1 << 60])
def test_a_message_that_nobody_believes_is_not_waited_for(pipe: Pipe, size: int) -> None:
    pipe[1].write(size.to_bytes(8, "little"))
    with pytest.raises(frames.Oversized):
        Reader(pipe[0]).message(soon(), 100)


def test_a_shell_that_talks_on_is_no_program(pipe: Pipe) -> None:
    pipe[1].write(b"x" * 300)
    with pytest.raises(frames.Ended):
        Reader(pipe[0]).skip(b"START", 100, soon())
