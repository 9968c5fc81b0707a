"""Sweeps: every job of a grid is composed and frozen before the first one starts.

The module can be called: `tflbuild.sweep(...)` is `tflbuild.sweep.calling.sweep(...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflbuild.sweep.calling import Sweep
    from tflbuild.sweep.grid import expand
    from tflbuild.sweep.run import rerun_sweep, run_sweep

__all__ = ["expand", "rerun_sweep", "run_sweep"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: completion needs the names of launchers alone, and within a tenth of a second."""
    if name == "expand":
        from tflbuild.sweep.grid import expand

        return expand
    if name in __all__:
        from tflbuild.sweep import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Callable(ModuleType):
    """This module, which is what `tflbuild.sweep` names however it came to be imported."""

    def __call__(self, recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Sweep:
        """Build every combination; see `tflbuild.sweep.calling.sweep`."""
        from tflbuild.sweep.calling import sweep

        return sweep(recipe, overrides, show=show)


sys.modules[__name__].__class__ = _Callable
