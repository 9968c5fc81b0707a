"""Commands besides building: each takes its words and gives an exit code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from tflbuild.core.registry import PACKAGE, Registry

COMMANDS: Registry[Command] = Registry("command", "command", "commands")

Function = Callable[[list[str]], int]


class Command:
    """A declared command; `run` is the function that `@command` decorates."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    usage: ClassVar[str] = ""
    prints: ClassVar[bool] = True
    """Whether its result is what it prints."""

    @staticmethod
    def run(words: list[str]) -> int:
        """Do what the words say; gives the exit code."""
        raise NotImplementedError


def command(
    name: str, summary: str, *, usage: str = "", prints: bool = True
) -> Callable[[Function], Function]:
    """Decorate the function of a command.

    Args:
        name: the word after `tflbuild`.
        summary: a line of `tflbuild --help`.
        usage: words that it takes, e.g. "RUN RUN".
        prints: whether its result is what it prints, so that a closed output ends it.
    """

    def decorate(function: Function) -> Function:
        members = {
            "name": name,
            "summary": summary,
            "usage": usage,
            "prints": prints,
            "run": staticmethod(function),
            "__module__": function.__module__,
            "__doc__": function.__doc__,
        }
        made = type(function.__name__, (Command,), members)
        COMMANDS.add(name, made)
        return function

    return decorate


COLUMNS = 80
INDENT = 34
"""Columns of a line of help, and those before what a command does."""

_DECLARED = re.compile(r'^@command\(\s*"(\w+)",\s*"([^"]+)"(?:,\s*usage="([^"]*)")?', re.MULTILINE)


def declared(*plugins: Path) -> dict[str, tuple[str, str]]:
    """Give usage and summary of each command, read off the text of the modules that declare them: nothing is imported.

    Args:
        plugins: further modules.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in (*sorted((PACKAGE / "commands").glob("*.py")), *plugins):
        for name, summary, usage in _DECLARED.findall(path.read_text(encoding="utf-8", errors="replace")):
            found.setdefault(name, (usage, summary))
    return dict(sorted(found.items()))


def help_lines(*plugins: Path) -> list[str]:
    """Give what help says of each command.

    Args:
        plugins: further modules.
    """
    return [_help_line(f"{name} {usage}", summary) for name, (usage, summary) in declared(*plugins).items()]


def _help_line(usage: str, summary: str) -> str:
    """Write a command and what it does, within the columns of a terminal."""
    first = f"  {usage:<31} "
    apart = len(first) > INDENT
    lines = textwrap.wrap(summary, COLUMNS - INDENT) or [""]
    start = f"{first.rstrip()}\n{'':{INDENT}}" if apart else first
    return start + f"\n{'':{INDENT}}".join(lines)
