"""Print how a build ended, where a terminal is looked at: in the colour of its tone, and without breaking a word."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from tflbuild.core.plain_text import harmless
from tflbuild.show.audience import Sheltered, say, warn

if TYPE_CHECKING:
    from typing import TextIO

    from tflbuild.show.conclusion import Tone

COMMAND = "  tflbuild "
"""Begins a line that is a command."""

STYLES: dict[Tone, str] = {"good": "bold green", "unsure": "bold yellow", "bad": "bold red"}


def say_toned(text: str, tone: Tone) -> None:
    """Print text of any origin, coloured on a terminal; $NO_COLOR leaves it as it is."""
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        say(text)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=cast("TextIO", Sheltered(sys.stdout)), markup=False, emoji=False, highlight=False)
    console.print(Text(harmless(text), style=STYLES[tone]))


def say_wrapped(lines: Iterable[str]) -> None:
    """Print lines of any origin, on a terminal without breaking a word or a number."""
    for line in lines:
        say(_fitting(line, sys.stdout))


def warn_wrapped(lines: Iterable[str]) -> None:
    """Print lines on the standard error likewise."""
    for line in lines:
        warn(_fitting(line, sys.stderr))


def _fitting(line: str, stream: TextIO | None) -> str:
    """Break a line for a terminal; a command stays in one piece, so that it can be copied."""
    if stream is None or not stream.isatty() or line.startswith(COMMAND):
        return line
    return wrapped(line, shutil.get_terminal_size().columns)


def wrapped(line: str, width: int) -> str:
    """Break a line at blanks, and put what follows further to the right.

    >>> print(wrapped("  map 0.6000 on 150 test samples", 20))
      map 0.6000 on 150
        test samples
    """
    start = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        width=width,
        subsequent_indent=f"{start}  ",
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
