"""The store: results by what made them, blobs by what they are.

`blobs/<sha256>` and `actions/<key>.json`. Files are staged on the same filesystem, flushed to the disk and
renamed; an action's record comes last, so that a record without its blob cannot be the work of a crash. A hit is
believed only if the record has the digest it says of itself and each blob the digest that the record says; what is
not believed is moved to `quarantine/`.

Locks, all of the kernel: one an action, held while it is computed; one a blob, held for the moment in which it is
put in place or removed; and one that commits share, which only `collect` takes alone, for the moment in which it
removes blobs. Planning and reading take none: what a process uses stands in its workspace before it is read.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.engine.storage import kernel_lock, recent, record, workspace
from tflbuild.engine.storage.disk import remove, write_whole, writing
from tflbuild.engine.storage.folders import KEY_SCHEMA, check_schema, make_folders, network_note, obstacle
from tflbuild.engine.storage.record import Damaged, Record, Relative
from tflbuild.engine.storage.sharing import is_shared, make_folder
from tflbuild.engine.storage.shelf import Shelf

if TYPE_CHECKING:
    from tflbuild.engine.storage.remote import Remote

__all__ = ["KEY_SCHEMA", "Record", "Relative", "Store", "writing"]

_told_of_network: set[Path] = set()


class Store:
    """A folder of results, shared by every run.

    Args:
        root: the folder; made when something is first written.
        warn: is told when something is damaged or the remote cannot be used.
        remote: fsspec URL of a store to read through and to write back to; None for none.
        shared: whether it is its group's, so that all of it can be changed by several users; None to leave it as the
            folder's own bits have it.

    Raises:
        RecipeError: the folder belongs to another key schema, or `remote` is no URL.
        MissingTool: `remote` needs a package that is not installed.
    """

    def __init__(
        self,
        root: Path,
        warn: Callable[[str], None] = lambda text: None,
        remote: str | None = None,
        shared: bool | None = None,
    ) -> None:
        self.root = root
        self.shelf = Shelf(root)
        self._warn = warn
        self._shared = shared
        self._said: set[str] = set()
        self._workspace: workspace.Workspace | None = None
        self._refused: OSError | None = None
        self._remote = self._open_remote(remote) if remote else None
        check_schema(root)

    def prepare(self) -> None:
        """Make the folders, clean up after processes that were killed, and from now on keep what is used.

        Before this nothing is written. A store that may only be read is used as it is.

        Raises:
            StoreError: the folder cannot be written.
        """
        if self._workspace is not None:
            return
        with writing(self.root):
            make_folders(self.root, shared=bool(self._shared))
            written = (self.root / "schema").is_file()
            try:
                workspace.reap(self.root / "tmp")
                self._workspace = workspace.Workspace(self.root / "tmp")
            except OSError as error:
                if not written or error.errno not in (errno.EROFS, errno.EACCES):
                    raise
                self._refused = error
                return
            if not written:
                self._write(self.root / "schema", f"{KEY_SCHEMA}\n".encode())
            note = network_note(self.root)
            if note and self.root not in _told_of_network:
                _told_of_network.add(self.root)
                self._tell(note)

    def obstacle(self) -> str:
        """Say in a sentence why nothing new can be kept here; "" where it can. Writes nothing."""
        return obstacle(self.root, self.shelf.commits)

    def close(self) -> None:
        """Remove what is staged, and let go of what was used; what is forgotten is closed by itself."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def blob(self, sha256: str) -> Path:
        """Give the path of a blob, there or not."""
        return self.shelf.blob(sha256)

    def checkpoints(self, key: str) -> Path:
        """Give the folder of an action's checkpoints; in a shared store it is made, so that it is the group's."""
        folder = self.shelf.checkpoints(key)
        if is_shared(folder.parent):
            with writing(self.root):
                make_folder(folder)
        return folder

    def recall(self, key: str, *, locked: bool = False) -> Record | None:
        """Find a stored result, believed only if its record and its blobs are whole.

        Args:
            key: the action key.
            locked: the caller holds the action's lock, so that what is damaged can be moved to quarantine; without
                it another process may just be putting it right.
        """
        with writing(self.root):
            self._use(key)
        try:
            found = self.shelf.read(key)
        except FileNotFoundError:
            return self._recall_remote(key)
        except Damaged as damage:
            if not self.shelf.action(key).exists():
                return self._recall_remote(key)  # it was collected while it was read
            self._tell(f"stored result {key[:12]} is not used: {damage}; it is built again.")
            if not locked:
                return None
            self.shelf.quarantine(key, damage)
            return self._recall_remote(key)
        with writing(self.root):
            self._use(*found.blobs)
        if self._workspace is not None:
            with suppress(OSError):  # only a date: without it the result is collected sooner
                os.utime(self.shelf.action(key))
        return found

    def commit(
        self,
        preimage: Mapping[str, Any],
        *,
        artifact: Artifact | None = None,
        files: Mapping[str, Path] | None = None,
        value: Mapping[str, Any] | None = None,
        cost: Mapping[str, float] | None = None,
        name: str = "",
    ) -> Record:
        """Keep a result: blobs first, the record last; its checkpoints are no longer needed.

        Args:
            preimage: everything that decided the result.
            artifact: the model, its file lying in `staging`.
            files: further staged files by the name that `value` gets for their digest.
            value: JSON-able result.
            cost: what computing it cost.
            name: what kind of action it is, so that a later one finds its nearest relative.

        Raises:
            StoreError: the disk is full or cannot be written; the store is as valid as it was.
            PassError: it is no result, e.g. a measurement whose value is text.
        """
        key = digest.of_json(preimage)
        with self._committing():
            self._use(key)
            named = {field: self._keep(path) for field, path in (files or {}).items()}
            blobs = list(named.values())
            if artifact is not None:
                sha256 = self._keep(artifact.path)
                blobs.append(sha256)
                artifact = replace(artifact, digest=sha256, fingerprint=artifact.fingerprint or sha256)
            content = record.write(
                preimage,
                artifact=artifact,
                value={**(value or {}), **named},
                cost=cost or {},
                blobs=blobs,
            )
            kept = record.held(content, key, self.blob)
            self._write(self.shelf.action(key), content)
            if name:
                recent.remember(self.root, name, key, self._own.folder)
        remove(self.shelf.checkpoints(key))
        if self._remote is not None:
            self._remote.keep(key, content, {sha256: self.blob(sha256) for sha256 in blobs})
        return kept

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the one lock of an action; a kernel lock, gone with its process.

        Args:
            key: the action key.
            waiting: is called once if another process holds it.
        """
        with writing(self.root):
            held = kernel_lock.acquire(self.shelf.lock(key), waiting=waiting)
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder on the store's filesystem; removed afterwards, at the latest by the next build."""
        with writing(self.root):
            folder = self._own.stage()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def relatives(self, name: str) -> list[Relative]:
        """Give the latest actions of a name, newest first; an unreadable one is passed over."""
        return recent.relatives(self.shelf, reversed(recent.latest(self.shelf.root, name)))

    def actions(self, keys: Iterable[str]) -> list[Relative]:
        """Give actions by their keys, in that order; one that is unreadable or gone is passed over."""
        return recent.relatives(self.shelf, keys)

    def _open_remote(self, url: str) -> Remote:
        from tflbuild.engine.storage.remote import Remote

        return Remote(url, self._tell)

    def _recall_remote(self, key: str) -> Record | None:
        """Look for a result in the remote; a plan is only told of it, a build gets it whole."""
        if self._remote is None:
            return None
        if self._workspace is None:
            return self._remote.peek(key, self.shelf)
        with self.lock(f"{key}.fetch", lambda: None):
            if not self.shelf.action(key).exists() and not self._fetch(key, self._remote):
                return None
            try:
                return self.shelf.read(key)
            except (FileNotFoundError, Damaged):
                return None  # the caller computes it, and looks again under the action's lock

    def _fetch(self, key: str, remote: Remote) -> bool:
        content = remote.record(key)
        if content is None:
            return False
        found = record.read(content, key, self.blob)
        with self.staging() as folder:
            with writing(self.root):
                self._use(*found.blobs)
            for sha256 in found.blobs:
                if self.shelf.problem(sha256) and not remote.fetch(key, sha256, folder / sha256):
                    return False
            with self._committing():
                for path in folder.iterdir():
                    self._keep(path)
                self._write(self.shelf.action(key), content)
                if "pass" in found.preimage:
                    recent.remember(self.root, found.preimage["pass"], key, self._own.folder)
        return True

    @contextmanager
    def _committing(self) -> Iterator[None]:
        with writing(self.root), kernel_lock.holding(self.shelf.commits, shared=True):
            yield

    def _keep(self, staged: Path) -> str:
        sha256 = digest.of_file(staged)
        self._use(sha256)
        self.shelf.keep(staged, sha256)
        return sha256

    def _use(self, *names: str) -> None:
        if self._workspace is not None:
            self._workspace.use(*names)

    def _write(self, path: Path, content: bytes) -> None:
        write_whole(path, content, self._own.folder)

    @property
    def _own(self) -> workspace.Workspace:
        if self._refused is not None:
            raise self._refused
        assert self._workspace is not None, "Store.prepare() comes before anything is written"
        return self._workspace

    def _tell(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._warn(text)
