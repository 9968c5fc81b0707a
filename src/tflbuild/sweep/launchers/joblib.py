"""Build the jobs in several processes of this machine, by joblib's process pools.

Every process is a pool of its own, so that it is known which job a dead process was building: that job is started once
more, the others do not notice.
"""

from __future__ import annotations

import signal
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tflbuild.core import toolchain
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.validation import typed
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.launchers.process import (
    build_there,
    current_folder_left_out,
    deciding_environment,
    end_with_parent,
    failed,
    lost,
)

ATTEMPTS = 2
"""Number of times that a job is started if its process dies."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`hydra.launcher.*` of joblib."""

    n_jobs: int = -1
    """Processes that build at once; -1 is one per core, -2 one less, as joblib counts. 0 is refused. [processes]"""


class Launcher:
    """A number of processes, each with a warm worker, kept for all jobs that are launched.

    Args:
        options: `hydra.launcher.*`.

    Raises:
        RecipeError: an option is wrong.
        MissingTool: joblib is not installed.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = typed(Options, options, "hydra.launcher")
        if self.options.n_jobs == 0:
            raise RecipeError("hydra.launcher.n_jobs: 0 processes build nothing; -1 is one per core.")
        toolchain.require(["joblib"], "hydra/launcher=joblib")
        self._processes: list[Any] = []

    @property
    def parallel(self) -> int:
        """How many jobs run at once."""
        import joblib

        return int(joblib.effective_n_jobs(self.options.n_jobs))

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._processes:
            self._processes.pop().shutdown(wait=True, kill_workers=True)

    def launch(self, jobs: Sequence[FrozenJob], done: Done) -> None:
        """Build every job."""
        environment = deciding_environment()
        waiting = deque(enumerate(jobs))
        deaths: Counter[int] = Counter()
        running: dict[Future[JobResult], tuple[int, FrozenJob, Any]] = {}
        self._start(min(self.parallel, len(jobs)))
        idle = list(self._processes)
        while waiting or running:
            while waiting and idle:
                (position, job), process = waiting.popleft(), idle.pop()
                with current_folder_left_out():  # the process starts with its first job
                    running[process.submit(build_there, job, environment)] = (position, job, process)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position, job, process = running.pop(future)
                result = _result(job, future)
                if result is not None:
                    idle.append(process)
                    done(position, result)
                    continue
                idle.append(self._replace(process))
                deaths[position] += 1
                if deaths[position] < ATTEMPTS:
                    waiting.appendleft((position, job))
                else:
                    done(position, lost(job, f"the process that built it died {ATTEMPTS} times"))

    def _start(self, count: int) -> None:
        while len(self._processes) < count:
            self._processes.append(_process())

    def _replace(self, process: Any) -> Any:
        process.shutdown(wait=True, kill_workers=True)
        self._processes.remove(process)
        self._processes.append(_process())
        return self._processes[-1]


def _process() -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(max_workers=1, initializer=_begin)


def _begin() -> None:
    """Leave Ctrl-C to the process that asked: it ends this one at once, and the store keeps what was built."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _result(job: FrozenJob, future: Future[JobResult]) -> JobResult | None:
    """Give how a job ended; None where its process died."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        return future.result()
    except BrokenProcessPool:
        return None
    except Exception as error:  # noqa: BLE001 - e.g. a job that cannot be pickled; it is reported in its row
        return failed(job, error)
