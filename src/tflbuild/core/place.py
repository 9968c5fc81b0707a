"""The place in a plugin where an exception came from: file, line, function and the line's text."""

from __future__ import annotations

import linecache
import os
import re
import sys
import traceback
from typing import NamedTuple

from tflbuild.core.plain_text import plain

PLUGINS: set[str] = set()
"""Top-level packages whose modules are plugins; `tflbuild.plugins` adds each one before it imports it."""

LONGEST_LINE = 120
"""Characters of a source line that are shown."""

_TRACED = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<function>\w+)', re.MULTILINE)
"""A frame in the message of an exception that TensorFlow raises for a function that it traces."""


class Place(NamedTuple):
    """A line of a plugin.

    Attributes:
        file: its path, relative to the current folder where it lies below.
        line: counted from 1.
        function: what the line belongs to; "" for the module itself.
        text: the line, without the spaces around it; "" where the file cannot be read.
    """

    file: str
    line: int
    function: str
    text: str

    def lines(self) -> list[str]:
        """Say where it is, and what stands there."""
        where = f"{plain(self.file)}:{self.line}"
        named = f"{where}, in {plain(self.function)}" if self.function else where
        return [f"  {named}", f"    {plain(self.text, LONGEST_LINE)}"] if self.text else [f"  {named}"]


def place_of(error: BaseException) -> Place | None:
    """Find the innermost line of a plugin that an exception passed through; None where there is none."""
    frames = [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_plugin(str(frame.f_globals.get("__name__", "")))
    ]
    if isinstance(error, SyntaxError) and os.path.dirname(error.filename or "") in _folders():
        return _place(str(error.filename), error.lineno or 1, "")
    if not frames:
        return None
    files = {file for file, _, _ in frames}
    traced = [found for found in _TRACED.finditer(str(error)) if found["file"] in files]
    if traced:
        last = traced[-1]
        return _place(last["file"], int(last["line"]), last["function"])
    return _place(*frames[-1])


def with_place(text: str, error: BaseException) -> str:
    """Put the line of a plugin that an error came from below a message; the message alone where there is none."""
    place = place_of(error)
    return "\n".join([text, *place.lines()]) if place else text


def on_one_line(text: str) -> str:
    r"""Give a message that may have a place below it on one line, as a warning has it.

    >>> on_one_line("ValueError: no\n  plugins/mine.py:3, in run\n    raise ValueError('no')")
    "ValueError: no (plugins/mine.py:3, in run: raise ValueError('no'))"
    """
    said, *below = text.splitlines() or [""]
    return f"{said} ({': '.join(line.strip() for line in below)})" if below else said


def _is_plugin(module: str) -> bool:
    return module.partition(".")[0] in PLUGINS


def _folders() -> set[str]:
    """Give the folders of the packages of plugins."""
    return {folder for name in PLUGINS for folder in getattr(sys.modules.get(name), "__path__", ())}


def _place(file: str, line: int, function: str) -> Place:
    text = linecache.getline(file, line).strip()
    return Place(_shown(file), line, "" if function == "<module>" else function, text)


def _shown(file: str) -> str:
    """Name a file from the current folder, where it lies below."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the current folder is gone
        return file
    return file if relative.startswith(os.pardir) else relative
