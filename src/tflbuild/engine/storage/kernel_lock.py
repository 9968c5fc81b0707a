"""Kernel locks: held by a process and gone with it, however it ends; never a pid file.

A lock is an `flock` on a file of its own. Who holds one alone may remove its file: whoever waited for the removed
file sees, once it has the lock, that the path leads elsewhere by now, and starts over. So no two processes ever hold
"the same" lock on two files, and lock files can be collected like everything else.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tflbuild.engine.storage.sharing import FILE_MODE, is_shared

NETWORK = ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "afpfs", "9p", "drvfs", "ncpfs")
"""Filesystems whose kernel locks may be unknown to other machines; besides those that begin with "fuse."."""

PATIENCE = (0.01, 0.05, 0.2)
"""Seconds between the tries to open a lock that another user has just made in a shared folder."""

MOUNTS = Path("/proc/self/mountinfo")


class Held:
    """A lock that this process holds, until it is released or the process ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Release the lock and leave no file behind; only for a lock that is held alone."""
        self._path.unlink(missing_ok=True)
        self.release()


def take(path: Path, *, shared: bool = False, wait: bool = True) -> Held | None:
    """Take a lock, making its file if need be.

    Args:
        path: the lock's file.
        shared: hold it together with others who share it.
        wait: wait for whoever holds it.

    Returns:
        The lock; None if another holds it and `wait` is false.

    Raises:
        OSError: the file cannot be made or the filesystem knows no locks.
    """
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, how)
            if _leads_to(path, descriptor):
                return Held(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def acquire(path: Path, *, shared: bool = False, waiting: Callable[[], None] = lambda: None) -> Held:
    """Take a lock, however long that takes.

    Args:
        path: the lock's file.
        shared: hold it together with others who share it.
        waiting: is called once if another holds it.

    Raises:
        OSError: as `take`.
    """
    held = take(path, shared=shared, wait=False)
    if held is None:
        waiting()
        held = take(path, shared=shared)
    assert held is not None
    return held


@contextmanager
def holding(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock within a `with` block."""
    held = acquire(path, shared=shared)
    try:
        yield
    finally:
        held.release()


def is_held(path: Path) -> bool:
    """Say whether anybody holds a lock alone; changes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def network_filesystem(path: Path) -> str | None:
    """Name the network filesystem that a folder lies on; None for a local one."""
    kind = _filesystem(path)
    return kind if kind in NETWORK or kind.startswith("fuse.") else None


def _open(path: Path) -> int:
    """Open a lock's file, making it if need be; in a shared folder it is the group's.

    Who finds it in the moment between its making and its sharing tries again.
    """
    for wait in (*PATIENCE, None):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            break
        except PermissionError:
            if wait is None or not is_shared(path.parent):
                raise
            time.sleep(wait)
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and not status.st_mode & stat.S_IWGRP and is_shared(path.parent):
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _filesystem(path: Path) -> str:
    """Give a folder's filesystem type, from the kernel's own list where there is one: it costs no import."""
    if not MOUNTS.exists():
        return _filesystem_elsewhere(path)
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == number:
            return after.split()[0]
    return ""


def _filesystem_elsewhere(path: Path) -> str:
    import psutil

    real = os.path.realpath(path)
    mounted = [p for p in psutil.disk_partitions(all=True) if _within(real, p.mountpoint)]
    return max(mounted, key=lambda p: len(p.mountpoint)).fstype if mounted else ""


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
