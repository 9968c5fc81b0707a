"""Collect what nothing needs: `tflbuild cache gc`, safe beside running builds.

An action's record and its files go together; a file that another record names stays. Before a record is removed, its
lock is taken and the record is moved aside; only then is it asked once more whether a build uses it, and if so it is
moved back. A build in turn says what it uses before it reads it. So either the build finds no record, and computes, or
its say is seen. Files go last, in the one moment in which no commit is under way and no record is aside.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tflbuild.core.amount import amount
from tflbuild.core.errors import RecipeError
from tflbuild.core.file_size import sizes_apart
from tflbuild.engine.storage import kernel_lock, workspace
from tflbuild.engine.storage.disk import remove, writing
from tflbuild.engine.storage.inventory import Action, Inventory, Thing, actions
from tflbuild.engine.storage.roots import Roots
from tflbuild.engine.storage.shelf import Shelf


@dataclass(frozen=True, kw_only=True)
class Removable:
    """A result, checkpoint or other file of a store that may be removed.

    Attributes:
        kind: "result", "checkpoint", "quarantine", "memo", "staged" or "orphan".
        name: for a result its action key, for an orphan its digest, else its path in the store.
        what: the pass or measurement it is the result of; "" where that is unknown.
        bytes: what its removal frees.
        used: when it was last used, in seconds since the epoch.
    """

    kind: str
    name: str
    what: str = ""
    bytes: int
    used: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The files and records that are to be removed, and the store's size before and after.

    Attributes:
        removables: in the order in which they go.
        before: bytes in the store.
        after: bytes that stay.
        needed: bytes of what may not go.
    """

    removables: tuple[Removable, ...]
    before: int
    after: int
    needed: int


def choose(
    inventory: Inventory,
    roots: Roots,
    *,
    max_bytes: int | None = None,
    older_than: float | None = None,
    now: float | None = None,
) -> Choice:
    """Choose what to remove: garbage in any case, then what has not been used for longest.

    Args:
        inventory: what the store holds.
        roots: what stays.
        max_bytes: what the store may hold.
        older_than: seconds; what was not used for as long goes.
        now: seconds since the epoch.

    Raises:
        RecipeError: what may not go is larger than `max_bytes`; says how large it is.
    """
    chosen = list(_garbage(inventory, roots))
    left = inventory.bytes - sum(each.bytes for each in chosen)
    may_go = _in_order(inventory, roots, {each.name for each in chosen})
    needed = left - sum(each.bytes for each in may_go)
    if max_bytes is not None and needed > max_bytes:
        given, least = sizes_apart(max_bytes, needed)
        raise RecipeError(
            f"--max-size: {given} is less than the {least} that {amount(roots.runs, 'run')} on disk and "
            f"running builds need; give at least --max-size {needed}, or remove runs first. Nothing was removed."
        )
    limit = -math.inf if older_than is None else (time.time() if now is None else now) - older_than
    for each in may_go:
        if each.used < limit or (max_bytes is not None and left > max_bytes):
            chosen.append(each)
            left -= each.bytes
    return Choice(removables=tuple(chosen), before=inventory.bytes, after=left, needed=needed)


def _garbage(inventory: Inventory, roots: Roots) -> Iterable[Removable]:
    """Give what nothing can ever use: files without a record, and checkpoints of what is done."""
    named = {sha256 for action in inventory.actions.values() for sha256 in action.blobs}
    for sha256 in sorted(inventory.blobs.keys() - named - roots.blobs):
        yield Removable(kind="orphan", name=sha256, bytes=inventory.blobs[sha256], used=0.0)
    abandoned = set(workspace.abandoned(inventory.shelf.root / "tmp"))
    for thing in inventory.staged:
        if thing.path in abandoned:
            yield _thing("staged", thing, inventory)
    for thing in inventory.checkpoints:
        if thing.path.name in inventory.actions and not _locked(inventory, thing):
            yield _thing("checkpoint", thing, inventory)


def _in_order(inventory: Inventory, roots: Roots, chosen: set[str]) -> list[Removable]:
    """List what may be removed, the longest unused first; a file counts with the last record naming it."""
    results = [action for action in inventory.actions.values() if action.key not in roots.actions]
    others = [
        *(_thing("checkpoint", t, inventory) for t in inventory.checkpoints if not _locked(inventory, t)),
        *(_thing("quarantine", t, inventory) for t in inventory.quarantine),
        *(_thing("memo", t, inventory) for t in inventory.memo),
    ]
    others = [each for each in others if each.name not in chosen]
    references = Counter(sha256 for action in inventory.actions.values() for sha256 in set(action.blobs))
    found: list[Removable] = []
    for action in sorted(results, key=lambda action: action.used):
        references.subtract(set(action.blobs))
        freed = (sha256 for sha256 in set(action.blobs) - roots.blobs if not references[sha256])
        found.append(_result(action, sum(inventory.blobs.get(sha256, 0) for sha256 in freed)))
    return sorted([*found, *others], key=lambda each: each.used)


