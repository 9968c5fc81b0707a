"""Build the jobs one after another in this process, with one warm worker and live progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tflbuild.core.errors import INTERRUPTED, RecipeError
from tflbuild.show import terminal
from tflbuild.show.audience import say
from tflbuild.sweep.job import FrozenJob, run_job
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.warm import WarmWorker


class Launcher:
    """One warm worker for every job.

    Args:
        options: none; this launcher has no options.

    Raises:
        RecipeError: one was given.
    """

    parallel = 1

    def __init__(self, options: Mapping[str, Any]) -> None:
        if options:
            raise RecipeError(f"hydra.launcher.{next(iter(options))}: the serial launcher has no options.")
        self._worker = WarmWorker()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.stop()

    def launch(self, jobs: Sequence[FrozenJob], done: Done) -> None:
        """Build every job; ends early when the user interrupts one."""
        for position, job in enumerate(jobs):
            count = f"[{position + 1}/{len(jobs)}] " if len(jobs) > 1 else ""
            say(f"{count}{job.name}")
            result = run_job(job, self._worker, (terminal.listener(),))
            done(position, result)
            if result.exit_code == INTERRUPTED:
                return
