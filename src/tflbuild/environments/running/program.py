"""Run a program of ours in an environment: once with an answer, or for as long as it is asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from tflbuild.core.environment import Made
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.environments.running import answering, guard

FILE = 1 << 33
"""Bytes of the largest file that a program may write."""

SHARE = 0.8
"""Share of this machine's memory that a program may take."""

LONGEST = 400
"""Characters of what a program said that a sentence repeats."""


def run(
    made: Made, program: ModuleType, request: Mapping[str, Any], folder: Path, seconds: int
) -> dict[str, Any]:
    """Run a program once; gives its answer.

    Args:
        made: the environment.
        program: a module of ours that imports nothing of ours; its `main` is given the request and gives the answer.
        request: what it is asked, as JSON.
        folder: an empty folder that it works in.
        seconds: that it may take.

    Raises:
        PassError: it failed, or took too long; says what it said.
    """
    asked = folder / "request.json"
    asked.write_text(json.dumps(request), encoding="utf-8")
    name = str(program.__name__).rpartition(".")[2]
    try:
        with (folder / "printed.txt").open("wb") as printed:
            done = subprocess.run(
                command(made, answering, [str(program.__file__), str(asked)], seconds),
                cwd=folder,
                env=surroundings(folder),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise PassError(f"{name} took longer than {seconds} s in the environment '{made.name}'.") from error
    answer = _answer(folder / answering.ANSWER)
    if answer is None:
        said = _last(folder / "printed.txt")
        raise PassError(
            f"{name} ended with {_ending(done.returncode)} in the environment '{made.name}': {said}"
        )
    if "error" in answer:
        raise PassError(f"{plain(answer['error'], LONGEST)}")
    return answer


def started(made: Made, program: ModuleType, words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a program that answers over its standard streams; it ends when its input is closed."""
    errors: IO[bytes] = (folder / "printed.txt").open("wb")
    with errors:
        return subprocess.Popen(
            command(made, program, words, None),
            cwd=folder,
            env=surroundings(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )


def command(made: Made, program: ModuleType, words: list[str], seconds: int | None) -> list[str]:
    """Give the command line: the environment's interpreter, the guard with its limits, the program."""
    files = [str(guard.__file__), json.dumps(limits(seconds)), str(program.__file__)]
    return [str(made.python), "-I", "-B", *files, *words]


def limits(seconds: int | None) -> dict[str, int]:
    """Give the most that a program may take, as the guard is told: bytes of memory and of a file, and time."""
    memory = int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return {"memory": memory, "file": FILE} | ({"seconds": seconds * cores()} if seconds else {})


def cores() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def surroundings(folder: Path) -> dict[str, str]:
    """Give the variables that a program sees: none of the user's, but where it finds programs and its language."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TZ") if key in os.environ}
    nowhere = "http://127.0.0.1:9"
    return {
        **kept,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "NO_COLOR": "1",
    }


def _answer(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last(path: Path) -> str:
    try:
        printed = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        printed = ""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return plain(lines[-1] if lines else "it said nothing", LONGEST)
