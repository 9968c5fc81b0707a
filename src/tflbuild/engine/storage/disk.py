"""Write files so that a crash or a full disk leaves the old content or the new, never half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tflbuild.core.errors import StoreError
from tflbuild.engine.storage.sharing import FILE_MODE, is_shared


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into one clear sentence.

    Raises:
        StoreError: instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror or error}; nothing built was lost."
        ) from error


def write_whole(path: Path, content: bytes, staging: Path) -> None:
    """Write a file and flush it to the disk, whole or not at all.

    Args:
        path: the file; replaced if it is there.
        content: what it shall hold.
        staging: a folder on the same filesystem that is cleaned up when its owner was killed.

    Raises:
        OSError: the disk is full or cannot be written; `path` is as it was.
    """
    descriptor, name = tempfile.mkstemp(dir=staging)
    try:
        try:
            os.fchmod(descriptor, FILE_MODE if is_shared(path.parent) else 0o644)
            append(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    flush(path.parent)


def remove(path: Path) -> None:
    """Remove whatever is there: a folder with all in it, a file, a link (not what it leads to), a FIFO; or nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(FileNotFoundError):
        path.unlink()


def replace_file(path: Path, text: str) -> None:
    """Write a file of a run's or a sweep's folder, flushed, whole or not at all, and never through a link.

    Raises:
        OSError: the disk is full or cannot be written; `path` is as it was.
    """
    staged = path.with_name(f".{path.name}")
    staged.unlink(missing_ok=True)  # an earlier one, or a link that somebody put there
    with staged.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staged, path)


def append(descriptor: int, content: bytes) -> None:
    """Write all of `content`; the kernel may take less at a time, e.g. when the disk runs full."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def flush(path: Path) -> None:
    """Have a file's content, or a folder's list of names, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
