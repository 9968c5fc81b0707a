"""Find an interpreter of a wanted version on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SECONDS = 20.0
"""Seconds that an interpreter may take to say its version."""

ASKED = (
    "import ensurepip, json, sys, venv; "
    "print(json.dumps([sys.executable, '.'.join(map(str, sys.version_info[:3]))]))"
)


class Interpreter(NamedTuple):
    """A Python: its program, and its version, e.g. "3.13.0"."""

    path: Path
    version: str


def find(wanted: Sequence[str]) -> Interpreter | None:
    """Find an interpreter that can make an environment: the first version of those wanted that is there.

    Looked at are the one that runs this, those on PATH, and those of pyenv.

    Args:
        wanted: versions, e.g. ("3.13", "3.12").
    """
    for version in wanted:
        for candidate in candidates(version):
            found = asked(candidate)
            if found is not None and found.version.startswith(f"{version}."):
                return found
    return None


def candidates(version: str) -> Iterator[Path]:
    """Give programs that may be a Python of a version."""
    if sys.version.startswith(f"{version}."):
        yield Path(sys.executable)
    for folder in os.get_exec_path():
        named = Path(folder) / f"python{version}"
        if named.is_file():
            yield named
    root = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)


def asked(program: Path) -> Interpreter | None:
    """Ask a program which Python it is; None where it is none, or cannot make environments."""
    try:
        done = subprocess.run(
            [str(program), "-I", "-c", ASKED], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        path, version = json.loads(done.stdout)
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return None
    return Interpreter(Path(path), str(version))


def uv() -> str | None:
    """Find `uv`, which brings interpreters of its own; None where it is not there."""
    return shutil.which("uv")
