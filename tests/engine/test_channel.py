"""Messages over a socket that anything may write to."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tflbuild.engine.workers.channel import HEADER, MAGIC, Channel, ChannelClosed, ChannelGarbled, pair


class Unreadable:
    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("nowhere/nothing",))


class Ends(NamedTuple):
    """Our channel, the other's, and the other's socket, which anything may write to."""

    ours: Channel
    other: Channel
    theirs: socket.socket


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = pair()
    yield Ends(ours, Channel(theirs), theirs)
    ours.close()
    theirs.close()


def test_messages_come_whole_and_in_order(ends: Ends) -> None:
    ours, other, _ = ends
    assert ours.take() == []
    large = os.urandom(5_000_000)
    sending = threading.Thread(target=lambda: [other.send(message) for message in ("first", large, 3)])
    sending.start()
    come: list[object] = []
    while len(come) < 3:
        come += ours.take()
    sending.join()
    assert come == ["first", large, 3]


def test_one_who_waits_gets_one_message_at_a_time(ends: Ends) -> None:
    ours, other, _ = ends
    ours.send("a")
    ours.send("b")
    assert (other.wait(), other.wait()) == ("a", "b")


def test_what_was_sent_before_the_end_still_comes(ends: Ends) -> None:
    ours, other, _ = ends
    other.send("last words")
    other.close()
    assert ours.take() == ["last words"]
    for ask in (ours.take, ours.wait):
        with pytest.raises(ChannelClosed):
            ask()
    with pytest.raises(ChannelClosed):
        ours.send("too late")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"x", "begins like no message"),
        (b"tfl?", "begins like no message"),
        (HEADER.pack(b"????", 0, 1 << 60), "begins like no message"),
        (HEADER.pack(MAGIC, 0, 4) + b"junk", "changed on its way"),
    ],
)
def test_garbage_is_noticed_at_once(ends: Ends, written: bytes, why: str) -> None:
    ours, _, theirs = ends
    theirs.sendall(written)
    with pytest.raises(ChannelGarbled, match=why):
        ours.take()


def test_garbage_behind_a_message_is_noticed(ends: Ends) -> None:
    ours, other, theirs = ends
    other.send("fine")
    theirs.sendall(b"garbage")
    with pytest.raises(ChannelGarbled):
        ours.take()


def test_a_length_that_never_comes_takes_no_memory(ends: Ends) -> None:
    ours, _, theirs = ends
    theirs.sendall(HEADER.pack(MAGIC, 0, 1 << 60))
    assert ours.take() == []


def test_a_message_that_cannot_be_read_here_is_garbage(ends: Ends) -> None:
    ours, other, _ = ends
    other.send(Unreadable())
    with pytest.raises(ChannelGarbled, match="cannot be read here: FileNotFoundError"):
        ours.take()


def test_nothing_is_sent_of_what_cannot_be_pickled(ends: Ends) -> None:
    ours, other, _ = ends
    with pytest.raises(Exception, match="lambda"):
        other.send(lambda: None)
    other.send("next")
    assert ours.take() == ["next"]
