"""The user's cache folder: what may be lost at any time and then only costs time."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from tflbuild.core import digest

DAY = 86400
UNUSED = 90 * DAY
"""Seconds after which an entry that nobody read is removed."""


def cache_folder(name: str) -> Path:
    """Give a folder of ours in the user's cache folder, $XDG_CACHE_HOME or ~/.cache; it need not be there."""
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given if given else os.path.expanduser("~/.cache")) / "tflbuild" / name


class Cache:
    """Entries by name, each written whole with a checksum and renamed into place.

    Whatever goes wrong with a file here, an entry is then not there: no error, since it can be had again.

    Args:
        name: of the folder.
    """

    def __init__(self, name: str) -> None:
        self._folder = cache_folder(name)

    def read(self, name: str) -> bytes | None:
        """Give an entry; None where it is not there, or damaged."""
        try:
            checksum, _, content = self._path(name).read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest.of_bytes(content).encode() != checksum:
            return None
        with suppress(OSError):
            if self._path(name).stat().st_mtime < time.time() - DAY:
                os.utime(self._path(name))
        return content

    def write(self, name: str, content: bytes) -> None:
        """Keep an entry, in place of an earlier one; and remove what was not read for long."""
        path = self._path(name)
        staged = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            staged.write_bytes(digest.of_bytes(content).encode() + b"\n" + content)
            os.replace(staged, path)
            self._forget_unused()

    def _forget_unused(self) -> None:
        for name in os.listdir(self._folder):
            with suppress(FileNotFoundError):
                if (self._folder / name).stat().st_mtime < time.time() - UNUSED:
                    (self._folder / name).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / digest.of_bytes(name.encode(errors="surrogateescape"))[:32]
