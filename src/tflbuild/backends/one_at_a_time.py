"""One process at a time on a device of somebody's: a second one waits, also that of another build."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(device: str) -> Iterator[None]:
    """Hold the lock of a device; the kernel ends it with the process.

    Args:
        device: its name, e.g. the serial of a phone.
    """
    name = hashlib.sha256(device.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"tflbuild-{os.getuid()}-{name}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
