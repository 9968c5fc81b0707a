"""Hold everything in a store to its digest: `tflbuild cache verify`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tflbuild.engine.storage import kernel_lock
from tflbuild.engine.storage.disk import writing
from tflbuild.engine.storage.record import Damaged
from tflbuild.engine.storage.shelf import Shelf


@dataclass(kw_only=True)
class Audit:
    """The result of reading a whole store.

    Attributes:
        records: how many were read.
        blobs: how many were read.
        bytes: of those blobs.
        damaged: what is wrong, by the name of the record or blob; all of it is in quarantine now.
        busy: records that are damaged, but being put right by a build just now.
        orphans: blobs that no record names; a crash or a collection that was cut short leaves them.
    """

    records: int = 0
    blobs: int = 0
    bytes: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    busy: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)


def audit(root: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Audit:
    """Read everything in a store; move what is damaged to quarantine.

    Args:
        root: the store's folder.
        progress: is told how many bytes are done, of how many.

    Raises:
        StoreError: something is damaged and the store cannot be written.
    """
    shelf = Shelf(root)
    found = Audit()
    sizes = _sizes(root / "blobs")
    keys = sorted(path.stem for path in (root / "actions").glob("*.json"))
    _read_blobs(shelf, sizes, found, progress)
    named: set[str] = set()
    for key in keys:
        try:
            named.update(shelf.read(key).blobs)
        except FileNotFoundError:
            continue  # collected meanwhile
        except Damaged as damage:
            named.add(damage.blob)
            _set_aside(shelf, key, damage, found)
        found.records += 1
    for sha256 in sizes.keys() - named:
        problem = shelf.problem(sha256)
        if problem and shelf.blob(sha256).exists():
            with writing(root):
                shelf.quarantine_blob(sha256, problem)
            found.damaged[sha256] = problem
    found.orphans = sorted(sizes.keys() - named - found.damaged.keys())
    return found


def _read_blobs(
    shelf: Shelf, sizes: dict[str, int], found: Audit, progress: Callable[[int, int], None]
) -> None:
    """Read every blob; what is whole need not be read again for the records that name it."""
    total = sum(sizes.values())
    for sha256, size in sizes.items():
        shelf.problem(sha256)
        found.blobs += 1
        found.bytes += size
        progress(found.bytes, total)


def _set_aside(shelf: Shelf, key: str, damage: Damaged, found: Audit) -> None:
    with writing(shelf.root):
        lock = kernel_lock.take(shelf.lock(key), wait=False)
    if lock is None:
        found.busy[key] = str(damage)
        return
    try:
        shelf.read(key)  # a build may have put it right by now
    except FileNotFoundError:
        return
    except Damaged as still:
        shelf.quarantine(key, still)
        found.damaged[key] = str(still)
    finally:
        lock.release()


def _sizes(folder: Path) -> dict[str, int]:
    sizes = {}
    for path in sorted(folder.glob("*")):
        try:
            sizes[path.name] = path.stat().st_size
        except FileNotFoundError:
            continue  # collected meanwhile
    return sizes
