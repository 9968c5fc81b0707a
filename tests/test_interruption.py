"""SIGTERM and SIGHUP end a command as Ctrl-C does."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tflbuild import interruption
from tflbuild.interruption import heeded

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Begin with what a process begins with, and leave what was there."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(interruption.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_an_interrupt_with_its_name(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt, match=f"^{number.name}$"), heeded():
        signal.raise_signal(number)
    assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL, signal.SIG_DFL]


def interrupts(number: signal.Signals) -> bool:
    """Tell whether a signal is heeded; an interrupt that got out would end the tests."""
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        return True
    return False


def test_another_within_ten_seconds_is_not_heeded(clock: list[float]) -> None:
    heard = []
    with heeded():
        for now, number in zip((0.0, 9.9, 10.0, 19.9), (*SIGNALS, *SIGNALS), strict=True):
            clock[0] = now
            heard.append(interrupts(number))
    assert heard == [True, False, True, False]


def test_a_command_that_begins_later_heeds_the_first(clock: list[float]) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), heeded():
            signal.raise_signal(signal.SIGTERM)


def test_what_is_ignored_or_handled_already_stays_so() -> None:
    came: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    theirs = signal.getsignal(signal.SIGTERM)
    with heeded():
        assert not interrupts(signal.SIGHUP)
        assert not interrupts(signal.SIGTERM)
        assert (came, signal.getsignal(signal.SIGTERM)) == ([signal.SIGTERM], theirs)
    assert (signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)) == (signal.SIG_IGN, theirs)


def test_a_thread_sets_no_handler() -> None:
    found: list[object] = []

    def run() -> None:
        with heeded():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


class Finalized:
    """Is interrupted while it is finalized, where Python drops what is raised."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGINT])
def test_an_interrupt_that_python_drops_comes_again(number: signal.Signals) -> None:
    def waiting() -> None:
        made: Any = Finalized(number)
        del made
        threading.Event().wait(20)

    with pytest.raises(KeyboardInterrupt) as interrupted, heeded():
        waiting()
    assert str(interrupted.value) == ("" if number is signal.SIGINT else number.name)


def test_what_else_python_drops_is_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Broken:
        def __del__(self) -> None:
            raise ValueError("it is broken")

    with heeded():
        made: Any = Broken()
        del made
    assert [str(what.exc_value) for what in told] == ["it is broken"]
    assert sys.unraisablehook == told.append
