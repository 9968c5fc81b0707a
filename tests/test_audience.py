"""Output that nobody reads, that cannot be written, and text that a terminal would obey."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

import pytest

from tflbuild import audience
from tflbuild.audience import Sheltered, say, sheltered
from tflbuild.cli import main


class Failing(io.StringIO):
    """A stream that cannot be written.

    Args:
        error: what a write raises.
        times: how often; then it works.
    """

    def __init__(self, error: Exception, times: int = 1000) -> None:
        super().__init__()
        self.error, self.times, self.tried = error, times, 0

    def write(self, text: str) -> int:
        self.tried += 1
        if self.tried <= self.times:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize(
    "error", [BrokenPipeError(errno.EPIPE, "x"), OSError(errno.EIO, "x"), ValueError("closed")]
)
def test_a_stream_that_is_lost_is_left_alone(error: Exception) -> None:
    behind = Failing(error)
    stream = Sheltered(behind)
    stream.write("one")
    stream.write("two")
    stream.flush()
    assert behind.tried == 1
    assert stream.lost is error
    assert not stream.isatty()


def test_a_reader_that_is_slow_today_is_not_given_up() -> None:
    behind = Failing(BlockingIOError(errno.EAGAIN, "x"), times=1)
    stream = Sheltered(behind)
    stream.write("one")
    stream.write("two")
    assert behind.getvalue() == "two"


def test_nothing_is_behind_a_stream_that_was_closed_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    say("to nobody")
    audience.warn("to nobody")
    assert main(["--version"]) == 0
    assert main(["nonsense"]) == 2
    assert sys.stdout is None


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_an_encoding_lacks_are_written_as_escapes(encoding: str) -> None:
    content = io.BytesIO()
    stream = io.TextIOWrapper(content, encoding)
    say("grün – 猫", stream)
    wanted = {"ascii": b"gr\\xfcn \\u2013 \\u732b\n", "latin-1": b"gr\xfcn \\u2013 \\u732b\n"}
    assert content.getvalue() == wanted.get(encoding, "grün – 猫\n".encode())


def test_what_a_terminal_would_obey_is_shown_instead(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\n\ttwo \x1b]0;title\x07\x1b[2J \u202eback \x9b31m \udcff")
    assert capsys.readouterr().out == "one\n\ttwo \\x1b]0;title\\x07\\x1b[2J \\u202eback \\x9b31m \\udcff\n"


def test_a_pipe_without_a_reader_is_led_nowhere() -> None:
    """Else Python's own flush, when the process ends, would fail where nobody can catch it."""
    reading, writing = os.pipe()
    os.close(reading)
    behind = os.fdopen(writing, "w")
    stream = Sheltered(behind, redirect=True)
    stream.write("x" * 100_000)
    stream.flush()
    assert isinstance(stream.lost, BrokenPipeError)
    behind.flush()
    behind.close()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 0, ""),
        (OSError(errno.EIO, "Input/output error"), 0, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "cannot be written: No space left on device"),
    ],
)
def test_a_command_whose_result_is_what_it_prints_says_that_it_was_lost(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(error))
    assert main(["list", "targets"]) == code
    printed = capsys.readouterr().err
    assert said in printed if said else not printed


def test_errors_are_said_as_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "\x1b[2J\u202e"]) == 2
    assert capsys.readouterr().err == "error: describe: nothing is called '\\x1b[2J\\u202e'.\n"


def test_the_streams_of_a_program_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    mine: Any = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with sheltered():
        assert isinstance(sys.stdout, Sheltered)
    assert sys.stdout is mine
