"""List a data set's splits, or remember them while nothing in its folder changed.

A data set that says which folder or file decides what it lists is not listed again while that file, or every file and
folder in there, has its size and times. What changes a file's content changes one of them, unless it happens within the
same tick of the file's clock: what changed a moment ago is not trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.cache import Cache
from tflbuild.core.dataset import Dataset, Index, Look
from tflbuild.core.file_stamp import RACY
from tflbuild.core.options import to_json

FORMAT = 2


class UnboundedError(Exception):
    """The contents of a folder cannot be told: a link leads to another folder, or it cannot be read."""


def listed(data: Dataset, look: Look, version: Callable[[], str]) -> Index:
    """Give the index of a data set.

    Args:
        data: the data set.
        look: gives the facts of image files.
        version: names what decides an index besides the data set's options and files.

    Raises:
        DataError: the data are missing, or a split ends empty.
    """
    folder = data.decided_by()
    before = None if folder is None else _state(folder)
    if before is None:
        return data.index(look)
    kept = Cache("listings")
    name = digest.of_json([FORMAT, type(data).name, to_json(data), str(folder), version()])
    known = _read(kept, name, before[0])
    if known is not None:
        return known
    started = time.time_ns()
    index = data.index(look)
    assert folder is not None
    if _state(folder) == before and before[1] < started - RACY:
        content = json.dumps(index.to_json(), separators=(",", ":"))
        kept.write(name, f"{before[0]}\n{content}".encode())
    return index


def _read(kept: Cache, name: str, state: str) -> Index | None:
    content = kept.read(name)
    if content is None:
        return None
    of, _, index = content.partition(b"\n")
    return Index.from_json(json.loads(index)) if of == state.encode() else None


def _state(folder: Path) -> tuple[str, int] | None:
    """Name the state of a file or of all in a folder, and say when it last changed; None where that cannot be told."""
    content = hashlib.sha256()
    newest = 0
    try:
        for lines, changed in _states(os.fspath(folder)):
            content.update(lines)
            newest = max(newest, changed)
    except (OSError, UnboundedError):
        return None
    return content.hexdigest(), newest


def _states(root: str) -> Iterator[tuple[bytes, int]]:
    """Give a line for each entry and when the newest of them changed, folder by folder; one for a file."""
    itself = os.stat(root)
    if stat.S_ISREG(itself.st_mode):
        yield f"{root}\0{_stamp(itself)}".encode(errors="surrogateescape"), _changed(itself)
        return
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        lines, newest = [folder], 0
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    lines.append(f"{entry.name} {status.st_mtime_ns} {status.st_ctime_ns}")
                    status = _target(entry.path) or status
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
                lines.append(f"{entry.name} {_stamp(status)}")
                newest = max(newest, _changed(status))
        yield "\0".join(lines).encode(errors="surrogateescape"), newest


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _changed(status: os.stat_result) -> int:
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _target(link: str) -> os.stat_result | None:
    """Look at what a link leads to; None where it leads nowhere, or to itself.

    Raises:
        UnboundedError: it leads to a folder.
    """
    try:
        status = os.stat(link)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise UnboundedError(link)
    return status
