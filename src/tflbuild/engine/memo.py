"""Remember what files hold, so that a data set of many files is read once.

A file is taken to be what it was while its size, the time of its change and the time of its inode's change are; what
is new or changed is read again. File stamps are per machine, so they stay out of the shared store: they lie
in the user's cache folder, one memo a folder. A memo that is lost, damaged or overwritten by another process
only costs time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from tflbuild.core.cache import Cache
from tflbuild.core.dataset import FileFacts
from tflbuild.core.file_stamp import RACY

FORMAT = 3

CHUNK = 32
"""Files that a thread reads before it says so."""

Looking = Callable[[int, int], None]
"""Callback that is told how many files were read, and of how many."""

Stamp = tuple[int, int, int]


def slowly(looking: Looking) -> Looking:
    """Pass progress on only where it takes long: after two seconds, five times a second, and at the end."""
    started = time.monotonic()
    due = started + 2.0

    def pass_on(done: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due or (done == total and due > started + 2.0):
            due = now + 0.2
            looking(done, total)

    return pass_on


class FileMemo:
    """Facts of files; as a context, what was learned is kept in the end, whatever the end.

    Args:
        inspect: gives the facts of one file, by reading it whole; called in several threads.
        version: names what decides these facts besides the file; asked when a file is looked at.
        looking: is told of every file that had to be read; data sets that look into files themselves tell it, too.
    """

    def __init__(
        self,
        inspect: Callable[[Path], FileFacts],
        version: Callable[[], str] = lambda: "",
        looking: Looking = lambda done, total: None,
    ) -> None:
        self._inspect = inspect
        self._version = version
        self.looking = looking
        self._kept = Cache("files")
        self._known: dict[str, dict[str, list[Any]]] = {}
        self._names: dict[str, str] = {}
        self._changed: set[str] = set()

    def __enter__(self) -> FileMemo:
        return self

    def __exit__(self, *error: object) -> None:
        self.save()

    def __call__(self, path: Path) -> FileFacts:
        """Give the facts of a file; a missing one is a problem, not an error."""
        return self.many([path])[0]

    def many(self, paths: Sequence[Path | str]) -> list[FileFacts]:
        """Give the facts of many files, in their order; new and changed ones are read in threads."""
        names = [os.fspath(path) for path in paths]
        facts = self._remembered(names)
        unknown = [position for position, known in enumerate(facts) if known is None]
        reading = self._read([names[position] for position in unknown])
        for done, (position, read) in enumerate(zip(unknown, reading, strict=True), start=1):
            facts[position] = self._noted(names[position], *read)
            self.looking(done, len(unknown))
        return cast("list[FileFacts]", facts)

    def _remembered(self, paths: list[str]) -> list[FileFacts | None]:
        """Give the facts of files that are what they were; in one loop, since there may be very many."""
        found: list[FileFacts | None] = []
        last, entries = None, {}
        for path in paths:
            folder, slash, name = path.rpartition(os.sep)
            if folder != last:
                last, entries = folder, self._entries(folder + slash)
            known = entries.get(name)
            try:
                status = os.stat(path) if known else None
            except OSError:
                status = None
            if known is None or status is None:
                found.append(None)
            elif known[:3] == [status.st_size, status.st_mtime_ns, status.st_ctime_ns]:
                found.append(FileFacts._make(known[3:]))
            else:
                found.append(None)
        return found

    def _read(self, names: list[str]) -> Iterator[tuple[Stamp | None, FileFacts]]:
        if len(names) < 2:
            yield from map(self._look, names)
            return
        chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            for read in pool.map(lambda chunk: [self._look(name) for name in chunk], chunks):
                yield from read

    def _look(self, path: str) -> tuple[Stamp | None, FileFacts]:
        """Read a file.

        Returns:
            Its stamp, None where it could not be read or may yet change without changing its stamp; and its facts.
        """
        now = time.time_ns()
        try:
            before = _stamp(path)
            facts = self._inspect(Path(path))
            after = _stamp(path)
        except FileNotFoundError:
            return None, FileFacts("", "the file is missing")
        except (OSError, ValueError) as error:  # a loop of links, a name with a zero byte
            return None, FileFacts("", str(getattr(error, "strerror", None) or error))
        settled = before == after and max(before[1:]) < now - RACY and facts.digest
        return (before if settled else None), facts

    def _noted(self, path: str, stamp: Stamp | None, facts: FileFacts) -> FileFacts:
        folder, slash, name = path.rpartition(os.sep)
        entries = self._entries(folder + slash)
        if stamp is not None:
            entries[name] = [*stamp, *facts]
        elif entries.pop(name, None) is None:
            return facts
        self._changed.add(self._names[folder + slash])
        return facts

    def _entries(self, folder: str) -> dict[str, list[Any]]:
        """Give the remembered facts of the files of a folder, by name."""
        if folder not in self._names:
            self._names[folder] = os.path.abspath(folder)
        absolute = self._names[folder]
        if absolute not in self._known:
            self._known[absolute] = self._load(absolute)
        return self._known[absolute]

    def _load(self, folder: str) -> dict[str, list[Any]]:
        text = self._kept.read(folder)
        if text is None:
            return {}
        content = json.loads(text)
        return dict(content["files"]) if content["head"] == self._head(folder) else {}

    def _head(self, folder: str) -> list[Any]:
        return [FORMAT, folder, self._version()]

    def save(self) -> None:
        """Keep what was learned of the files that are still there."""
        for folder in self._changed:
            with suppress(OSError):
                there = set(os.listdir(folder))
                files = {name: entry for name, entry in self._known[folder].items() if name in there}
                content = {"head": self._head(folder), "files": files}
                self._kept.write(folder, json.dumps(content, separators=(",", ":")).encode())
        self._changed.clear()


def _stamp(path: str) -> Stamp:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
