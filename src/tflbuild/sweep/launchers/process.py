"""The processes that launchers start: each builds frozen jobs in the environment of the process that asked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tflbuild.sweep.job import FrozenJob, JobResult, run_here
from tflbuild.sweep.row import row_of_error, row_of_loss

SAFE_PATH = "PYTHONSAFEPATH"


@contextmanager
def current_folder_left_out() -> Iterator[None]:
    """Have Python processes that are started meanwhile import nothing from the current folder."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]
        if before is not None:
            os.environ[SAFE_PATH] = before


def deciding_environment() -> dict[str, str]:
    """Give the variables of this process that decide bytes: numbers of threads, and TensorFlow's switches.

    joblib and Ray set OMP_NUM_THREADS in the processes they start, and another machine may have its own
    TF_ENABLE_ONEDNN_OPTS; either would make a training differ from that of a serial sweep. Which GPUs a process
    sees is left to the launcher.
    """
    return {name: value for name, value in os.environ.items() if _decides(name)}


def build_there(job: FrozenJob, environment: Mapping[str, str]) -> JobResult:
    """Build a job in this process, which a launcher started; a job that cannot even begin is a result too.

    Args:
        job: what to build.
        environment: what `deciding_environment` gave in the process that asked.
    """
    _adopt(environment)
    try:
        return run_here(job)
    except Exception as error:  # noqa: BLE001 - it may not be readable where the launcher is; its row is
        return failed(job, error)


def failed(job: FrozenJob, error: Exception) -> JobResult:
    """Give the result of a job that ended with an error before there was a report."""
    row = row_of_error(job.name, job.differs, error)
    return JobResult(row["exit_code"], row)


def lost(job: FrozenJob, why: str) -> JobResult:
    """Give the result of a job whose process was lost over the retry limit."""
    return JobResult(4, row_of_loss(job.name, job.differs, why))


def end_with_parent(end: Callable[[], None] = lambda: os._exit(1)) -> None:
    """End this process within a second of its parent's end, whatever it is doing.

    Args:
        end: how.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        end()

    threading.Thread(target=watch, daemon=True).start()


def _adopt(environment: Mapping[str, str]) -> None:
    for name in list(os.environ):
        if _decides(name) and name not in environment:
            del os.environ[name]
    os.environ.update(environment)


def _decides(name: str) -> bool:
    return name.endswith("_NUM_THREADS") or name.startswith("TF_") or name == "XLA_FLAGS"
