"""What the launcher does with submitit's executor, which is stood in for."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from launching import Told, built, jobs_of
from tflbuild.core.errors import RecipeError
from tflbuild.sweep.job import JobResult
from tflbuild.sweep.launchers import PRESETS, launcher
from tflbuild.sweep.launchers import submitit as submitit_launcher

pytestmark = pytest.mark.usefixtures("installed")


class Uncompleted(Exception):
    pass


class Failed(Exception):
    pass


class Handle:
    """Stand in for a submitted job that has ended after some looks at it."""

    def __init__(self, submission: Any, looks: int = 1) -> None:
        self.submission = submission
        self.looks = looks
        self.cancelled = self.ended = False
        self.job_id = "17"

    def done(self) -> bool:
        self.looks -= 1
        self.ended = self.looks < 0
        return self.ended

    def result(self) -> JobResult:
        return built(self.submission.job)

    def stderr(self) -> str | None:
        return None

    def cancel(self, check: bool) -> None:
        assert not check
        self.cancelled = True


class Executor:
    """Stand in for submitit's executor."""

    made: list[Executor]

    def __init__(self, **given: Any) -> None:
        self.given = given
        self.parameters: dict[str, Any] = {}
        self.batches: list[list[Handle]] = []
        self.most = 0
        Executor.made.append(self)

    def update_parameters(self, **given: Any) -> None:
        if given["name"] == "bad":
            raise NameError("no parameter 'name'")
        self.parameters = given

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        self.batches.append([])
        yield

    def submit(self, submission: Any) -> Handle:
        self.batches[-1].append(Handle(submission, 5 if submission.job.name == "a=1" else 1))
        running = sum(not handle.ended for batch in self.batches for handle in batch)
        self.most = max(self.most, running)
        return self.batches[-1][-1]


@pytest.fixture
def executors(monkeypatch: pytest.MonkeyPatch) -> list[Executor]:
    Executor.made = []
    errors = SimpleNamespace(FailedJobError=Failed, UncompletedJobError=Uncompleted)
    monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(AutoExecutor=Executor))
    monkeypatch.setitem(sys.modules, "submitit.core.utils", errors)
    monkeypatch.setitem(sys.modules, "submitit.core", SimpleNamespace(utils=errors))
    monkeypatch.setattr(submitit_launcher.shutil, "which", lambda name: f"/bin/{name}")
    return Executor.made


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(submitit_launcher.time, "sleep", seconds.append)
    return seconds


@pytest.mark.parametrize(("name", "seconds"), [("submitit_slurm", 2.0), ("submitit_local", 0.1)])
def test_jobs_are_submitted_as_others_end(
    executors: list[Executor], waited: list[float], name: str, seconds: float
) -> None:
    option = {"slurm_array_parallelism": 2} if name == "submitit_slurm" else {"parallel": 2}
    made: Any = launcher(name, option)
    told = Told()
    with made:
        made.launch(jobs_of(5), told)
    assert told.rows == {n: (f"a={n}", "built") for n in range(5)}
    (executor,) = executors
    assert [[handle.submission.job.name for handle in batch] for batch in executor.batches] == [
        ["a=0", "a=1"],
        ["a=2"],
        ["a=3"],
        ["a=4"],
    ]
    assert executor.most == 2, "one job takes longer, and no third one is begun meanwhile"
    assert set(waited) == {seconds}


def test_submitit_is_given_its_own_options_and_a_folder_of_the_sweep(
    executors: list[Executor], waited: list[float]
) -> None:
    made: Any = launcher("submitit_slurm", {"partition": "gpu", "mem_gb": 3.5, "max_num_timeout": 7})
    made.launch(jobs_of(1), Told())
    made.launch(jobs_of(1), Told())
    one, two = executors
    folder = one.given.pop("folder")
    assert one.given == {"cluster": "slurm", "slurm_max_num_timeout": 7}
    assert folder.parts[:3] == ("/", "sweep", ".submitit")
    assert folder.name == "%j"
    assert folder != two.given["folder"], "nobody else's results are read"
    assert one.parameters["slurm_partition"] == "gpu"
    assert (one.parameters["mem_gb"], one.parameters["timeout_min"], one.parameters["name"]) == (
        3.5,
        1440,
        "tflbuild",
    )
    assert not {"cluster", "submitit_folder", "parallel", "max_num_timeout"} & one.parameters.keys()
    elsewhere: Any = launcher("submitit_local", {"submitit_folder": "/logs"})
    elsewhere.launch(jobs_of(1), Told())
    assert executors[2].given["folder"].parts[:2] == ("/", "logs")
    debug: Any = launcher("submitit", {"cluster": "debug"})
    debug.launch(jobs_of(1), Told())
    assert executors[3].given.keys() == {"folder", "cluster"}


