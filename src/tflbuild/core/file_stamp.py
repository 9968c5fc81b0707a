"""Stamps of files: they show that a file is unchanged, without reading it."""

from __future__ import annotations

import os
from typing import NamedTuple

RACY = 2 * 10**9
"""Nanoseconds: a file that changed so shortly before it was read may change again within the same tick of its clock."""


class Stamp(NamedTuple):
    """The size of a file in bytes, its inode, and the times of its change and of its inode's, in nanoseconds.

    The last one cannot be set: a file that was edited, and whose time of change was put back, has another stamp.
    """

    size: int
    inode: int
    changed: int
    inode_changed: int

    @classmethod
    def of(cls, path: str) -> Stamp:
        """Take the stamp of a file.

        Raises:
            OSError: there is none.
        """
        status = os.stat(path)
        return cls(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)

    def settled(self, now: int) -> bool:
        """Tell whether each edit after `now`, in nanoseconds, gives another stamp, also one of the same size."""
        return max(self.changed, self.inode_changed) < now - RACY
