"""The workspace of a process in a store: the files that it stages, and the list of what it uses.

`tmp/<host>-<name>.lock`, held as long as the process lives, `tmp/<host>-<name>/` with what is staged, and in it
`uses`, one key or digest a line. A folder whose lock can be taken is nobody's any more, however its owner ended, and
is removed. On a network filesystem a free lock says little of a process on another machine; what that left is removed
only when it has not changed for weeks.
"""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from pathlib import Path

from tflbuild.core.regular_file import read_regular
from tflbuild.engine.storage import kernel_lock
from tflbuild.engine.storage.disk import append, remove
from tflbuild.engine.storage.sharing import share

USES = "uses"
MOST_BYTES = 2**30
IDLE_SECONDS = 30 * 86_400.0
"""Seconds without a change after which the workspace of another machine is taken to be abandoned."""


class Workspace:
    """A folder of one process in a store's `tmp/`; removed when it is closed, forgotten, or its process is gone.

    Args:
        tmp: the store's `tmp/`.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, tmp: Path) -> None:
        name = f"{os.uname().nodename}-{os.urandom(16).hex()}"
        self.folder = tmp / name
        lock = kernel_lock.take(tmp / f"{name}.lock")
        assert lock is not None
        self.folder.mkdir()
        share(self.folder)
        self._uses = os.open(self.folder / USES, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._used: set[str] = set()
        self.close = weakref.finalize(self, _close, self.folder, self._uses, lock, os.getpid())
        """Remove the folder and let go of what was used; happens by itself when the process ends."""

    def use(self, *names: str) -> None:
        """Keep keys and digests from being collected, from now on; to be said before they are read."""
        new = [name for name in names if name not in self._used]
        if new:
            # A line that a full disk cut short must not run into the next one, hence the newline before.
            append(self._uses, "".join(f"\n{name}\n" for name in new).encode())
            self._used.update(new)

    def stage(self) -> Path:
        """Make an empty folder to stage files in."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        share(folder)
        return folder


def reap(tmp: Path) -> int:
    """Remove what processes left that are gone; gives how many they were."""
    return sum(_reap(tmp, name) for name in _names(tmp))


def abandoned(tmp: Path) -> list[Path]:
    """List the folders that `reap` would remove."""
    return [tmp / name for name in _names(tmp) - alive(tmp)]


def alive(tmp: Path) -> set[str]:
    """Name the workspaces of living processes."""
    return {
        name for name in _names(tmp) if kernel_lock.is_held(tmp / f"{name}.lock") or _elsewhere(tmp, name)
    }


def used(tmp: Path) -> set[str]:
    """Give the keys and digests that living processes use."""
    found: set[str] = set()
    for name in alive(tmp):
        try:
            found.update(read_regular(tmp / name / USES, MOST_BYTES).decode("ascii", "replace").split())
        except FileNotFoundError:
            continue  # it has just begun, or has just ended
    return found


def _names(tmp: Path) -> set[str]:
    try:
        return {name.removesuffix(".lock") for name in os.listdir(tmp)}
    except FileNotFoundError:
        return set()


def _elsewhere(tmp: Path, name: str) -> bool:
    """Say whether a workspace may be in use on another machine, whose locks this one might not see."""
    if name.rpartition("-")[0] == os.uname().nodename or not kernel_lock.network_filesystem(tmp):
        return False
    for path in (tmp / name / USES, tmp / f"{name}.lock"):
        try:
            return time.time() - path.stat().st_mtime < IDLE_SECONDS
        except FileNotFoundError:
            continue
    return False


def _reap(tmp: Path, name: str) -> bool:
    if _elsewhere(tmp, name):
        return False
    try:
        lock = kernel_lock.take(tmp / f"{name}.lock", wait=False)
    except PermissionError:
        return False  # another user's, who removes it
    if lock is None:
        return False
    _remove(tmp / name, lock)
    return True


def _close(folder: Path, uses: int, lock: kernel_lock.Held, owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child; the folder is its parent's
    os.close(uses)
    _remove(folder, lock)


def _remove(folder: Path, lock: kernel_lock.Held) -> None:
    remove(folder)
    if os.path.lexists(folder):
        lock.release()  # a worker of the dead process still writes there; the next one removes it
    else:
        lock.remove()
