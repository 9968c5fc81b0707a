"""Programs that run beside this process: a compiler that runs once, and one that answers over its standard streams."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tflbuild.core.errors import PassError


def run_compiler(name: str, command: Sequence[str], folder: Path, limit: float, advice: str) -> Printed:
    """Run a compiler to its end.

    Args:
        name: of the compiler, for messages.
        command: its command line.
        folder: that it works in.
        limit: time that it may take. [s]
        advice: what to say where it takes longer, to follow "did not end within 600 s".

    Raises:
        PassError: it took longer, or cannot be executed.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PassError(f"{name} did not end within {limit:g} s{advice}.") from error
    except OSError as error:
        raise PassError(f"{name} ({command[0]}) cannot be executed: {error.strerror or error}.") from error


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a program that ends when its input is closed.

    Args:
        process: it.
        seconds: that it is waited for before it is killed.
    """
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


Printed = subprocess.CompletedProcess[str]
"""How a program ended, and what it printed."""
