"""A store elsewhere, at any fsspec URL: read through and written back.

`<url>/actions/<key>.json` and `<url>/blobs/<sha256>`, as in a local store. Nothing that comes from there is believed
before its digest holds. A remote that does not answer costs seconds and one warning; from then on the process does
without it. Credentials and endpoints come from where fsspec and its filesystems look for them, e.g. `AWS_*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tflbuild.core import digest
from tflbuild.engine.storage import record
from tflbuild.engine.storage.link import Link, Unusable, check, open_link
from tflbuild.engine.storage.record import Damaged, Record
from tflbuild.engine.storage.shelf import Shelf


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
        check(url)
        self.url = url.rstrip("/")
        self._warn = warn

    def record(self, key: str) -> bytes | None:
        """Give an action's record, None if there is none that is whole."""
        path = _action(key)
        try:
            content = self._link.read(path, record.MOST_BYTES)
            if content is not None and len(content) > record.MOST_BYTES:
                raise Damaged("its record is too large to be one")
            if content is not None:
                record.read(content, key, Path)
        except Unusable as error:
            self._note(error)
            return None
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
            for sha256 in found.blobs:
                if shelf.problem(sha256) and self._link.size(_blob(sha256)) is None:
                    return None
        except Unusable as error:
            self._note(error)
            return None
        return replace(found, remote=self.url)

    def fetch(self, key: str, sha256: str, target: Path) -> bool:
        """Bring a blob of an action; gives whether it came whole.

        Args:
            key: the action it belongs to.
            sha256: its digest.
            target: where it is written.
        """
        path = _blob(sha256)
        try:
            size = self._link.size(path)
            there = size is not None and self._link.fetch(path, size, target)
        except Unusable as error:
            self._note(error)
            return False
        if there and digest.of_file(target) == sha256:
            return True
        self._refuse(path, "its file was changed or cut off" if there else "its file is gone")
        self._link.distrust(_action(key))
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
                if self._link.size(_blob(sha256)) != path.stat().st_size:
                    self._link.put(_blob(sha256), path)
            if self._link.size(_action(key)) is None:
                self._link.put(_action(key), content)
        except Unusable as error:
            self._note(error)

    def _note(self, error: Unusable) -> None:
        if str(error):
            self._warn(f"store.remote: {self.url} {error}.")

    def _refuse(self, path: str, why: str) -> None:
        self._link.distrust(path)
        self._warn(f"store.remote: {self.url}/{path} is not used: {why}; it is built again.")

    @property
    def _link(self) -> Link:
        return open_link(self.url)


def _action(key: str) -> str:
    return f"actions/{key}.json"


def _blob(sha256: str) -> str:
    return f"blobs/{sha256}"
