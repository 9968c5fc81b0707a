"""Jobs in this process, one after another."""

from __future__ import annotations

from typing import Any

import pytest

from launching import Told, built, jobs_of
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.launchers import serial as serial_launcher


def test_jobs_in_this_process_are_built_in_turn_by_one_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = []

    def run_job(job: FrozenJob, worker: Any, listeners: Any) -> JobResult:
        workers.append(worker)
        assert len(listeners) == 1
        return built(job, 130 if job.name == "a=2" else 0)

    monkeypatch.setattr(serial_launcher, "run_job", run_job)
    made: Any = launcher("serial", {})
    stopped = []
    monkeypatch.setattr(made._worker, "stop", lambda: stopped.append(True))
    told = Told()
    with made:
        made.launch(jobs_of(4), told)
        assert stopped == []
    assert stopped == [True]
    assert [position for position, _ in told] == [0, 1, 2], "an interrupt ends it"
    assert len({id(worker) for worker in workers}) == 1
    assert capsys.readouterr().out.splitlines() == ["[1/4] a=0", "[2/4] a=1", "[3/4] a=2"]
    made.launch(jobs_of(1), told)
    assert capsys.readouterr().out == "a=0\n"
    assert made.parallel == 1
