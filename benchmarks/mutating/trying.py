"""Try altered files of one kind, in a process of its own: `python -m mutating.trying KIND PLACE SEED START STOP`.

Prints a JSON line before each file and one behind it, so that whoever started it knows which one ended the process.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from mutating.kinds import KINDS

LONGEST, LONGEST_WAIT = 10.0, 120.0
"""Seconds of processor time, and seconds in all, that a command may take: other processes may keep the machine busy."""

RIGHT = (0, 2, 3, 4, 5, 6, 7)
"""Exit codes that say what is wrong; 70 and others do not."""


class HangError(BaseException):
    """A command took too long; no `except Exception` may hold it."""


def main() -> None:
    """Try the files from START to STOP."""
    kind, place, seed, start, stop = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.chdir(place)
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, _hang)
    _keep_workers()
    for number in range(start, stop):
        print(json.dumps({"number": number}), file=said)
        print(json.dumps({"number": number, "wrong": tried(kind, place, seed, number)}), file=said)


def _keep_workers() -> None:
    """Let the commands share workers: starting one takes longer than most files do; they end with this process."""
    from tflbuild import session

    start, kept = session.worker_for, dict[object, Any]()

    def worker_for(recipe: Any) -> Any:
        kind = (recipe.worker, recipe.device, recipe.plugins)
        if kind not in kept:
            kept[kind] = start(recipe)
            kept[kind].stop = lambda: None
        return kept[kind]

    session.worker_for = worker_for


def tried(name: str, place: Path, seed: int, number: int) -> list[str]:
    """Alter one file, give it to every command of its kind, and put it back; gives what was wrong."""
    kind, chance = KINDS[name], random.Random(f"{seed} {name} {number}")
    file = chance.choice(kind.files(place))
    content, log = file.read_bytes(), Path(os.environ["MUTATIONS_LOG"])
    altered = kind.alter(content, chance)
    wrong: list[str] = []
    for command in kind.commands:
        file.write_bytes(altered)
        words = [word.format(file=file, folder=file.parent) for word in command]
        log.write_text("")
        wrong += [f"{command[0]}: {text}" for text in _run(words)]
        wrong += [f"{command[0]}: {line}" for line in log.read_text().splitlines()]
    if wrong:
        kept = place.parent / "wrong" / f"{name}-{seed}-{number}{file.suffix}"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(altered)
    file.write_bytes(content)
    return wrong


def _run(words: list[str]) -> list[str]:
    from tflbuild.cli import main as tflbuild

    out, started = io.StringIO(), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = tflbuild(words)
    except HangError:
        return [f"took more than {LONGEST:.0f} s of processor time, or {LONGEST_WAIT:.0f} s"]
    except BaseException as error:  # noqa: BLE001 - whatever comes here would have been a traceback
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error!s:.150}"]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return _judged(code, out.getvalue(), time.process_time() - started)


def _judged(code: int, text: str, seconds: float) -> list[str]:
    wrong = []
    if code not in RIGHT:
        wrong.append(f"exit code {code}: {text[-300:]!r}")
    if "Traceback (most recent" in text:
        wrong.append(f"a traceback: {text[-300:]!r}")
    if code and "error:" not in text:
        wrong.append(f"exit code {code} and no sentence: {text[-200:]!r}")
    if any(ord(letter) < 32 and letter not in "\n\t\r" for letter in text):
        wrong.append("a control character reached the terminal")
    if seconds > LONGEST:
        wrong.append(f"took {seconds:.0f} s")
    return wrong


def _hang(number: int, frame: object) -> None:
    raise HangError


if __name__ == "__main__":
    main()
