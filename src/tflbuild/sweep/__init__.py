"""Sweeps: every job of a grid is composed and frozen before the first one starts.

The module can be called: `tflbuild.sweep(...)` is `tflbuild.sweep.calling.sweep(...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

from tflbuild.sweep.grid import expand
from tflbuild.sweep.run import rerun_sweep, run_sweep

if TYPE_CHECKING:
    from tflbuild.sweep.calling import Sweep

__all__ = ["expand", "rerun_sweep", "run_sweep"]


class _Callable(ModuleType):
    """This module, which is what `tflbuild.sweep` names however it came to be imported."""

    def __call__(self, recipe: str, overrides: Iterable[str] = (), *, show: bool = True) -> Sweep:
        """Build every combination; see `tflbuild.sweep.calling.sweep`."""
        from tflbuild.sweep.calling import sweep

        return sweep(recipe, overrides, show=show)


sys.modules[__name__].__class__ = _Callable
