"""Remember what files hold, so that a data set of many files is read once: by path, size and time of change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflbuild.core.dataset import FileFacts


class FileMemo:
    """Facts of files by (path, size, mtime); what changed is looked at again.

    Args:
        path: where the memo is kept; read if it is there.
        inspect: gives the facts of one file, by reading it whole.
    """

    def __init__(self, path: Path, inspect: Callable[[Path], FileFacts]) -> None:
        self._path = path
        self._inspect = inspect
        self._changed = False
        try:
            self._known: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            self._known = {}

    def __call__(self, path: Path) -> FileFacts:
        """Give the facts of a file; a missing one is a problem, not an error."""
        name = os.path.abspath(path)
        try:
            status = os.stat(name)
        except OSError:
            return FileFacts("", "the file is missing")
        stamp = [status.st_size, status.st_mtime_ns]
        known = self._known.get(name)
        if known is not None and known[:2] == stamp:
            return FileFacts(*known[2:])
        facts = self._inspect(path)
        self._known[name] = [*stamp, *facts]
        self._changed = True
        return facts

    def save(self) -> None:
        """Keep what was learned; losing a race against another process only costs time."""
        if not self._changed:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        staged = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        staged.write_text(json.dumps(self._known), encoding="utf-8")
        os.replace(staged, self._path)
        self._changed = False
