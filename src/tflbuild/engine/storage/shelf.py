"""The files of a store: verified when they are read, put in place whole, set aside when they are damaged."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.regular_file import read_regular
from tflbuild.engine.storage import kernel_lock, record
from tflbuild.engine.storage.disk import flush, writing
from tflbuild.engine.storage.record import Damaged, Record
from tflbuild.engine.storage.sharing import make_folder, share


class Shelf:
    """The blobs and records of a store, and the quarantine of damaged ones.

    Args:
        root: the store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: dict[str, tuple[int, ...]] = {}

    def blob(self, sha256: str) -> Path:
        """Give the path of a blob, there or not."""
        return self.root / "blobs" / sha256

    def action(self, key: str) -> Path:
        """Give the path of an action's record, there or not."""
        return self.root / "actions" / f"{key}.json"

    def checkpoints(self, key: str) -> Path:
        """Give the folder of an action's checkpoints, there or not."""
        return self.root / "checkpoints" / key

    def lock(self, name: str) -> Path:
        """Give the path of a lock: an action's by its key, a blob's by its digest."""
        return self.root / "locks" / f"{name}.lock"

    @property
    def commits(self) -> Path:
        """Give the path of the lock that commits share; who holds it alone may remove blobs."""
        return self.lock("commits")

    def read(self, key: str) -> Record:
        """Read a stored result and hold every byte of it to its digest.

        Raises:
            FileNotFoundError: there is none.
            Damaged: it is not what was written.
        """
        found = self.record(key)
        for sha256 in found.blobs:
            problem = self.problem(sha256)
            if problem:
                raise Damaged(problem, sha256)
        return found

    def record(self, key: str) -> Record:
        """Read a record alone, whether its files are there or not; raises as `read` does."""
        return record.read(self._content(key), key, self.blob)

    def _content(self, key: str) -> bytes:
        path = self.action(key)
        try:
            _check_own(path)
            return read_regular(path, record.MOST_BYTES)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Damaged(f"its record cannot be read ({error.strerror or error})") from error

    def problem(self, sha256: str) -> str:
        """Say what is wrong with a blob, "" if it is whole; one that nobody touches is read once a process."""
        path = self.blob(sha256)
        try:
            _check_own(path)
            stamp = _stamp(path)
            if self._verified.get(sha256) == stamp:
                return ""
            if digest.of_file(path) != sha256:
                return "its file was changed or cut off"
        except FileNotFoundError:
            return "its file is gone"
        except OSError as error:
            return f"its file cannot be read ({error.strerror or error})"
        self._verified[sha256] = stamp
        return ""

    def keep(self, staged: Path, sha256: str) -> None:
        """Put a staged file in its place, unless it is there whole; the caller shares the lock of commits.

        Raises:
            OSError: the disk is full or cannot be written; what was there is still there.
        """
        path = self.blob(sha256)
        with kernel_lock.holding(self.lock(sha256)):
            if self.problem(sha256):
                staged.chmod(0o444)
                flush(staged)
                os.replace(staged, path)
                flush(path.parent)
                self._verified[sha256] = _stamp(path)

    def quarantine(self, key: str, damage: Damaged) -> None:
        """Move a damaged result out of the way, with a note; the caller holds the action's lock.

        Raises:
            StoreError: the store cannot be written.
        """
        with writing(self.root):
            if damage.blob:
                self.quarantine_blob(damage.blob, f"action {key}: {damage}")
            self._set_aside(self.action(key), str(damage))

    def quarantine_blob(self, sha256: str, why: str) -> None:
        """Move a damaged blob out of the way, unless another process has put it right by now.

        Raises:
            OSError: the store cannot be written.
        """
        with kernel_lock.holding(self.lock(sha256)):
            if self.problem(sha256):
                self._set_aside(self.blob(sha256), why)

    def _set_aside(self, path: Path, why: str) -> None:
        """Move a file to quarantine beside a note; an earlier one of that name stays there."""
        folder = self.root / "quarantine"
        make_folder(folder)
        for count in itertools.count(1):
            target = folder / (path.name if count == 1 else f"{path.name}.{count}")
            if not os.path.lexists(target):
                break
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return
        changed = _date(os.lstat(target).st_mtime)
        with suppress(PermissionError):  # another user's: a date that stays is no harm
            os.utime(target, follow_symlinks=False)  # so that it is collected by how long it lies here
        note = f"{_date(time.time())}: {path.name}, last changed {changed}: {why}\n"
        beside = target.with_name(f"{target.name}.why.txt")
        beside.write_text(note, encoding="utf-8")
        share(beside)


def _check_own(path: Path) -> None:
    """Refuse what is no file of the store itself: a link leads elsewhere, a FIFO or a device has no content.

    Raises:
        OSError: it is missing, or no regular file.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))


def _stamp(path: Path) -> tuple[int, ...]:
    """Give a file's stamp, which changes when the file is written or replaced."""
    status = os.stat(path)
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
