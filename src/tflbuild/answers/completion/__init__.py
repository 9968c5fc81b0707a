"""Completion on TAB: the script that a shell loads, and what it is answered when it asks for what may follow."""

from __future__ import annotations

import os
from pathlib import Path

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.show.audience import say

SHELLS = ("bash", "zsh", "fish")
USAGE = f"write -sc install=SHELL or -sc uninstall=SHELL, with one of {', '.join(SHELLS)}"


def complete(words: list[str]) -> int:
    """Print a shell's script, or what may stand at the cursor, a word a line; gives the exit code.

    Args:
        words: `install=SHELL`, `uninstall=SHELL`, or `query=SHELL` with the line in `$COMP_LINE`.

    Raises:
        RecipeError: another word, or a shell that is not known.
    """
    if len(words) != 1:
        raise RecipeError(f"--shell-completion: {USAGE}.")
    act, _, shell = words[0].partition("=")
    if act not in ("install", "uninstall", "query"):
        raise RecipeError(f"--shell-completion: '{plain(words[0])}' is neither of these; {USAGE}.")
    if shell not in SHELLS:
        raise RecipeError(
            f"--shell-completion: there is no completion for '{plain(shell)}'; there are {', '.join(SHELLS)}."
            f"{did_you_mean(shell, SHELLS)}"
        )
    if act == "query":
        return _answer()
    say((Path(__file__).parent / f"{act}.{shell}").read_text(encoding="utf-8").rstrip())
    return 0


def _answer() -> int:
    """Print what may stand at the cursor; says nothing where that cannot be known, since a person is typing."""
    from tflbuild.answers.completion.line import Line
    from tflbuild.answers.completion.offers import offers

    line = os.environ.get("COMP_LINE", "")
    point = os.environ.get("COMP_POINT", "")
    for text in offers(Line.of(line[: int(point)] if point.isdecimal() else line)):
        if text.isprintable():
            say(text)
    return 0
