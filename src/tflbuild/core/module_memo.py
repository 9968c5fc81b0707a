"""Remember what the modules of tflbuild hold, so that a plan reads no module that did not change.

Which other modules a module reaches is decided by its text and by the names of all modules there are, since
`from a import b` means the module a.b only where there is one. So the names are listed anew by every process, and a
memo that was made among other names is empty. A text is taken to be what it was while the stamp of its file is. A
memo that is lost, damaged or overwritten by another process only costs time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import digest
from tflbuild.core.cache import Cache
from tflbuild.core.file_stamp import Stamp

KEPT = "code"
"""Folder of the user's cache."""


class Module(NamedTuple):
    """The facts of a module's text: its digest, the modules of the same packages and the other packages it imports."""

    digest: str
    reaches: tuple[str, ...]
    packages: tuple[str, ...]


class ModuleMemo:
    """Facts of the modules of one package, by dotted name; they are kept when `save` is called.

    Args:
        package: its folder.
        rules: names the rules by which a text is read, with the Python that follows them.
        read: gives the facts of a module by reading its file.
    """

    def __init__(self, package: Path, rules: str, read: Callable[[str, Path], Module]) -> None:
        self._package = package
        self._rules = rules
        self._read = read
        self._changed = False

    @cached_property
    def sources(self) -> dict[str, Path]:
        """Name the modules there are, with the file of each; of a module and a folder of one name the folder."""
        found: dict[str, Path] = {}
        folders = [(self._package.name, str(self._package))]
        while folders:
            name, folder = folders.pop()
            for file in os.listdir(folder):
                stem, _, ending = file.partition(".")
                path = f"{folder}{os.sep}{file}"
                if file == "__init__.py":
                    found[name] = Path(path)
                elif ending == "py":
                    found.setdefault(f"{name}.{stem}", Path(path))
                elif not ending and stem.isidentifier() and stem != "__pycache__" and os.path.isdir(path):
                    folders.append((f"{name}.{stem}", path))
        return found

    def __call__(self, name: str) -> Module:
        """Give the facts of a module; one that is new or changed is read.

        Raises:
            KeyError: there is no such module.
        """
        path = self.sources[name]
        now = time.time_ns()
        before = Stamp.of(str(path))
        stamp, kept = self._known.get(name, (None, None))
        if stamp == [*before]:
            return Module(kept[0], tuple(kept[1]), tuple(kept[2]))
        read = self._read(name, path)
        if before.settled(now) and before == Stamp.of(str(path)):
            self._known[name] = ([*before], read)
            self._changed = True
        return read

    @cached_property
    def _known(self) -> dict[str, Any]:
        text = Cache(KEPT).read(str(self._package))
        content = json.loads(text) if text else {}
        return dict(content["modules"]) if content.get("head") == self._head else {}

    @cached_property
    def _head(self) -> list[str]:
        return [self._rules, digest.of_json(sorted(map(str, self.sources.values())))]

    def save(self) -> None:
        """Save what was learned since the last save, if anything was."""
        if self._changed:
            content = {"head": self._head, "modules": self._known}
            Cache(KEPT).write(str(self._package), json.dumps(content, separators=(",", ":")).encode())
            self._changed = False
