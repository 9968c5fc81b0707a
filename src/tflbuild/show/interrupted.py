"""After Ctrl-C: the command that goes on, as the last line."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tflbuild.show.audience import warn


def show_interrupted(command: str) -> None:
    """Say that something was interrupted, and in a line of its own the command that goes on with it."""
    warn(f"interrupted; nothing that was built is lost. To go on:\n{command}")


def continuing(folder: Path) -> str:
    """Give the command that builds what is missing of a sweep."""
    return shlex.join(["tflbuild", "rerun", os.path.relpath(folder)])
