"""What the launcher does with joblib's processes, which are stood in for."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace
from typing import Any

import pytest

from launching import Told, built, jobs_of
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import joblib as joblib_launcher
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.launchers.process import build_there

pytestmark = pytest.mark.usefixtures("installed")


class Pool:
    """Stand in for a process: a job whose name is in `deadly` kills it."""

    deadly: dict[str, int]
    made: list[Pool]

    def __init__(self) -> None:
        self.shut = 0
        self.jobs: list[str] = []
        Pool.made.append(self)

    def submit(self, build: Any, job: FrozenJob, environment: Any) -> Future[JobResult]:
        assert build is build_there
        assert not self.shut
        self.jobs.append(job.name)
        future: Future[JobResult] = Future()
        if Pool.deadly.get(job.name, 0):
            Pool.deadly[job.name] -= 1
            future.set_exception(BrokenProcessPool("dead"))
        elif job.name == "a=9":
            future.set_exception(TypeError("cannot pickle"))
        else:
            future.set_result(built(job))
        return future

    def shutdown(self, *, wait: bool, kill_workers: bool) -> None:
        assert wait
        assert kill_workers
        self.shut += 1


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[Pool]:
    Pool.deadly, Pool.made = {}, []
    monkeypatch.setattr(joblib_launcher, "_process", Pool)
    monkeypatch.setitem(
        sys.modules, "joblib", SimpleNamespace(effective_n_jobs=lambda n: 5 if n == -1 else n)
    )
    return Pool.made


def test_processes_are_as_many_as_asked_but_no_more_than_jobs(pools: list[Pool]) -> None:
    for count, n_jobs, processes in ((4, 2, 2), (2, 3, 2), (7, -1, 5)):
        pools.clear()
        made: Any = launcher("joblib", {"n_jobs": n_jobs})
        told = Told()
        with made:
            made.launch(jobs_of(count), told)
            made.launch(jobs_of(count), told)
        assert len(pools) == processes, "and they are kept for the next jobs"
        assert [pool.shut for pool in pools] == [1] * processes
        assert told.rows == {n: (f"a={n}", "built") for n in range(count)}
        assert len(told) == 2 * count


def test_a_job_whose_process_dies_is_started_once_more(pools: list[Pool]) -> None:
    Pool.deadly |= {"a=1": 1, "a=2": 2}
    made: Any = launcher("joblib", {"n_jobs": 2})
    told = Told()
    with made:
        made.launch(jobs_of(4), told)
    assert told.rows == {
        0: ("a=0", "built"),
        1: ("a=1", "built"),
        2: ("a=2", "failed"),
        3: ("a=3", "built"),
    }
    (error,) = (result.row["error"] for position, result in told if position == 2)
    assert error == "the process that built it died 2 times"
    tried = [name for pool in pools for name in pool.jobs]
    assert [tried.count(f"a={n}") for n in range(4)] == [1, 2, 2, 1]
    assert len(pools) == 5, "a dead process is replaced each time"
    assert all(pool.shut == 1 for pool in pools)


def test_a_job_that_cannot_be_handed_over_is_a_failed_row(pools: list[Pool]) -> None:
    made: Any = launcher("joblib", {"n_jobs": 1})
    told = Told()
    with made:
        made.launch(jobs_of(10), told)
    assert told.rows[9] == ("a=9", "failed")
    assert "cannot pickle" in told[9][1].row["error"]
    assert len(pools) == 1


def test_a_process_of_joblib_leaves_ctrl_c_to_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    handlers: list[tuple[Any, Any]] = []
    monkeypatch.setattr(joblib_launcher, "end_with_parent", lambda: ended.append(True))
    monkeypatch.setattr(joblib_launcher.signal, "signal", lambda *given: handlers.append(given))
    joblib_launcher._begin()
    assert handlers == [(signal.SIGINT, signal.SIG_IGN)]
    assert ended == [True]
