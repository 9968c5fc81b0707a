"""Import many modules at once, as commands do when they start."""

from __future__ import annotations

import gc
import sys
from importlib import import_module


def import_at_once(*modules: str) -> None:
    """Import modules with the garbage collector paused, then freeze what they allocated.

    Classes and functions are there to stay, yet the collector looks at all of them time and again while they
    come, and once more at the end: a seventh of what a cached build takes. For processes of our own only: what is
    garbage when this is called stays, too.
    """
    if all(module in sys.modules for module in modules):
        return
    wanted = gc.isenabled()
    gc.disable()
    try:
        for module in modules:
            import_module(module)
        gc.freeze()
    finally:
        if wanted:
            gc.enable()
