"""A store of several users: what one of them makes there, the others of the group may change.

A folder says it itself, by its own bits: what is made in a folder that is writable for its group and hands its group
on (setgid) belongs to the whole group, whatever the user's umask is. So nothing else need be known of a store.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o2775
FILE_MODE = 0o664


def is_shared(folder: Path) -> bool:
    """Say whether what is made in a folder belongs to the whole group; false where there is no such folder."""
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISGID and mode & stat.S_IWGRP)


def make_folder(path: Path) -> None:
    """Make a folder, for the whole group where the one that it lies in is.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    path.mkdir(parents=True, exist_ok=True)
    share(path)


def share(path: Path) -> None:
    """Let the group change what this process has just made in a shared folder; what is another user's stays."""
    if not is_shared(path.parent):
        return
    with suppress(PermissionError, FileNotFoundError):
        os.chmod(path, FOLDER_MODE if path.is_dir() else FILE_MODE)


def make_shared(root: Path) -> None:
    """Make a folder that is its group's.

    Raises:
        OSError: it is another user's and not so yet, or cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not is_shared(root):
        os.chmod(root, FOLDER_MODE)


def may_write(folder: Path) -> bool:
    """Say whether this process can make files in a folder, or make the folder; changes nothing."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
