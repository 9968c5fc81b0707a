"""Print how a build ended, where a terminal is looked at: in the colour of its tone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from tflbuild.core.plain_text import harmless
from tflbuild.show.audience import Sheltered, say

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
