"""Find what a path means that was written on another machine: inside the data set, and never outside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A file or folder in the data set.

    Attributes:
        path: relative to the root; "" for the root itself.
        by_tail: whether only the end of what was written leads there.
    """

    path: str
    by_tail: bool


def place(root: Path, folder: str, base: str, entry: str) -> Place | None:
    """Find a file or folder.

    Args:
        root: the data set's folder.
        folder: of the file that names it, relative to the root.
        base: the folder that this file says to be its root; "" for none.
        entry: what it names, in the words of any system.

    Returns:
        What is there inside the root: as written, from the base or the file's folder, or else by the longest end of the
        path that is; None for nothing.
    """
    entry, base = entry.replace("\\", "/").strip(), base.replace("\\", "/").strip()
    for written in (f"{folder}/{base}/{entry}", f"{folder}/{entry}") if not _is_absolute(entry) else ():
        if not _is_absolute(base) and (found := _inside(root, written)) is not None:
            return Place(found, written == f"{folder}/{entry}")
    for written in (entry, f"{base}/{entry}"):
        if _is_absolute(written) and (found := _within(root, written)) is not None:
            return Place(found, False)
    upward = (
        entry.lstrip("./") if entry.startswith("../") else ""
    )  # as Roboflow writes them, from a folder that is none
    for written in (upward, f"{folder}/{upward}"):
        if upward and (found := _inside(root, written)) is not None:
            return Place(found, False)
    for tail in _tails(f"{base}/{entry}"):
        for start in dict.fromkeys((folder, "")):
            if (found := _inside(root, f"{start}/{tail}")) is not None:
                return Place(found, True)
    return None


def file_of(line: str, folder: str, known: set[str]) -> str | None:
    """Give the file that a line of a list means: from the list's folder, from the root, or by the longest end of it."""
    line = line.replace("\\", "/")
    if not _is_absolute(line):
        for start in dict.fromkeys((folder, "")):
            written = os.path.normpath(os.path.join(start, line))
            if written in known:
                return written
    for tail in _tails(line):
        for start in dict.fromkeys((folder, "")):
            written = os.path.normpath(os.path.join(start, tail))
            if written in known:
                return written
    return None


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "~")) or path[1:3] == ":/"


def _inside(root: Path, written: str) -> str | None:
    """Give a path from the root, if it is there and does not lead out."""
    try:
        path = os.path.normpath(written.lstrip("/") or ".")
        if path == ".." or path.startswith("../") or not os.path.exists(root / path):
            return None
    except ValueError:  # a zero byte
        return None
    return "" if path == "." else path


def _within(root: Path, written: str) -> str | None:
    """Give an absolute path relative to the root that it leads into."""
    path = os.path.normpath(written)
    if path != str(root) and not path.startswith(f"{root}{os.sep}"):
        return None
    return _inside(root, os.path.relpath(path, root))


def _tails(path: str) -> Iterator[str]:
    """Give the ends of a path, the longest first."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
