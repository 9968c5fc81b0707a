"""Launchers: where the jobs of a sweep run. Each is one module with one function, found by name.

    def launch(jobs: Sequence[FrozenJob], options: Mapping[str, Any], done: Done) -> None

builds every job, by `run_job` in this process or by `run_here` in others, and calls `done(position, result)`, in the
main thread, as soon as a job has ended. `options` are the `hydra.launcher.*` overrides as a nested mapping.

A launcher that is interrupted raises KeyboardInterrupt or returns; jobs of which it gave no result are then marked. It
raises MissingTool where its extra is not installed, RecipeError where an option is wrong, and nothing for a job that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.sweep.job import FrozenJob, JobResult

DEFAULT = "serial"

LAUNCHERS = {
    "serial": "tflbuild.sweep.launchers.serial:launch",
    "basic": "tflbuild.sweep.launchers.serial:launch",
}
"""Every launcher by name: its module and function. `basic` is what Hydra calls the default."""

Done = Callable[[int, JobResult], None]
"""Is told the position of a job in the sequence, and how it ended."""

Launch = Callable[[Sequence[FrozenJob], Mapping[str, Any], Done], None]


def launcher(name: str) -> Launch:
    """Find a launcher by name.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in LAUNCHERS:
        raise RecipeError(
            f"hydra/launcher: there is no launcher '{name}'; there are {', '.join(sorted(LAUNCHERS))}."
            f"{did_you_mean(name, LAUNCHERS)}"
        )
    module, _, function = LAUNCHERS[name].partition(":")
    launch: Launch = getattr(import_module(module), function)
    return launch
