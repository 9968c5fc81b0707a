"""Make a Python of its own and put packages into it: by `uv` where it is there, by `venv` and `pip` elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tflbuild.core.environment import Environment
from tflbuild.core.plain_text import plain
from tflbuild.environments.making import pythons

ADDRESS = re.compile(r"\w+://\S+")
LONGEST = 300
"""Characters of what an installer said that a sentence repeats."""

REQUIREMENTS = "requirements.txt"


class Failed(Exception):
    """An installer gave up; says why, as the end of a sentence."""


def fresh(wanted: Environment, folder: Path, tell: Callable[[str], object]) -> Path:
    """Make an empty environment; gives its interpreter.

    Raises:
        Failed: there is no fitting Python.
    """
    found, uv = pythons.find(type(wanted).pythons), pythons.uv()
    if found is None and uv is None:
        raise Failed(
            f"it needs Python {' or '.join(type(wanted).pythons)}, and there is none on PATH or under ~/.pyenv "
            f"(this is {'.'.join(map(str, sys.version_info[:3]))}), nor uv, which would bring one"
        )
    if found is not None:
        tell(f"Python {found.version}: {plain(found.path)}")
    if uv is not None:
        version = str(found.path) if found else type(wanted).pythons[0]
        _run([uv, "venv", "--quiet", "--python", version, str(folder)], tell)
    elif found is not None:
        _run([str(found.path), "-I", "-m", "venv", str(folder)], tell)
    (folder / REQUIREMENTS).write_text("\n".join(type(wanted).requirements) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def install(
    wanted: Environment, program: Path, tell: Callable[[str], object], wheels: Path | None = None
) -> None:
    """Install the requirements, all of them and nothing else.

    Raises:
        Failed: one cannot be had.
    """
    listed = program.parent.parent / REQUIREMENTS
    uv, local = pythons.uv(), ["--no-index", "--find-links", str(wheels)] if wheels else []
    tell(f"{len(type(wanted).requirements)} packages")
    if uv is not None:
        _run([uv, "pip", "install", "--python", str(program), *local, "-r", str(listed)], tell)
        return
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    _run([str(program), "-I", "-m", "pip", "install", *quiet, *local, "-r", str(listed)], tell)


def last_line(printed: str) -> str:
    """Give the last thing that a program said, without the addresses in it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "fatal"))]
    said = (errors or lines or ["it said nothing"])[-1]
    return plain(ADDRESS.sub("...", said), LONGEST).rstrip(".")


def _run(command: list[str], tell: Callable[[str], object]) -> None:
    """Run an installer and tell what it is at.

    Raises:
        Failed: it ended with an error.
    """
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    printed: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=surroundings,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            for text in _news(line):
                tell(text)
    if process.returncode:
        raise Failed(last_line("".join(printed)))


def _news(line: str) -> Iterator[str]:
    """Say what a line of an installer means for whoever waits."""
    found = re.match(r"(Collecting|Building wheel for|Installing collected packages)\W*([\w.\-]*)", line)
    if found and found[1] == "Installing collected packages":
        yield "installing"
    elif found:
        yield f"{'building' if found[1].startswith('Building') else 'fetching'} {found[2]}"
