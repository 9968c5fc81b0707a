"""A store elsewhere, at any fsspec URL: read through and written back.

`<url>/actions/<key>.json` and `<url>/blobs/<sha256>`, as in a local store. Nothing that comes from there is believed
before its digest holds. A remote that does not answer costs seconds and one warning; from then on the process does
without it. Credentials and endpoints come from where fsspec and its filesystems look for them, e.g. `AWS_*`.
"""

from __future__ import annotations

import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tflbuild.core import digest, toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.engine import record
from tflbuild.engine.record import Damaged, Record
from tflbuild.engine.shelf import Shelf

T = TypeVar("T")

ANSWER_SECONDS = 10.0
"""How long a remote may take to say whether it has something."""

TRANSFER_BYTES_PER_SECOND = 200_000
"""Below this a transfer is given up."""

MISSING_SECONDS = 10.0
"""How long what was missing is taken to be missing still: a plan, a look and a second look under the lock."""

OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {"connect_timeout": 3, "read_timeout": 10, "retries": {"max_attempts": 1}},
    },
    "file": {"auto_mkdir": True},
}
"""What filesystems are opened with, by protocol."""

WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory")
"""Protocols under which a file appears at once or not at all; elsewhere it is renamed when it is complete."""


class Unusable(Exception):
    """The remote did not answer, now or earlier in this process."""


@dataclass
class Link:
    """What this process knows of a remote.

    Attributes:
        filesystem: fsspec's; it has no types.
        root: where the store lies in it.
        whole: whether a file appears at once or not at all.
        down: whether it failed once.
        absent: paths that were not there or hold something else than they should, and until when (of
            `time.monotonic`) that is taken to be so.
    """

    filesystem: Any
    root: str
    whole: bool
    down: bool = False
    absent: dict[str, float] = field(default_factory=dict)


