"""Start Python processes that import nothing from the current folder, where a stray `random.py` may lie.

`python -m` and an empty entry of $PYTHONPATH put the current folder first on the import path. A process of ours is
started with the path of this one instead, so that whatever way led to an installation (a virtual environment,
`pip install --user`, an editable install, $PYTHONPATH, `sys.path` in a program) leads there too, without the current
folder; where $PYTHONPATH names that folder, it comes last, so that it shadows nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = str(Path(__file__).resolve().parents[2])
"""The folder that this package is imported from; on the path of every process of ours."""

_START = "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); from {module} import main; main()"


def command(module: str, *arguments: str) -> list[str]:
    """Give the command that calls `main()` of a module in a process of its own, with `sys.argv[1:]` as given."""
    return [
        sys.executable,
        "-P",
        "-c",
        _START.format(module=module),
        json.dumps(import_path(sys.path, os.environ)),
        *arguments,
    ]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Give the variables for such a process: what it starts in turn leaves the current folder alone, too.

    Args:
        given: those of this process.
    """
    made = {**given, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
    named = [
        folder for folder in given.get("PYTHONPATH", "").split(os.pathsep) if folder and not _here(folder)
    ]
    made.pop("PYTHONPATH", None)
    return made | ({"PYTHONPATH": os.pathsep.join(map(os.path.abspath, named))} if named else {})


def import_path(path: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Give an import path without the current folder, unless it holds this package or $PYTHONPATH names it.

    Args:
        path: `sys.path`.
        variables: of the environment.
    """
    kept = [os.path.abspath(entry) for entry in path if entry and (not _here(entry) or _ours(entry))]
    named = [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry and _here(entry)]
    return list(dict.fromkeys([*kept, HERE, *map(os.path.abspath, named)]))


def _here(folder: str) -> bool:
    try:
        return os.path.realpath(folder) == os.getcwd()
    except FileNotFoundError:  # the current folder is gone
        return not os.path.isabs(folder)


def _ours(folder: str) -> bool:
    return os.path.realpath(folder) == HERE
