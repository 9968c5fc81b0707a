"""Print text for people: free of what a terminal would obey, and without failing where nobody reads it.

A reader may go away (`| head`), a disk may be full, a terminal may hang up or know few letters. None of that is a
reason to end a build: its report says how it went.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tflbuild.core.plain_text import harmless

GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET)
"""Error numbers of a write whose reader has left; the user should know of all others."""

COMMAND = "tflbuild "
"""Beginning of a command in a line."""


class Sheltered(io.TextIOBase):
    """A stream that a program can always write to; once nobody can be reached, it writes to nobody.

    Args:
        stream: what is behind it; None where it was closed before the program began.
        redirect: lead the file descriptor to nowhere when the stream is lost, so that neither C code nor the end of
            the process stumbles over it. Only for the process's own standard streams.

    Attributes:
        lost: why it can no longer be written; None as long as it can.
    """

    def __init__(self, stream: TextIO | None, *, redirect: bool = False) -> None:
        self.lost: Exception | None = None
        self._stream = stream
        self._redirect = redirect

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Give the stream's encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write what the encoding can hold; the rest as escapes."""
        fitting = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        self._try(lambda stream: stream.write(fitting))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._try(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Say whether a terminal is behind it."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return self._stream is not None and self.lost is None and self._stream.isatty()
        return False

    def writable(self) -> bool:
        """Say that it can always be written."""
        return True

    def fileno(self) -> int:
        """Give the file descriptor behind it."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__.get("_stream"), name)

    def _try(self, act: Callable[[TextIO], object]) -> None:
        if self._stream is None or self.lost is not None:
            return
        try:
            act(self._stream)
        except BlockingIOError:
            return  # a reader that is slow today; what it missed is lost, what follows may reach it
        except (OSError, ValueError) as error:  # ValueError: it was closed
            self.lost = error
            self._lead_nowhere()

    def _lead_nowhere(self) -> None:
        if not self._redirect:
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def sheltered() -> Iterator[None]:
    """Shelter the standard streams of this process, which is ours from its start to its end."""
    _occupy_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Sheltered(stream, redirect=True) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def unwritten() -> str:
    """Say why the standard output could not be written; "" where it could, or where its reader left."""
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    if not isinstance(lost, OSError) or lost.errno in GONE:
        return ""
    return lost.strerror or str(lost)


def say(text: str, file: TextIO | Sheltered | None = None, *, fold: bool = False) -> None:
    """Print text of any origin, at once.

    Args:
        text: may have several lines.
        file: where to; None for the standard output.
        fold: break lines that a terminal is too narrow for between words; it would break them anywhere.
    """
    stream = file if file is not None else sys.stdout
    shelter = stream if isinstance(stream, Sheltered) else Sheltered(stream)
    text = harmless(text)
    if fold and shelter.isatty():
        text = "\n".join(folded(line, _columns(shelter)) for line in text.split("\n"))
    shelter.write(text + "\n")
    shelter.flush()


def warn(text: str, *, fold: bool = False) -> None:
    """Print text of any origin on the standard error."""
    say(text, sys.stderr if sys.stderr is not None else Sheltered(None), fold=fold)


def folded(line: str, columns: int) -> str:
    """Break a line between words; one with a command stays whole, so that it can be copied.

    >>> folded("  a sentence of a few words", 20).splitlines()
    ['  a sentence of a', '    few words']
    >>> folded("go on with: tflbuild rerun outputs", 20)
    'go on with: tflbuild rerun outputs'
    """
    if len(line) <= columns or COMMAND in line:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(),
        max(columns, 20),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(stream: Sheltered) -> int:
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return int(asked)
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns
    return 80


def _occupy_descriptors() -> None:
    """Open what was closed of the first three, so that no file that is opened later is taken for a standard stream."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, descriptor, inheritable=True)
            if opened != descriptor:
                os.close(opened)


def show_looking(done: int, total: int) -> None:
    """Say on a terminal how many files of a large data set were looked at; the line is wiped in the end."""
    stream = Sheltered(sys.stderr)
    if stream.isatty():
        text = f"looking at {total:,} samples: {done:,}" if done < total else ""
        stream.write(f"\r{text}\x1b[K")
        stream.flush()
