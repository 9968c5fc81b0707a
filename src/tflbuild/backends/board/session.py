"""A session on a board: ssh, the runner behind it, and messages with a limit of time."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy.typing as npt

from tflbuild.backends import frames, processes
from tflbuild.backends.board import failures
from tflbuild.backends.board.setup import Setup
from tflbuild.backends.one_at_a_time import one_at_a_time
from tflbuild.backends.programs import board_runner
from tflbuild.core import json_text
from tflbuild.core.errors import MissingTool, PassError
from tflbuild.core.form import Malformed
from tflbuild.core.plain_text import plain

GREETING = 1 << 16
"""Bytes that a board's shell may print before the runner's first line."""

LARGEST = 1 << 31
"""Bytes of the largest message that is believed."""

Answer = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]


class ConnectionLost(Exception):
    """The session ended; what it had said on standard error is the text."""


class Session:
    """A process on a board that has LiteRT; gone when it is closed, or nobody holds it any more.

    Args:
        setup: how it is reached.

    Attributes:
        facts: what the board is.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the session
        try:
            self._process = subprocess.Popen(
                setup.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise MissingTool(
                f"target.remote.ssh: there is no program '{plain(setup.ssh)}'; install it: "
                f"apt-get install openssh-client."
            ) from error
        self._finalizer = weakref.finalize(self, _end, self._process, self._errors)
        self._answers = frames.Reader(self._process.stdout)
        try:
            self.facts = self._greeted()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        self._finalizer()

    def ask(self, kind: bytes, fields: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            ConnectionLost: the connection ended.
            PassError: the board says what failed, or took too long.
        """
        with one_at_a_time(f"ssh {self._setup.name}"):
            self._write(message_of(kind, fields, arrays))
            answer, said, made = self._message(self._setup.timeout)
        if answer == b"E":
            raise PassError(f"{plain(self._setup.name)}: {plain(said.get('text', ''), 400)}")
        return said, made

    def _greeted(self) -> dict[str, str]:
        """Send the runner, and read what the board is.

        Raises:
            TflbuildError: there is no session; says why.
        """
        program = Path(str(board_runner.__file__)).read_bytes()
        deadline = time.monotonic() + self._setup.timeout
        try:
            self._write(f"{len(program)}\n".encode() + program)
            self._answers.skip(board_runner.START, GREETING, deadline)
            kind, said, _ = self._message(self._setup.timeout)
        except TimeoutError:
            raise self._late() from None
        except (ConnectionLost, frames.Ended):
            raise failures.failure(self._setup, self._code(), self._said()) from None
        if kind != b"S":
            raise MissingTool(f"{plain(self._setup.name)} answers, and not as the runner does.")
        facts = {name: plain(value, 200) for name, value in sorted(said.items())}
        if "litert" not in facts:
            raise MissingTool(
                f"{plain(self._setup.name)} has no LiteRT for its '{plain(self._setup.python)}': install it there "
                f"(pip install ai-edge-litert, or tflite-runtime), or give the Python that has it: "
                f"target.remote.python."
            )
        return {"name": self._setup.name, **facts}

    def _message(self, seconds: float) -> tuple[bytes, dict[str, Any], dict[str, npt.NDArray[Any]]]:
        try:
            content = self._answers.message(time.monotonic() + seconds, LARGEST)
        except frames.Oversized:
            raise PassError(f"{plain(self._setup.name)} sent what is no message of the runner.") from None
        except frames.Ended:
            raise ConnectionLost(self._said()) from None
        except TimeoutError:
            raise self._late() from None
        head = content[1:].partition(b"\n")[0]
        try:
            json_text.mapping_of(head)
            return board_runner.received(content)
        except (Malformed, ValueError, KeyError, TypeError) as error:
            raise PassError(f"{plain(self._setup.name)} sent what is no message of the runner.") from error

    def _late(self) -> PassError:
        """End the session, since what comes later would be taken for the answer to another request."""
        self.close()
        return PassError(
            f"{plain(self._setup.name)} took longer than target.remote.timeout={self._setup.timeout} s."
        )

    def _write(self, content: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ConnectionLost(self._said()) from error

    def _code(self) -> int:
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return 0

    def _said(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        return self._errors.read(1 << 16).decode("utf-8", "replace")


def message_of(kind: bytes, fields: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Give the bytes of a request, as the runner reads it."""
    target = io.BytesIO()
    board_runner.send(target, kind, dict(fields), dict(arrays))
    return target.getvalue()


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    processes.end(process, 2)
    errors.close()