def _result(action: Action, files: int) -> Removable:
    return Removable(
        kind="result", name=action.key, what=action.name, bytes=action.bytes + files, used=action.used
    )


def _thing(kind: str, thing: Thing, inventory: Inventory) -> Removable:
    name = str(thing.path.relative_to(inventory.shelf.root))
    return Removable(kind=kind, name=name, bytes=thing.bytes, used=thing.used)


def _locked(inventory: Inventory, checkpoint: Thing) -> bool:
    return kernel_lock.is_held(inventory.shelf.lock(checkpoint.path.name))


def collect(inventory: Inventory, choice: Choice) -> list[Removable]:
    """Remove what was chosen.

    Args:
        inventory: what the choice was made of.
        choice: what goes.

    Returns:
        What was left after all, since a build uses it by now.

    Raises:
        StoreError: the store cannot be written.
    """
    shelf = inventory.shelf
    tmp = shelf.root / "tmp"
    with writing(shelf.root):
        workspace.reap(tmp)
        trash = workspace.Workspace(tmp)
        try:
            left = [each for each in choice.removables if not _remove(shelf, each, trash.folder)]
            gone = {each.name for each in choice.removables if each.kind == "result"} - {e.name for e in left}
            _remove_files(inventory, gone, trash.folder)
        finally:
            trash.close()
        _remove_locks(shelf.root / "locks")
    return left


def _remove(shelf: Shelf, item: Removable, trash: Path) -> bool:
    """Remove one thing; gives whether it is gone. Orphans go with the files, what was staged is reaped."""
    path = shelf.root / item.name
    if item.kind in ("orphan", "staged"):
        return True
    if item.kind == "quarantine":
        path.unlink(missing_ok=True)
        return True
    if item.kind == "memo":
        return _remove_memo(path, trash)
    lock = kernel_lock.take(shelf.lock(path.name), wait=False)
    if lock is None:
        return False
    try:
        if item.kind == "checkpoint":
            remove(path)
            return True
        return _remove_record(shelf, item, trash)
    finally:
        lock.remove()


def _remove_memo(path: Path, trash: Path) -> bool:
    """Remove a memo if no build runs; a build makes its workspace before it looks for its memo."""
    aside = trash / path.name
    if workspace.alive(trash.parent) - {trash.name}:
        return False
    with suppress(FileNotFoundError):  # another collector was first
        path.rename(aside)
    if aside.exists() and workspace.alive(trash.parent) - {trash.name}:
        aside.rename(path)
        return False
    return True


def _remove_record(shelf: Shelf, item: Removable, trash: Path) -> bool:
    path, aside = shelf.action(item.name), trash / f"{item.name}.json"
    # While a record is aside, no other collector removes files: it would miss those that this record names.
    with kernel_lock.holding(shelf.commits, shared=True):
        try:
            if path.stat().st_mtime > item.used:
                return False  # used since
            os.rename(path, aside)
        except FileNotFoundError:
            return True
        if item.name in workspace.used(shelf.root / "tmp"):
            os.rename(aside, path)
            return False
        return True


def _remove_files(inventory: Inventory, gone: set[str], trash: Path) -> None:
    """Remove files that no record names any more, nor a running build; no commit is under way meanwhile."""
    shelf = inventory.shelf
    known = inventory.actions.keys() - gone
    named = {sha256 for key in known for sha256 in inventory.actions[key].blobs}
    with kernel_lock.holding(shelf.commits):
        named.update(sha256 for action in actions(shelf, known) for sha256 in action.blobs)
        named.update(workspace.used(shelf.root / "tmp"))
        for sha256 in inventory.blobs.keys() - named:
            with suppress(FileNotFoundError):  # it went to quarantine, or another collector was first
                os.rename(shelf.blob(sha256), trash / sha256)


def _remove_locks(folder: Path) -> None:
    """Remove the files of locks that nobody holds; `kernel_lock` says why that is safe."""
    for path in folder.glob("*.lock"):
        with suppress(PermissionError):  # another user's
            lock = kernel_lock.take(path, wait=False)
            if lock is not None:
                lock.remove()
