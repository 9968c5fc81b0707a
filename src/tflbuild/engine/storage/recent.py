"""The latest actions of a pass, so that a plan finds the nearest earlier one without reading every record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tflbuild.core import json_text
from tflbuild.core.digest import is_digest
from tflbuild.core.form import is_name
from tflbuild.engine.storage.disk import write_whole
from tflbuild.engine.storage.record import Damaged, Relative
from tflbuild.engine.storage.shelf import Shelf

KEPT = 16


def latest(root: Path, name: str) -> list[str]:
    """Give the keys of the latest actions of a name, the oldest first.

    Args:
        root: the store's folder.
        name: of the pass.
    """
    if not is_name(name):
        return []
    try:
        keys = json_text.read(_path(root, name))
    except (OSError, ValueError):
        return []
    return [key for key in keys if is_digest(key)][-KEPT:] if isinstance(keys, list) else []


def relatives(shelf: Shelf, keys: Iterable[str]) -> list[Relative]:
    """Give actions by their keys; one that is unreadable or gone is passed over."""
    found = []
    for key in keys:
        with suppress(FileNotFoundError, Damaged):
            earlier = shelf.record(key)
            found.append(Relative(earlier.preimage, earlier.cost.get("seconds", 0.0)))
    return found


def remember(root: Path, name: str, key: str, staging: Path) -> None:
    """Put an action last; losing a race against another process only costs a better reason.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    if not is_name(name):
        return  # a name that is no file's own, e.g. of a plugin's pass with a slash in it
    keys = [*(each for each in latest(root, name) if each != key), key][-KEPT:]
    write_whole(_path(root, name), json.dumps(keys).encode(), staging)


def _path(root: Path, name: str) -> Path:
    return root / "recent" / f"{name}.json"
