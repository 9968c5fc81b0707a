"""Which actions of a pass came last, so that a plan can name the nearest earlier one without reading every record."""

from __future__ import annotations

import json
from pathlib import Path

from tflbuild.engine.storage.disk import write_whole

KEPT = 16


def latest(root: Path, name: str) -> list[str]:
    """Give the keys of the latest actions of a name, the oldest first.

    Args:
        root: the store's folder.
        name: of the pass.
    """
    try:
        keys = json.loads(_path(root, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []


def remember(root: Path, name: str, key: str, staging: Path) -> None:
    """Put an action last; losing a race against another process only costs a better reason.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    keys = [*(each for each in latest(root, name) if each != key), key][-KEPT:]
    write_whole(_path(root, name), json.dumps(keys).encode(), staging)


def _path(root: Path, name: str) -> Path:
    return root / "recent" / f"{name}.json"
