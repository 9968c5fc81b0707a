"""Make an environment: whole, or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.environment import READY, Environment, Made
from tflbuild.core.errors import MissingTool
from tflbuild.core.plain_text import plain
from tflbuild.environments.making import installing, pythons
from tflbuild.environments.making.by_hand import by_hand

Tell = Callable[[str], object]

ASKED = (
    "import importlib, importlib.metadata, json, sys; names = json.loads(sys.argv[1]); "
    "[importlib.import_module(name) for name in json.loads(sys.argv[2])]; "
    "print(json.dumps({name: importlib.metadata.version(name) for name in names}))"
)
IMPORT_SECONDS = 300.0


class Outcome(NamedTuple):
    """The environment that is there, whether it was made now, and how many seconds that took."""

    made: Made
    new: bool
    seconds: float


def make(wanted: Environment, tell: Tell = lambda text: None, wheels: Path | None = None) -> Outcome:
    """Make an environment unless it is there already; an earlier one with other requirements goes.

    Two processes that make the same one wait for each other. What a killed one left is removed by the next.

    Args:
        wanted: the environment.
        tell: is told, line by line, how far it is.
        wheels: a folder of packages that were fetched elsewhere, for a machine without a network.

    Raises:
        MissingTool: there is no fitting Python, or a package cannot be had; says what to do by hand.
    """
    start, folder = time.monotonic(), wanted.folder()
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(wanted):
            made = wanted.made()
            if made is not None:
                return Outcome(made, False, 0.0)
            made = _made_anew(wanted, tell, wheels)
            _remove_others(wanted)
    except OSError as error:
        reason = f"{error.strerror or error}: '{plain(error.filename or folder)}'"
        raise MissingTool(_failed(wanted, reason)) from error
    return Outcome(made, True, time.monotonic() - start)


def remove(wanted: Environment) -> int:
    """Remove an environment, and what was made of it with other requirements; gives how many there were."""
    if not wanted.folder().parent.is_dir():
        return 0
    with _locked(wanted):
        found = _folders(wanted)
        for path in found:
            (path / READY).unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)
    return len(found)


def _made_anew(wanted: Environment, tell: Tell, wheels: Path | None) -> Made:
    """Make a folder of its own, and say last that all of it is there."""
    folder, name = wanted.folder(), type(wanted).name
    shutil.rmtree(folder, ignore_errors=True)
    try:
        program = installing.fresh(wanted, folder, tell)
        installing.install(wanted, program, tell, wheels)
        version, packages = _contents(wanted, program)
    except installing.Failed as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise MissingTool(_failed(wanted, str(error))) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    made = Made(name=name, folder=folder, python=program, python_version=version, packages=packages)
    staged = folder / f".{READY}"
    staged.write_text(json.dumps(made.to_json(), indent=1), encoding="utf-8")
    os.replace(staged, folder / READY)
    return made


def _contents(wanted: Environment, program: Path) -> tuple[str, dict[str, str]]:
    """Import what the environment is for, and ask for the versions of all that is in it."""
    names = [one.partition("==")[0] for one in type(wanted).requirements]
    arguments = [json.dumps(names), json.dumps(type(wanted).imports)]
    try:
        with tempfile.TemporaryDirectory() as place:
            done = subprocess.run(
                [str(program), "-I", "-c", ASKED, *arguments],
                capture_output=True,
                text=True,
                timeout=IMPORT_SECONDS,
                check=False,
                cwd=place,
            )
        found = json.loads(done.stdout.strip().rpartition("\n")[2])
    except subprocess.SubprocessError as error:
        raise installing.Failed("its packages took too long to import") from error
    except ValueError as error:
        raise installing.Failed(
            f"its packages cannot be imported: {installing.last_line(done.stderr)}"
        ) from error
    interpreter = pythons.asked(program)
    return interpreter.version if interpreter else "?", {name: str(found[name]) for name in names}


def _failed(wanted: Environment, reason: str) -> str:
    return f"the environment '{type(wanted).name}' cannot be made: {reason}. {by_hand(wanted)}"


def _remove_others(wanted: Environment) -> None:
    """Remove what was made with other requirements, which nothing uses any more."""
    for path in _folders(wanted):
        if path != wanted.folder():
            shutil.rmtree(path, ignore_errors=True)


def _folders(wanted: Environment) -> list[Path]:
    name = type(wanted).name
    beside = wanted.folder().parent.glob(f"{name}-*")
    return sorted(path for path in beside if path.name.rpartition("-")[0] == name and path.is_dir())


@contextmanager
def _locked(wanted: Environment) -> Iterator[None]:
    """Hold the lock of an environment; the kernel lets go of it with the process."""
    lock = wanted.folder().parent / f".{type(wanted).name}.lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
