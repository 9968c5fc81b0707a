"""What a warm worker is told before it serves a build in another folder."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any


def stand_in(folder: str, report: Any) -> None:
    """Go to a folder, and forget what is remembered of files: a relative path names another one there."""
    os.chdir(folder)
    for name, module in list(sys.modules.items()):
        if name.startswith("tflbuild."):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()
