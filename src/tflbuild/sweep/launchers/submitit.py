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
    """`hydra.launcher.*` of submitit."""

    cluster: Literal["slurm", "local", "debug"] = "slurm"
    """Where jobs run: on `slurm`, as processes of this machine that outlive their parent (`local`), or in this
    process (`debug`)."""
    submitit_folder: str | None = None
    """Folder for submitit's scripts and logs. null: .submitit in the sweep's folder."""
    name: str = "tflbuild"
    """Name of the jobs, as the queue shows it."""
    timeout_min: Annotated[int, Ge(1)] = 1440
    """Time after which a job is stopped; then it is queued again and continues. [minutes]"""
    cpus_per_task: Annotated[int, Ge(1)] = 2
    """Cores of a job. [cores]"""
    gpus_per_node: Annotated[int, Ge(0)] | None = None
    """GPUs of a job. null: none. [GPUs]"""
    mem_gb: Annotated[float, Gt(0)] | None = None
    """Memory of a job. null: the cluster's default. [GB]"""
    stderr_to_stdout: bool = False
    """Whether a job writes one log instead of two."""
    parallel: Annotated[int, Ge(1)] | None = None
    """Jobs that run at once on this machine. null: as many as have their cores. [jobs]"""
    max_num_timeout: Annotated[int, Ge(0)] = 3
    """How often a job may reach its time limit. [times]"""
    slurm_partition: str | None = None
    """Partition of Slurm. null: the cluster's default."""
    slurm_account: str | None = None
    """Account that jobs are charged to. null: the cluster's default."""
    slurm_qos: str | None = None
    """Quality of service. null: the cluster's default."""
    slurm_constraint: str | None = None
    """Features that a node must have. null: none."""
    slurm_exclude: str | None = None
    """Nodes that are not used. null: none."""
    slurm_nodelist: str | None = None
    """Nodes that are used. null: any."""
    slurm_gres: str | None = None
    """Generic resources of a job, e.g. gpu:1. null: none."""
    slurm_comment: str | None = None
    """Comment on the jobs. null: none."""
    slurm_mem_per_cpu: str | None = None
    """Memory for each core, as Slurm writes it, e.g. 4G. null: the cluster's default."""
    slurm_mem_per_gpu: str | None = None
    """Memory for each GPU, as Slurm writes it, e.g. 16G. null: the cluster's default."""
    slurm_cpus_per_gpu: Annotated[int, Ge(1)] | None = None
    """Cores for each GPU. null: the cluster's default. [cores]"""
    slurm_gpus_per_task: Annotated[int, Ge(1)] | None = None
    """GPUs for each task. null: the cluster's default. [GPUs]"""
    slurm_signal_delay_s: Annotated[int, Ge(0)] | None = None
    """Time before the limit at which a job is told to stop. null: submitit's default. [seconds]"""
    slurm_array_parallelism: Annotated[int, Ge(1)] = 256
    """Jobs that run at once on Slurm. [jobs]"""
    slurm_use_srun: bool | None = None
    """Whether a job is started by srun. null: submitit's default."""
    slurm_setup: list[str] | None = None
    """Shell commands that run before a job. null: none."""
    slurm_srun_args: list[str] | None = None
    """Further arguments of srun. null: none."""
    slurm_additional_parameters: dict[str, Any] | None = None
    """Parameters of Slurm that are not listed here, by name. null: nothing. [as Slurm describes it]"""


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