class Remote:
    """A store elsewhere.

    Args:
        url: e.g. "s3://bucket/prefix" or "file:///mnt/store".
        warn: is told what is damaged there, and once that it cannot be used.

    Raises:
        RecipeError: `url` is no URL.
        MissingTool: a package is not installed.
    """

    def __init__(self, url: str, warn: Callable[[str], None]) -> None:
        self.url = url.rstrip("/")
        self._warn = warn
        self._protocol = _protocol(url)
        needed = ("fsspec", "s3fs") if self._protocol in ("s3", "s3a") else ("fsspec",)
        toolchain.require(needed, f"store.remote={url}")

    def record(self, key: str) -> bytes | None:
        """Give an action's record, None if there is none that is whole."""
        path = f"actions/{key}.json"
        try:
            content: bytes | None = self._find(path, lambda link, where: link.filesystem.cat_file(where))
        except Unusable:
            return None
        if content is not None:
            try:
                record.read(content, key, Path)
            except Damaged as damage:
                self._refuse(path, str(damage))
                return None
        return content

    def peek(self, key: str, shelf: Shelf) -> Record | None:
        """Give a record without its files, for a plan, if they are there or here.

        Args:
            key: the action key.
            shelf: what is here.
        """
        content = self.record(key)
        if content is None:
            return None
        found = record.read(content, key, shelf.blob)
        try:
            here = all(not shelf.problem(sha256) or self._has(sha256) for sha256 in found.blobs)
        except Unusable:
            return None
        return replace(found, remote=self.url) if here else None

    def fetch(self, key: str, sha256: str, target: Path) -> bool:
        """Bring a blob of an action; gives whether it came whole.

        Args:
            key: the action it belongs to.
            sha256: its digest.
            target: where it is written.
        """
        path = f"blobs/{sha256}"
        try:
            size = self._size(path)
            if size is not None:
                self._ask(lambda link: link.filesystem.get_file(_at(link, path), str(target)), size)
        except (Unusable, FileNotFoundError):
            return False
        if size is not None and digest.of_file(target) == sha256:
            return True
        target.unlink(missing_ok=True)
        self._refuse(path, "its file is gone" if size is None else "its file was altered or cut short")
        self._link.absent[f"actions/{key}.json"] = math.inf
        return False

    def keep(self, key: str, content: bytes, blobs: Mapping[str, Path]) -> None:
        """Write a result back: blobs first, the record last; what is there stays, unless it was damaged.

        Args:
            key: the action key.
            content: its record.
            blobs: its files by their digest.
        """
        try:
            for sha256, path in blobs.items():
                if self._size(f"blobs/{sha256}") != path.stat().st_size:
                    self._put(f"blobs/{sha256}", path, path.stat().st_size)
            if self._size(f"actions/{key}.json") is None:
                self._put(f"actions/{key}.json", content, len(content))
        except Unusable:
            return

    def _has(self, sha256: str) -> bool:
        return self._size(f"blobs/{sha256}") is not None

    def _size(self, path: str) -> int | None:
        return self._find(path, lambda link, where: int(link.filesystem.info(where)["size"]))

    def _find(self, path: str, look: Callable[[Link, str], T]) -> T | None:
        """Ask for something that may not be there."""
        if time.monotonic() < self._link.absent.get(path, 0.0):
            return None
        try:
            return self._ask(lambda link: look(link, _at(link, path)))
        except FileNotFoundError:
            self._link.absent[path] = time.monotonic() + MISSING_SECONDS
            return None

    def _put(self, path: str, content: Path | bytes, size: int) -> None:
        try:
            self._ask(lambda link: _upload(link, _at(link, path), content), size)
        except FileNotFoundError as error:  # e.g. there is no such bucket
            raise self._give_up(error) from error
        self._link.absent.pop(path, None)

    def _ask(self, action: Callable[[Link], T], size: int = 0) -> T:
        """Have the filesystem do something, within a time that a transfer of `size` bytes may take.

        Raises:
            FileNotFoundError: what it was to read is not there.
            Unusable: anything else went wrong.
        """
        link = self._link
        if link.down:
            raise Unusable
        try:
            return within(ANSWER_SECONDS + size / TRANSFER_BYTES_PER_SECOND, lambda: action(link))
        except FileNotFoundError:
            raise
        except Exception as error:  # each filesystem has errors of its own
            raise self._give_up(error) from error

    def _give_up(self, error: Exception) -> Unusable:
        self._link.down = True
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._warn(
            f"store.remote: {self.url} cannot be used ({said}); this run goes on with the local store."
        )
        return Unusable()

    def _refuse(self, path: str, why: str) -> None:
        self._link.absent[path] = math.inf  # until this process has written a good one
        self._warn(f"store.remote: {self.url}/{path} is not used: {why}; it is built again.")

    @property
    def _link(self) -> Link:
        return _open(self.url, self._protocol)


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


@cache
def _open(url: str, protocol: str) -> Link:
    """Open a filesystem, once a process; most connect when they are first asked."""
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(
            url, **OPTIONS.get("s3" if protocol == "s3a" else protocol, {})
        )
    except ImportError as error:
        raise MissingTool(f"store.remote={url}: {error}") from error
    except ValueError as error:
        raise RecipeError(f"store.remote={url}: {error}") from error
    if protocol in ("s3", "s3a"):
        filesystem.retries = 2  # s3fs itself would try five times, on top of botocore
    return Link(filesystem, str(root).rstrip("/"), protocol in WHOLE)


def _protocol(url: str) -> str:
    protocol, separator, rest = url.partition("://")
    if not separator or not protocol or not rest:
        raise RecipeError(
            f"store.remote: '{url}' is no URL; right would be s3://bucket/prefix or file:///mnt/store."
        )
    return protocol.partition("::")[0]


def _at(link: Link, path: str) -> str:
    return f"{link.root}/{path}"


def _upload(link: Link, target: str, content: Path | bytes) -> None:
    filesystem = link.filesystem
    part = target if link.whole else f"{target}.{uuid.uuid4().hex}.part"
    if not link.whole:
        filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
    if isinstance(content, bytes):
        filesystem.pipe_file(part, content)
    else:
        filesystem.put_file(str(content), part)
    if part != target:
        filesystem.mv(part, target)
