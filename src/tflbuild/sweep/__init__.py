"""Sweeps: every job of a grid is composed and frozen before the first one starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
