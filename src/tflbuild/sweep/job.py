"""One job of a sweep, frozen: everything that another process needs to build it, and how it builds it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.core.crash import is_requeue, told
from tflbuild.core.errors import INTERRUPTED, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Build, Outcome
from tflbuild.engine.events import Listener
from tflbuild.engine.storage.disk import remove, writing
from tflbuild.engine.workers.worker import Worker
from tflbuild.recipe.load import thaw
from tflbuild.show import terminal
from tflbuild.show.audience import say
from tflbuild.sweep.row import row_of_error, row_of_interruption, row_of_report
from tflbuild.sweep.warm import WarmWorker

WorkerFor = Callable[[Recipe], Worker]
"""Gives the worker that runs a recipe's passes; it may be shared by the jobs of a sweep."""


@dataclass(frozen=True, kw_only=True)
class FrozenJob:
    """A composed recipe with what a process needs to build it; plain values only, so that it can be pickled.

    Attributes:
        mapping: the resolved recipe; nothing is composed or read again.
        overrides: everything that was typed for it, `recipe=` included.
        differs: what distinguishes it within its sweep, e.g. {"prune.sparsity": "0.5"}.
        name: of its folder.
        plugins: folder of the user's plugin files, None where there is none.
        folder: absolute path of the job's run folder.
        cwd: folder that relative paths of the recipe start from.
        assumed: whether nobody had said how samples are scaled, so that the mapping has a default.
    """

    mapping: dict[str, Any]
    overrides: tuple[str, ...]
    differs: dict[str, str]
    name: str
    plugins: str | None
    folder: str
    cwd: str
    assumed: bool = False


@dataclass(frozen=True)
class JobResult:
    """The outcome of a job.

    Attributes:
        exit_code: as a build by itself would have ended.
        row: the job's entry in `summary.json`.
    """

    exit_code: int
    row: dict[str, Any]


def run_job(job: FrozenJob, worker_for: WorkerFor, listeners: tuple[Listener, ...] = ()) -> JobResult:
    """Build a frozen job in this process, in a fresh folder; a build that fails is a result too.

    Args:
        job: what to build. What an earlier attempt left in its folder is removed.
        worker_for: gives the worker that runs its passes.
        listeners: are told what happens.
    """
    fresh_folder(job)
    return _build(job, worker_for, listeners)


def run_here(job: FrozenJob) -> JobResult:
    """Build a frozen job in a process that a launcher started; what a person would see goes to `console.txt`.

    The process keeps one warm worker for the jobs it is given one after another.
    """
    folder = fresh_folder(job)
    with (folder / "console.txt").open("w", encoding="utf-8") as console:
        result = _build(job, _warm_worker(), (terminal.PlainLines(console),))
        if result.row["error"]:
            say(f"error: {result.row['error']}", console)
    return result


def fresh_folder(job: FrozenJob) -> Path:
    """Make the job's folder anew, without what an earlier attempt left there.

    Raises:
        StoreError: the folder cannot be written.
    """
    folder = Path(job.folder)
    with writing(folder):
        remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _build(job: FrozenJob, worker_for: WorkerFor, listeners: tuple[Listener, ...]) -> JobResult:
    folder = Path(job.folder)
    try:
        if not Path(job.cwd).is_dir():
            raise RecipeError(
                f"{job.cwd}: the folder in which the sweep was started no longer exists; its paths are relative to it."
            )
        with contextlib.chdir(job.cwd):
            plugins = Path(job.plugins) if job.plugins else None
            recipe = thaw(job.mapping, job.overrides, plugins, assumed=job.assumed)
            build = Build(recipe, lambda: folder, worker_for(recipe), listeners, session.publish)
            return _result(job, build.run())
    except KeyboardInterrupt:
        return JobResult(INTERRUPTED, row_of_interruption(job.name, job.differs))
    except BaseException as error:
        if is_requeue(error):
            raise
        row = row_of_error(job.name, job.differs, told(error, folder))
        return JobResult(row["exit_code"], row)
    finally:
        with contextlib.suppress(OSError):  # nothing was left in it
            folder.rmdir()


def _result(job: FrozenJob, outcome: Outcome) -> JobResult:
    code = 0
    if isinstance(outcome.error, KeyboardInterrupt):
        code = INTERRUPTED
    elif outcome.error is not None:
        code = outcome.error.exit_code
    return JobResult(code, row_of_report(job.name, job.differs, outcome.report.content, code))


@cache
def _warm_worker() -> WarmWorker:
    """Give this process's one worker; it dies with the process."""
    return WarmWorker()
