"""What a power cut would leave, simulated from a recorded list of writes, flushes and renames."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Recorded:
    """What was done, in order: ("write" | "flush", inode), ("rename", inode, from, to), ("flush folder", path)."""

    done: list[tuple[Any, ...]] = field(default_factory=list)

    def left(self, cut: int) -> dict[str, tuple[bool, bool]]:
        """Give the names after a power cut behind the first `cut` things: whether its content and itself must be there.

        A name that was given may be there at once, with a content that was never flushed; or it may be gone as long as
        its folder was not.
        """
        whole: set[int] = set()
        names: dict[str, tuple[int, bool]] = {}
        for what, *more in self.done[:cut]:
            if what == "write":
                whole.discard(more[0])
            elif what == "flush":
                whole.add(more[0])
            elif what == "rename":
                inode, _, to = more
                names[to] = (inode, False)
            else:
                folder = more[0]
                names = {
                    name: (inode, sure or str(Path(name).parent) == folder)
                    for name, (inode, sure) in names.items()
                }
        return {name: (inode in whole, sure) for name, (inode, sure) in names.items()}


def record_in(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Record what is written, flushed and renamed from now on."""
    record = Recorded()
    known: dict[str, Any] = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "write")}

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            record.done.append(("flush folder", os.readlink(f"/proc/self/fd/{descriptor}")))
        else:
            record.done.append(("flush", status.st_ino))

    def write(descriptor: int, content: bytes) -> int:
        record.done.append(("write", os.fstat(descriptor).st_ino))
        count: int = known["write"](descriptor, content)
        return count

    def renaming(name: str) -> Callable[..., None]:
        def rename(source: Any, target: Any) -> None:
            inode = os.stat(source).st_ino
            known[name](source, target)
            record.done.append(("rename", inode, os.fspath(source), os.fspath(target)))

        return rename

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "write", write)
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, renaming(name))
    return record
