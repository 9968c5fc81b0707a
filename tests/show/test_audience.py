"""Output that nobody reads, that cannot be written, and text that a terminal would obey."""

from __future__ import annotations

import errno
import io
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.cli import main
from tflbuild.show import audience
from tflbuild.show.audience import Sheltered, say, sheltered, unwritten


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
    assert capsys.readouterr().err == "error: describe: there is nothing called '\\x1b[2J\\u202e'.\n"


def test_the_streams_of_a_program_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    mine: Any = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with sheltered():
        assert isinstance(sys.stdout, Sheltered)
        assert sys.stdout._redirect
        assert sys.stderr._redirect  # type: ignore[attr-defined]
    assert sys.stdout is mine


class Behind(io.StringIO):
    """A stream that counts, and fails where it is told to."""

    encoding = "utf-8"

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error, self.flushed = error, 0

    def write(self, text: str) -> int:
        if self.error:
            raise self.error
        return super().write(text)

    def flush(self) -> None:
        self.flushed += 1

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 77


def test_a_sheltered_stream_is_as_the_one_behind_it() -> None:
    behind = Behind()
    stream = Sheltered(behind)
    assert stream.write("a\ud800ü") == 3
    assert behind.getvalue() == "a\\ud800ü"
    stream.flush()
    assert (behind.flushed, stream.isatty(), stream.fileno(), stream.encoding) == (1, True, 77, "utf-8")
    assert stream.writable()
    assert stream.getvalue() == "a\\ud800ü"
    assert stream.lost is None


def test_nothing_behind_a_sheltered_stream_is_nobody() -> None:
    stream = Sheltered(None)
    assert stream.write("abc") == 3
    assert (stream.encoding, stream.isatty(), stream.lost) == ("utf-8", False, None)
    with pytest.raises(io.UnsupportedOperation, match="fileno"):
        stream.fileno()


def test_a_lost_stream_is_no_terminal() -> None:
    stream = Sheltered(Behind(OSError(errno.EIO, "gone")))
    stream.write("a")
    assert not stream.isatty()


def test_a_stream_is_led_nowhere_only_where_it_is_the_processs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    fake = SimpleNamespace(
        devnull="nowhere",
        O_WRONLY=1,
        open=lambda path, flags: calls.append((path, flags)) or 5,
        dup2=lambda old, new: calls.append((old, new)),
        close=calls.append,
    )
    monkeypatch.setattr(audience, "os", fake)
    Sheltered(Behind(OSError(errno.EPIPE, "x"))).write("a")
    assert calls == []
    Sheltered(Behind(OSError(errno.EPIPE, "x")), redirect=True).write("a")
    assert calls == [("nowhere", 1), (5, 77), 5]


LOST = [
    (None, ""),
    (OSError(errno.ENOSPC, "No space left"), "No space left"),
    (OSError("odd"), "odd"),
    (ValueError("closed"), ""),
    *((OSError(number, "gone"), "") for number in (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO)),
    (OSError(errno.ECONNRESET, "gone"), ""),
    (OSError(errno.EROFS, "read-only"), "read-only"),
]


@pytest.mark.parametrize(("error", "why"), LOST)
def test_a_reader_that_left_is_no_fault_and_a_full_disk_is(
    error: Exception | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Sheltered(Behind(error))
    stream.write("a")
    monkeypatch.setattr(sys, "stdout", stream)
    assert unwritten() == why


def test_what_is_said_is_handed_on_at_once_to_the_stream_that_is_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    behind = Behind()
    stream = Sheltered(behind)
    say("a\x1b", stream)
    assert (behind.getvalue(), behind.flushed) == ("a\\x1b\n", 1)
    say("b", behind)
    assert behind.getvalue() == "a\\x1b\nb\n"
    say("c")
    audience.warn("d")
    assert capsys.readouterr() == ("c\n", "d\n")


def test_descriptors_that_were_closed_are_occupied(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def fstat(descriptor: int) -> None:
        if descriptor in (0, 2):
            raise OSError(errno.EBADF, "closed")

    opened = iter((0, 5))
    fake = SimpleNamespace(
        devnull="nowhere",
        O_RDWR=2,
        fstat=fstat,
        open=lambda path, flags: calls.append((path, flags)) or next(opened),
        dup2=lambda old, new, inheritable: calls.append((old, new, inheritable)),
        close=calls.append,
    )
    monkeypatch.setattr(audience, "os", fake)
    audience._occupy_descriptors()
    assert calls == [("nowhere", 2), (0, 0, True), ("nowhere", 2), (5, 2, True), 5]


def test_a_terminal_breaks_no_word_and_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    sentence = "error: model.type: there is no model 'fake_model'; there are file, keras, mobilenet_v1, mobilenet_v2."
    command = "to run only the failed pass: tflbuild reproduce outputs/ssd_mobilenet_int8/2026-12-01_08-00-00-and-more"
    for screen, whole in ((Terminal(), False), (io.StringIO(), True)):
        audience.say(f"{sentence}\n{command}", screen, fold=True)
        *first, last = screen.getvalue().splitlines()
        assert last == command
        assert " ".join(line.strip() for line in first) == sentence
        assert (len(first) == 1) is whole
        assert whole or max(map(len, first)) <= 80
    plain = Terminal()
    audience.say(sentence, plain)
    assert plain.getvalue() == f"{sentence}\n", "what is not a sentence, such as JSON, is printed as it is"
