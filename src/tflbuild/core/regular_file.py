"""Read files of unknown origin; a FIFO, a device or a folder is refused instead of being waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def check_regular(path: Path) -> None:
    """Refuse what is no regular file, links followed.

    Raises:
        OSError: it is missing, cannot be reached, or is a FIFO, a device, a socket or a folder.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular(path: Path | str, most: int) -> bytes:
    """Read a whole file.

    Args:
        path: the file.
        most: bytes above which it is refused.

    Raises:
        OSError: it is missing, no regular file, too large, or its name is none (a zero byte in it).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has {status.st_size} bytes; at most {most} are read", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
