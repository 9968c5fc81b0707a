"""The files of `./plugins/`, without importing any of them."""

from __future__ import annotations

import os
from pathlib import Path

OFF_SWITCH = "TFLBUILD_NO_LOCAL_PLUGINS"


def default_folder() -> Path | None:
    """Give `./plugins` if it is there and not switched off by $TFLBUILD_NO_LOCAL_PLUGINS."""
    folder = Path("plugins").resolve()
    return folder if folder.is_dir() and not os.environ.get(OFF_SWITCH) else None


def files(folder: Path | None) -> list[Path]:
    """List the modules of a folder that are plugins, by name: its tests are none, nor is what they share."""
    found = sorted(folder.glob("*.py")) if folder is not None else []
    return [path for path in found if not path.name.startswith(("_", "test_", "conftest"))]
