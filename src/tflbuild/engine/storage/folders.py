"""The folders that a store consists of: of one key schema, in the store itself, and its group's where it is shared."""

from __future__ import annotations

import os
from pathlib import Path

from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.engine.storage import kernel_lock
from tflbuild.engine.storage.disk import writing
from tflbuild.engine.storage.sharing import make_folder, make_shared, may_write, share

KEY_SCHEMA = 1
"""Version of what an action key covers; a store holds keys of one schema."""

FOLDERS = ("blobs", "actions", "locks", "tmp", "recent", "checkpoints", "memo")

LONGEST_SCHEMA = 100


def check_schema(root: Path) -> None:
    """Refuse a store of another key schema.

    Raises:
        RecipeError: the folder belongs to one.
        StoreError: what says so cannot be read.
    """
    schema = root / "schema"
    if not schema.is_file():
        return
    with writing(root):
        found = read_regular(schema, LONGEST_SCHEMA).decode("utf-8", "replace").strip()
    if found != str(KEY_SCHEMA):
        raise RecipeError(
            f"store.path: {root} contains keys of schema {plain(found)}, but this tflbuild uses schema {KEY_SCHEMA}; "
            f"set store.path to another folder (nothing in {root} was changed)."
        )


def make_folders(root: Path, *, shared: bool) -> None:
    """Make what a store consists of.

    Raises:
        StoreError: one is a link, or the store is to be shared and is another user's.
        OSError: one cannot be made.
    """
    if shared:
        _share(root)
    for folder in _folders(root):
        if folder.is_symlink():
            raise StoreError(
                f"store.path: {folder} is a link; the folders of a store must lie in the store itself."
            )
        if not folder.is_dir():
            make_folder(folder)


def obstacle(root: Path, commits: Path) -> str:
    """Say in a sentence why nothing new can be kept in a store; "" where it can. Writes nothing.

    Args:
        root: the store.
        commits: the lock that commits share.
    """
    closed = [folder for folder in (root, *_folders(root)) if not may_write(folder)]
    if not closed and (not commits.exists() or os.access(commits, os.R_OK | os.W_OK)):
        return ""
    place = closed[0] if closed else commits
    return (
        f"store.path: {place} is not writable for this user, so nothing new can be stored in "
        f"{root}; set store.path to another folder, or have its owner share it: store.shared=true."
    )


def network_note(root: Path) -> str:
    """Say what locks are worth where a store lies; "" on a filesystem of this machine's own."""
    kind = kernel_lock.network_filesystem(root)
    if not kind:
        return ""
    return (
        f"store.path: {root} lies on a network filesystem ({kind}), where another machine may not see "
        f"a lock; a pass might then be computed twice. store.remote=URL shares results without locks."
    )


def _folders(root: Path) -> list[Path]:
    return [root / name for name in FOLDERS]


def _share(root: Path) -> None:
    """Make the store the group's, also one that is this user's own already."""
    try:
        make_shared(root)
    except PermissionError as error:
        raise StoreError(
            f"store.shared: {root} belongs to another user; only that user can share it: chmod g+ws {root}"
        ) from error
    for path in (*_folders(root), root / "memo" / "contents", *(root / "locks").glob("*.lock")):
        if path.exists() and not path.is_symlink():
            share(path)
