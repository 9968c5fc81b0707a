"""Sweeps: every job of a grid is composed and frozen before the first one starts."""

from tflbuild.sweep.grid import expand
from tflbuild.sweep.run import rerun_sweep, run_sweep

__all__ = ["expand", "rerun_sweep", "run_sweep"]
