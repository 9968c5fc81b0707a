"""Ask a program of ours once: `answering.py PROGRAM REQUEST`, run by an environment's interpreter behind `guard.py`.

The program's `main` is given the request, which is a file of JSON, and what it gives is written beside it. Imports the
standard library alone, and no other module of ours.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

ANSWER = "answer.json"
"""The file of the answer; `error` in it is the end of a sentence."""


def main(program: str, request: str) -> None:
    """Run the program and write its answer, or why there is none."""
    asked = Path(request)
    try:
        answer = loaded(program).main(json.loads(asked.read_text(encoding="utf-8")))
    except (Exception, SystemExit) as failure:  # noqa: BLE001  # whatever a converter raises is its reason
        answer = {"error": sentence(failure)}
    (asked.parent / ANSWER).write_text(json.dumps(answer), encoding="utf-8")


def loaded(program: str) -> Any:
    """Import a program as a module of its own name, as packages that look up where a class is from want it."""
    name = Path(program).stem
    spec = importlib.util.spec_from_file_location(name, program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def sentence(error: BaseException) -> str:
    """Give an error as the end of a sentence: its first line that says something.

    >>> sentence(ValueError(chr(10) + "=====" + chr(10) + " no Fnord "))
    'ValueError: no Fnord'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" -=*")]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


if __name__ == "__main__":
    main(*sys.argv[1:])
