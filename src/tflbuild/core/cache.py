"""The user's cache folder: what may be lost at any time and then only costs time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Give a folder of ours in the user's cache folder, $XDG_CACHE_HOME or ~/.cache; it need not be there."""
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given if given else os.path.expanduser("~/.cache")) / "tflbuild" / name
