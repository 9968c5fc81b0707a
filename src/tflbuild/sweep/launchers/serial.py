"""Build the jobs one after another in this process, with one warm worker and live progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild import terminal
from tflbuild.core.errors import INTERRUPTED, RecipeError
from tflbuild.sweep.job import FrozenJob, run_job
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.warm import WarmWorker


def launch(jobs: Sequence[FrozenJob], options: Mapping[str, Any], done: Done) -> None:
    """Build every job; ends early when the user interrupts one.

    Raises:
        RecipeError: an option was given; this launcher has none.
    """
    if options:
        raise RecipeError(f"hydra.launcher.{next(iter(options))}: the serial launcher has no options.")
    with WarmWorker() as worker:
        for position, job in enumerate(jobs):
            print(f"[{position + 1}/{len(jobs)}] {job.name}", flush=True)  # noqa: T201 - this is the terminal
            result = run_job(job, worker, (terminal.listener(),))
            done(position, result)
            if result.exit_code == INTERRUPTED:
                return
