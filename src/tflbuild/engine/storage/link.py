"""The way to a remote store: an fsspec filesystem that must answer in time, and what this process knows of it."""

from __future__ import annotations

import math
import queue
import threading
import time
import uuid
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tflbuild.core import toolchain
from tflbuild.core.crash import described
from tflbuild.core.errors import MissingTool, RecipeError

T = TypeVar("T")

ANSWER_SECONDS = 10.0
"""Seconds that a remote may take to say whether it has something."""

TRANSFER_BYTES_PER_SECOND = 200_000
"""Rate of a transfer below which it is given up."""

ABSENT_SECONDS = 10.0
"""Seconds for which an absent file is taken to stay absent: a plan, a look, and another under the lock."""

S3 = ("s3", "s3a")
S3_OPTIONS = {
    "use_listings_cache": False,
    "config_kwargs": {"connect_timeout": 3, "read_timeout": 10, "retries": {"max_attempts": 1}},
}
S3_TRIES = 2
"""Tries of s3fs, which would make five by itself, on top of botocore's."""

WHOLE = (*S3, "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory")
"""Protocols under which a file appears at once or not at all; elsewhere it is renamed when it is complete."""


class Unusable(Exception):
    """The remote failed; the message says how the first time in this process, and is empty after that."""


class Link:
    """A filesystem that may fail once.

    Args:
        filesystem: fsspec's; it has no types.
        root: where the store lies in it.
        whole: whether a file appears at once or not at all.
    """

    def __init__(self, filesystem: Any, root: str, whole: bool) -> None:
        self._filesystem = filesystem
        self._root = root
        self._whole = whole
        self._down = False
        self._only_read = False
        self._absent: dict[str, float] = {}

    def read(self, path: str, most: int) -> bytes | None:
        """Give a small file, None if it is absent.

        Args:
            path: of the file.
            most: bytes that are read at most; of what is larger, one byte more, so that it is seen to be too large.
        """
        size = self.size(path)
        if not size:
            return None if size is None else b""
        end = min(size, most + 1)
        return self._find(path, lambda where: bytes(self._filesystem.cat_file(where, end=end))[:end])

    def size(self, path: str) -> int | None:
        """Give a file's size in bytes, None if it is absent."""
        return self._find(path, lambda where: int(self._filesystem.info(where)["size"]))

    def fetch(self, path: str, size: int, target: Path) -> bool:
        """Bring a file; gives whether it was there, and no larger than was said."""
        where = f"{self._root}/{path}"
        try:
            self._ask(lambda: self._filesystem.get_file(where, str(target), callback=_limited(size)), size)
        except (FileNotFoundError, _TooLarge):
            return False
        return target.is_file() and not target.is_symlink()

    def put(self, path: str, content: Path | bytes) -> None:
        """Write a file.

        Raises:
            Unusable: also where the remote may only be read; it is read all the same.
        """
        if self._only_read:
            raise Unusable
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        try:
            self._ask(lambda: self._upload(f"{self._root}/{path}", content), size)
        except (PermissionError, FileNotFoundError) as error:  # the latter, e.g., for a bucket
            self._only_read = True
            raise Unusable(
                f"cannot be written ({described(error)}); new results stay in the local store"
            ) from error
        self._absent.pop(path, None)

    def distrust(self, path: str) -> None:
        """Take a file to be absent until this process has written it."""
        self._absent[path] = math.inf

    def _find(self, path: str, look: Callable[[str], T]) -> T | None:
        if time.monotonic() < self._absent.get(path, 0.0):
            return None
        try:
            return self._ask(lambda: look(f"{self._root}/{path}"))
        except FileNotFoundError:
            self._absent[path] = time.monotonic() + ABSENT_SECONDS
            return None
        except PermissionError as error:
            raise self._give_up(error) from error

    def _ask(self, action: Callable[[], T], size: int = 0) -> T:
        """Do something within the time that a transfer of `size` bytes may take.

        Raises:
            FileNotFoundError: what was to be read is not there.
            PermissionError: it may not be done.
            Unusable: anything else went wrong, now or earlier.
        """
        if self._down:
            raise Unusable
        try:
            return within(ANSWER_SECONDS + size / TRANSFER_BYTES_PER_SECOND, action)
        except (FileNotFoundError, PermissionError, _TooLarge):
            raise
        except Exception as error:  # each filesystem has errors of its own
            raise self._give_up(error) from error

    def _give_up(self, error: Exception) -> Unusable:
        self._down = True
        return Unusable(f"cannot be used ({described(error)}); this run goes on with the local store")

    def _upload(self, target: str, content: Path | bytes) -> None:
        part = target if self._whole else f"{target}.{uuid.uuid4().hex}.part"
        if not self._whole:
            self._filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        if isinstance(content, bytes):
            self._filesystem.pipe_file(part, content)
        else:
            self._filesystem.put_file(str(content), part)
        if part != target:
            self._filesystem.mv(part, target)


class _TooLarge(Exception):
    """A file is larger than its size was said to be."""


def _limited(most: int) -> Any:
    """Give a callback for fsspec that ends a transfer of more bytes than there should be."""
    from fsspec.callbacks import Callback

    class Limit(Callback):  # type: ignore[misc,unused-ignore] # fsspec has no types
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if self.value > most:
                raise _TooLarge

    return Limit()


def within(seconds: float, action: Callable[[], T]) -> T:
    """Run something that might hang; what hangs is left behind.

    Raises:
        TimeoutError: it did not end in time.
    """
    answers: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((True, action()))
        except Exception as error:  # noqa: BLE001 - raised again below
            answers.put((False, error))

    threading.Thread(target=run, daemon=True, name="store.remote").start()
    try:
        fine, answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:.0f} s") from None
    if not fine:
        raise answer
    value: T = answer
    return value


def check(url: str) -> None:
    """Refuse what is no URL or needs a package that is not installed; imports nothing.

    Raises:
        RecipeError: it is no URL.
        MissingTool: a package is not installed; the message has the `pip install` line.
    """
    protocol, separator, rest = url.partition("://")
    if not separator or not protocol or not rest:
        raise RecipeError(
            f"store.remote: '{url}' is not a URL; expected s3://bucket/prefix or file:///mnt/store."
        )
    toolchain.require(("s3fs", "fsspec") if protocol in S3 else ("fsspec",), f"store.remote={url}")


@cache
def open_link(url: str) -> Link:
    """Open a filesystem, once a process; most connect when they are first asked.

    Raises:
        RecipeError: fsspec does not know it.
        MissingTool: its package is not installed.
    """
    import fsspec

    protocol = url.partition("://")[0]
    options: dict[str, Any] = (
        deepcopy(S3_OPTIONS) if protocol in S3 else {}
    )  # botocore alters what it is given
    try:
        filesystem, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise MissingTool(f"store.remote={url}: {error}") from error
    except ValueError as error:
        raise RecipeError(f"store.remote={url}: {error}") from error
    if protocol in S3:
        filesystem.retries = S3_TRIES
    return Link(filesystem, str(root).rstrip("/"), protocol in WHOLE)