def test_what_submitit_refuses_is_said(executors: list[Executor]) -> None:
    made: Any = launcher("submitit_local", {"name": "bad"})
    with pytest.raises(RecipeError, match=r"hydra\.launcher: no parameter 'name'"):
        made.launch(jobs_of(1), Told())


def test_what_still_runs_is_cancelled(executors: list[Executor], waited: list[float]) -> None:
    made: Any = launcher("submitit_local", {"parallel": 3})

    def interrupt(position: int, result: JobResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.launch(jobs_of(3), interrupt)
    assert [handle.cancelled for handle in executors[0].batches[0]] == [False, True, True]


@pytest.mark.parametrize(
    ("options", "parallel"),
    [
        ({"cluster": "slurm", "slurm_array_parallelism": 7, "parallel": 3}, 7),
        ({"cluster": "slurm"}, 256),
        ({"cluster": "debug", "parallel": 3}, 1),
        ({"cluster": "local", "parallel": 3}, 3),
        ({"cluster": "local", "cpus_per_task": 2}, 4),
        ({"cluster": "local", "cpus_per_task": 5}, 1),
        ({"cluster": "local", "cpus_per_task": 9}, 1),
    ],
)
def test_jobs_at_once_are_those_that_have_their_cores(
    executors: list[Executor], monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], parallel: int
) -> None:
    monkeypatch.setattr(submitit_launcher.os, "cpu_count", lambda: 8)
    assert launcher("submitit", options).parallel == parallel


def test_ctrl_c_is_left_to_this_process_while_others_start() -> None:
    before = signal.getsignal(signal.SIGINT)
    with submitit_launcher._deaf_to_interrupts():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize(
    ("stderr", "error"),
    [
        (None, "its process ended without a result (submitit job 17)."),
        (
            "\n".join("abcdefg"),
            "its process ended without a result (submitit job 17). Its last lines: c | d | e | f | g",
        ),
    ],
)
def test_a_job_without_a_result_shows_its_last_lines(
    executors: list[Executor], stderr: str | None, error: str
) -> None:
    def raise_(kind: type[Exception]) -> Any:
        def result() -> None:
            raise kind("boom")

        return SimpleNamespace(result=result, stderr=lambda: stderr, job_id="17")

    (job,) = jobs_of(1)
    assert submitit_launcher._result(job, raise_(Uncompleted)).row["error"] == error
    assert "boom" in submitit_launcher._result(job, raise_(Failed)).row["error"]


def test_a_submission_builds_its_job_and_is_queued_again_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs_of(1)
    submission = submitit_launcher.Submission(job, {"TF_X": "1"})
    monkeypatch.setattr(submitit_launcher, "build_there", lambda *given: given)
    assert submission() == (job, {"TF_X": "1"})
    monkeypatch.setitem(
        sys.modules, "submitit.helpers", SimpleNamespace(DelayedSubmission=lambda again: ("again", again))
    )
    assert submission.checkpoint() == ("again", submission)


def test_a_name_implies_its_cluster_and_what_is_typed_counts_more(executors: list[Executor]) -> None:
    clusters = {name: launcher(name, {}).options.cluster for name in PRESETS}  # type: ignore[attr-defined]
    assert clusters == {"submitit_local": "local", "submitit_slurm": "slurm"}
    made: Any = launcher("submitit_local", {"cluster": "debug"})
    assert made.options.cluster == "debug"
