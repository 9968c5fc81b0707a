"""Run tflbuild, and the surgery, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SURGERY = Path(__file__).with_name("surgery.py")


class Ended(Exception):
    """A command ended with another exit code than 0."""

    def __init__(self, command: list[str], done: subprocess.CompletedProcess[str]) -> None:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        super().__init__(f"{' '.join(command)} ended with {done.returncode}: {' '.join(last)}")
        self.code, self.said = done.returncode, done.stderr + done.stdout


def tflbuild(folder: Path, *words: str) -> str:
    """Run a command in a folder; gives what it printed.

    Raises:
        Ended: it ended with another code than 0.
    """
    return _run(folder, [sys.executable, "-m", "tflbuild", *words])


def as_json(folder: Path, *words: str) -> dict[str, Any]:
    """Run a command with `--json`; gives what it said."""
    printed = tflbuild(folder, *words, "--json")
    said: dict[str, Any] = json.loads(printed[printed.index("{") : printed.rindex("\n}") + 2])
    return said


def surgery(folder: Path, job: str, base: str, out: Path, number: float = 0, samples: str = "") -> Path:
    """Alter a Keras model, or convert it; gives the file."""
    if not out.exists():
        _run(folder, [sys.executable, str(SURGERY), job, base, str(out), str(number), samples])
    return out


def _run(folder: Path, command: list[str]) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Ended(command, done)
    return done.stdout
