"""A folder in which tests run the command as a user does, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

OPEN_GATES = [f"{key}budget.map.max_drop=1" for key in ("prune.", "quantize.", "")]
TINY = ["train.steps=30", "prune.steps=10", "data.train=100", "data.val=20", "data.test=20", *OPEN_GATES]
"""Settings of `ssd_mobilenet_int8` that build in half a minute, and learn nothing."""


class Workspace:
    """A folder in which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0) -> str:
        """Run the command; gives what it printed."""
        command = [sys.executable, "-m", "tflbuild", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def report(self, recipe: str) -> dict[str, Any]:
        """Give the report of the newest run of a recipe."""
        path = self.folder / "outputs" / recipe / "latest" / "report.json"
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    def build(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a build; gives its report."""
        self.run(*words, code=code)
        return self.report(words[0].partition("=")[2])
