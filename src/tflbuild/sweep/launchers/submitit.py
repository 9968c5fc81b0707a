"""Build the jobs through submitit: on a Slurm cluster, or as processes of this machine that outlive their parent.

A Slurm job that is preempted or reaches its time limit is queued again and continues from the store:
committed passes are hits, training continues from its checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.recipe.validation import typed
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.launchers.process import (
    build_there,
    current_folder_left_out,
    deciding_environment,
    failed,
    lost,
)

POLL_SECONDS = {"slurm": 2.0}
"""Seconds between two looks at the jobs, by cluster; a tenth of a second on this machine."""

CANCEL_SECONDS = 2.0
"""Seconds for which killed processes of this machine are waited for."""

LAST_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """`hydra.launcher.*` of submitit.

    Attributes:
        cluster: "slurm", "local" for processes of this machine, "debug" for this process.
        submitit_folder: where submitit keeps its scripts and logs; None for `.submitit` in the sweep's folder.
        name: of the jobs.
        timeout_min: minutes after which a job is stopped; then it is queued again and continues.
        cpus_per_task: cores of a job.
        gpus_per_node: GPUs of a job.
        mem_gb: memory of a job.
        stderr_to_stdout: one log instead of two.
        parallel: jobs that run at once on this machine; None for as many as have their cores. On Slurm
            `slurm_array_parallelism` says it.
        max_num_timeout: how often a job may reach its time limit.
        slurm_partition, slurm_qos, ...: as Slurm calls them; `slurm_additional_parameters` takes what is not listed.
    """

    cluster: Literal["slurm", "local", "debug"] = "slurm"
    submitit_folder: str | None = None
    name: str = "tflbuild"
    timeout_min: Annotated[int, Ge(1)] = 1440
    cpus_per_task: Annotated[int, Ge(1)] = 2
    gpus_per_node: Annotated[int, Ge(0)] | None = None
    mem_gb: Annotated[float, Gt(0)] | None = None
    stderr_to_stdout: bool = False
    parallel: Annotated[int, Ge(1)] | None = None
    max_num_timeout: Annotated[int, Ge(0)] = 3
    slurm_partition: str | None = None
    slurm_account: str | None = None
    slurm_qos: str | None = None
    slurm_constraint: str | None = None
    slurm_exclude: str | None = None
    slurm_nodelist: str | None = None
    slurm_gres: str | None = None
    slurm_comment: str | None = None
    slurm_mem_per_cpu: str | None = None
    slurm_mem_per_gpu: str | None = None
    slurm_cpus_per_gpu: Annotated[int, Ge(1)] | None = None
    slurm_gpus_per_task: Annotated[int, Ge(1)] | None = None
    slurm_signal_delay_s: Annotated[int, Ge(0)] | None = None
    slurm_array_parallelism: Annotated[int, Ge(1)] = 256
    slurm_use_srun: bool | None = None
    slurm_setup: list[str] | None = None
    slurm_srun_args: list[str] | None = None
    slurm_additional_parameters: dict[str, Any] | None = None


OURS = ("cluster", "submitit_folder", "parallel", "max_num_timeout")
"""Options that are not submitit's parameters of a job."""


@dataclass(frozen=True)
class Submission:
    """A job as submitit runs it; submitted again unchanged when its time is over or it is preempted."""

    job: FrozenJob
    environment: Mapping[str, str]

    def __call__(self) -> JobResult:
        """Build the job."""
        return build_there(self.job, self.environment)

    def checkpoint(self) -> Any:
        """Give the submission to queue again; the store knows how far it came."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Launcher:
    """Jobs handed to submitit.

    Args:
        options: `hydra.launcher.*`; Slurm's own with or without the prefix "slurm_".

    Raises:
        RecipeError: an option is wrong.
        MissingTool: submitit is not installed.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        fields = Options.__dataclass_fields__
        given = {
            name if name in fields or f"slurm_{name}" not in fields else f"slurm_{name}": value
            for name, value in options.items()
        }
        self.options = typed(Options, given, "hydra.launcher")
        toolchain.require(["submitit"], "hydra/launcher=submitit")
        if self.options.cluster == "slurm" and shutil.which("srun") is None:
            raise MissingTool(
                "hydra.launcher.cluster=slurm: there is no srun on this machine; hydra.launcher.cluster=local starts "
                "processes here."
            )

    @property
    def parallel(self) -> int:
        """How many jobs run at once."""
        if self.options.cluster == "slurm":
            return self.options.slurm_array_parallelism
        if self.options.cluster == "debug":
            return 1
        return self.options.parallel or max(1, (os.cpu_count() or 1) // self.options.cpus_per_task)

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def launch(self, jobs: Sequence[FrozenJob], done: Done) -> None:
        """Build every job."""
        executor = self._executor(Path(jobs[0].folder).parent)
        environment = deciding_environment()
        waiting = deque((position, Submission(job, environment)) for position, job in enumerate(jobs))
        running: dict[int, Any] = {}
        try:
            while waiting or running:
                batch = [waiting.popleft() for _ in range(min(self.parallel - len(running), len(waiting)))]
                running.update(self._submit(executor, batch))
                ended = [position for position, handle in running.items() if handle.done()]
                for position in ended:
                    done(position, _result(jobs[position], running.pop(position)))
                if not ended:
                    time.sleep(POLL_SECONDS.get(self.options.cluster, 0.1))
        finally:
            _cancel(list(running.values()))

    def _submit(self, executor: Any, batch: list[tuple[int, Submission]]) -> dict[int, Any]:
        """Submit some jobs; on Slurm several of them as one array."""
        if not batch:
            return {}
        with _deaf_to_interrupts(), current_folder_left_out(), executor.batch():
            return {position: executor.submit(job) for position, job in batch}

    def _executor(self, sweep: Path) -> Any:
        import submitit

        options = self.options
        folder = Path(options.submitit_folder) if options.submitit_folder else sweep / ".submitit"
        new = secrets.token_hex(8)  # results are pickles: only what these jobs wrote themselves is read
        limits = (
            {}
            if options.cluster == "debug"
            else {f"{options.cluster}_max_num_timeout": options.max_num_timeout}
        )
        try:
            executor = submitit.AutoExecutor(folder=folder / new / "%j", cluster=options.cluster, **limits)
            given = {name: value for name, value in asdict(options).items() if name not in OURS}
            executor.update_parameters(**given)
        except (NameError, ValueError, AssertionError) as error:
            raise RecipeError(f"hydra.launcher: {error}") from error
        return executor


def _result(job: FrozenJob, handle: Any) -> JobResult:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        result: JobResult = handle.result()
    except UncompletedJobError:
        lines = (handle.stderr() or "").splitlines()[-LAST_LINES:]
        said = f" Its last lines: {' | '.join(lines)}" if lines else ""
        return lost(job, f"its process ended without a result (submitit job {handle.job_id}).{said}")
    except FailedJobError as error:
        return failed(job, error)
    return result


def _cancel(handles: list[Any]) -> None:
    """Stop jobs at once; the store keeps what was built."""
    import psutil

    killed: list[psutil.Process] = []
    for handle in handles:
        if isinstance(getattr(handle, "_process", None), Popen):
            killed += _kill_with_children(handle._process.pid)
        else:
            handle.cancel(check=False)
    psutil.wait_procs(killed, timeout=CANCEL_SECONDS)


def _kill_with_children(pid: int) -> list[Any]:
    """End a process of this machine and all that it started; submitit's own way prints their tracebacks."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        controller = psutil.Process(pid)
        processes = [controller, *controller.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return processes
    return []


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Have processes that are started meanwhile leave Ctrl-C to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
