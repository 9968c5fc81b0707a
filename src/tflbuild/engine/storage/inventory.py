"""List the contents of a store: actions with size and date, blobs, and what else lies there. Reads only."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.engine.storage.record import Damaged
from tflbuild.engine.storage.shelf import Shelf

NAMED = ("pass", "measure", "metric", "target")
"""Fields of a preimage, as `engine/keys.py` makes it, that name an action."""

MEASURED = ("input", "predictions", "truth", "before")
"""Fields of a measurement's preimage that hold the digest of a file."""

MEMO = ("memo", "memo/contents")


@dataclass(frozen=True, kw_only=True)
class Action:
    """A stored result as the inventory has it.

    Attributes:
        key: its action key.
        name: its pass, measurement or target; "damaged" where its record cannot be read.
        step: whether it is a pass.
        bytes: of its record.
        used: when it was last used, in seconds since the epoch.
        seconds: what it took.
        blobs: digests of its files.
        artifact: digest of its model; "" for a measurement.
        measured: digests of the files that a measurement or a target was given.
        data: digest of the split that a measurement was made on; "" where it was on none.
    """

    key: str
    name: str
    step: bool
    bytes: int
    used: float
    seconds: float = 0.0
    blobs: tuple[str, ...] = ()
    artifact: str = ""
    measured: frozenset[str] = frozenset()
    data: str = ""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A file or folder that is neither a record nor a blob: its size in bytes, when it was last changed."""

    path: Path
    bytes: int
    used: float


@dataclass(kw_only=True)
class Inventory:
    """The contents of a store, by kind.

    Attributes:
        shelf: the store's files.
        actions: by key.
        blobs: bytes by digest.
        checkpoints: of trainings that have not ended.
        quarantine: what was damaged, and the notes why.
        memo: files in which is remembered what data sets hold.
        staged: folders in `tmp/`.
        other: bytes of what is never collected.
    """

    shelf: Shelf
    actions: dict[str, Action] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    checkpoints: list[Thing] = field(default_factory=list)
    quarantine: list[Thing] = field(default_factory=list)
    memo: list[Thing] = field(default_factory=list)
    staged: list[Thing] = field(default_factory=list)
    other: int = 0

    @property
    def bytes(self) -> int:
        """Give the size of everything."""
        things = (*self.checkpoints, *self.quarantine, *self.memo, *self.staged)
        records = sum(action.bytes for action in self.actions.values())
        return records + sum(self.blobs.values()) + sum(thing.bytes for thing in things) + self.other

    def size(self, action: Action) -> int:
        """Give the size of an action with its files, shared ones included."""
        return action.bytes + sum(self.blobs.get(sha256, 0) for sha256 in set(action.blobs))

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Give the number and bytes of what there is, by kind."""
        models = {action.artifact for action in self.actions.values()} & self.blobs.keys()
        used = {sha256 for action in self.actions.values() for sha256 in action.blobs} & self.blobs.keys()
        kinds = {
            "models": [self.blobs[sha256] for sha256 in models],
            "predictions": [self.blobs[sha256] for sha256 in used - models],
            "records": [action.bytes for action in self.actions.values()],
            "checkpoints": [thing.bytes for thing in self.checkpoints],
            "quarantine": [thing.bytes for thing in self.quarantine],
            "memo": [thing.bytes for thing in self.memo],
            "tmp": [thing.bytes for thing in self.staged],
            "orphans": [self.blobs[sha256] for sha256 in self.blobs.keys() - used],
        }
        return {kind: (len(sizes), sum(sizes)) for kind, sizes in kinds.items()}


def take_inventory(root: Path) -> Inventory:
    """Look at everything in a store; what disappears meanwhile is left out."""
    shelf = Shelf(root)
    inventory = Inventory(shelf=shelf)
    # Blobs before records: a blob that is committed meanwhile must not look as if it belonged to none.
    inventory.blobs = {entry.name: size for entry, size in _files(root / "blobs")}
    inventory.actions = {action.key: action for action in actions(shelf)}
    inventory.checkpoints = list(_things(root / "checkpoints"))
    inventory.quarantine = list(_things(root / "quarantine"))
    inventory.memo = [thing for folder in MEMO for thing in _things(root / folder) if thing.path.is_file()]
    inventory.staged = [thing for thing in _things(root / "tmp") if thing.path.suffix != ".lock"]
    inventory.other = sum(size for name in ("recent", "locks") for _, size in _files(root / name))
    return inventory


def actions(shelf: Shelf, known: Collection[str] = ()) -> Iterator[Action]:
    """Read every record.

    Args:
        shelf: the store's files.
        known: keys to pass over.
    """
    for entry, size in _files(shelf.root / "actions"):
        key, _, suffix = entry.name.partition(".")
        if suffix != "json" or key in known:
            continue
        try:
            yield _action(shelf, key, size, entry.stat().st_mtime)
        except FileNotFoundError:
            continue


def _action(shelf: Shelf, key: str, size: int, used: float) -> Action:
    try:
        found = shelf.record(key)
    except Damaged:
        return Action(key=key, name="damaged", step=False, bytes=size, used=used)
    preimage = found.preimage
    return Action(
        key=key,
        name=" ".join(str(preimage[field]) for field in NAMED if field in preimage) or "other",
        step="pass" in preimage,
        bytes=size,
        used=used,
        seconds=found.cost.get("seconds", 0.0),
        blobs=found.blobs,
        artifact=found.artifact.digest if found.artifact else "",
        measured=frozenset(_digest_of(preimage[field]) for field in MEASURED if field in preimage),
        data=str(preimage.get("data", "")),
    )


def _digest_of(given: Any) -> str:
    return str(given["digest"] if isinstance(given, Mapping) and "digest" in given else given)


def _files(folder: Path) -> Iterator[tuple[os.DirEntry[str], int]]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    yield entry, entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue


def _things(folder: Path) -> Iterator[Thing]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        sizes, dates = _inside(folder / name)
        if dates:
            yield Thing(path=folder / name, bytes=sum(sizes), used=max(dates))


def _inside(path: Path) -> tuple[list[int], list[float]]:
    """Give sizes and dates of a file, or of a folder and everything in it."""
    sizes, dates = [], []
    paths = [path, *(Path(top) / name for top, _, names in os.walk(path) for name in names)]
    for each in paths:
        try:
            status = each.lstat()
        except FileNotFoundError:
            continue
        dates.append(status.st_mtime)
        if not stat.S_ISDIR(status.st_mode):
            sizes.append(status.st_size)
    return sizes, dates
