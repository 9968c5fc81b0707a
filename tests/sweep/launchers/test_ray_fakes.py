"""What the launcher does with a Ray cluster, which is stood in for."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from launching import Told, jobs_of
from tflbuild.core.errors import RecipeError
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.launchers import ray as ray_launcher
from tflbuild.sweep.launchers.process import build_there

pytestmark = pytest.mark.usefixtures("installed")


class RayError(Exception):
    pass


EXCEPTIONS = {
    name: type(name, (RayError,), {})
    for name in (
        "RayTaskError",
        "RuntimeEnvSetupError",
        "TaskUnschedulableError",
        "OutOfMemoryError",
        "NodeDiedError",
        "WorkerCrashedError",
    )
}


class Cluster:
    """Stand in for the module `ray`: `ends` says how each job ends, attempt by attempt."""

    def __init__(self, ends: dict[str, list[Any]], cpus: float | None = 4.0) -> None:
        self.exceptions = SimpleNamespace(RayError=RayError, **EXCEPTIONS)
        self.ends = ends
        self.cpus = cpus
        self.asked: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.started: list[str] = []
        self.cancelled: list[Any] = []
        self.initialized = False
        self.shutdowns = 0

    def cluster_resources(self) -> dict[str, float]:
        return {} if self.cpus is None else {"CPU": self.cpus}

    def is_initialized(self) -> bool:
        return self.initialized

    def init(self, **given: Any) -> None:
        if given.get("namespace") == "bad":
            raise ValueError("no such namespace")
        self.given = given

    def shutdown(self) -> None:
        self.shutdowns += 1

    def remote(self, **asked: Any) -> Any:
        self.asked = asked

        def submit(job: FrozenJob, environment: Any) -> tuple[str, int]:
            self.started.append(job.name)
            return job.name, self.started.count(job.name)

        def decorate(build: Any) -> Any:
            assert build is build_there
            return SimpleNamespace(remote=submit)

        return decorate

    def wait(self, running: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        assert num_returns == 1
        return [running[-1]], running[:-1]

    def get(self, reference: tuple[str, int]) -> JobResult:
        name, attempt = reference
        end = self.ends.get(name, [])[attempt - 1 : attempt]
        if end and end[0] is not None:
            raise end[0]
        return JobResult(0, {"name": name, "status": "built"})

    def cancel(self, reference: Any, force: bool) -> None:
        assert force
        self.cancelled.append(reference)


def on(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> Cluster:
    monkeypatch.setitem(sys.modules, "ray", cluster)
    return cluster


CRASHED = EXCEPTIONS["WorkerCrashedError"]("x")


def test_jobs_on_a_cluster_are_started_again_as_often_as_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {"a=1": [CRASHED], "a=2": [CRASHED] * 3}
    cluster = on(monkeypatch, Cluster(ends))
    made: Any = launcher("ray", {"ray": {"remote": {"max_retries": 2, "num_gpus": 0.5}}})
    told = Told()
    made.launch(jobs_of(4), told)
    assert told.rows == {
        0: ("a=0", "built"),
        1: ("a=1", "built"),
        2: ("a=2", "failed"),
        3: ("a=3", "built"),
    }
    assert [cluster.started.count(f"a={n}") for n in range(4)] == [1, 2, 3, 1]
    (error,) = (result.row["error"] for position, result in told if position == 2)
    assert error == "its Ray process was lost (WorkerCrashedError); it was started 3 times"
    printed = capsys.readouterr().out.splitlines()
    assert printed.count("a=2: its Ray process was lost (WorkerCrashedError); it starts again") == 2
    assert cluster.asked == {"num_cpus": 1, "num_gpus": 0.5, "max_retries": 0}
    assert cluster.cancelled == []


@pytest.mark.parametrize(
    ("error", "said", "attempts"),
    [
        ("RayTaskError", "boom", 1),
        ("RuntimeEnvSetupError", "Ray cannot start it: boom", 1),
        ("TaskUnschedulableError", "Ray cannot start it: boom", 1),
        ("OutOfMemoryError", "because memory ran out on its node; it was started 1 times", 1),
        ("NodeDiedError", "its Ray node was lost; it was started 1 times", 1),
    ],
)
def test_a_job_that_ray_lost_says_how(
    monkeypatch: pytest.MonkeyPatch, error: str, said: str, attempts: int
) -> None:
    cluster = on(monkeypatch, Cluster({"a=0": [EXCEPTIONS[error]("boom")] * 9}))
    made: Any = launcher("ray", {"ray": {"remote": {"max_retries": 0}}})
    told = Told()
    made.launch(jobs_of(1), told)
    assert said in told[0][1].row["error"]
    assert told[0][1].row["status"] == "failed"
    assert len(cluster.started) == attempts


def test_what_still_runs_on_a_cluster_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = on(monkeypatch, Cluster({}))
    made: Any = launcher("ray", {})

    def interrupt(position: int, result: JobResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.launch(jobs_of(3), interrupt)
    assert sorted(cluster.cancelled) == [("a=0", 1), ("a=1", 1)]


@pytest.mark.parametrize(
    ("cpus", "each", "parallel"),
    [(8.0, 1, 8), (8.0, 3, 2), (1.0, 2, 1), (4.0, 0.5, 8), (None, 1, 1), (4.0, 0, 4)],
)
def test_a_search_asks_for_as_many_jobs_as_fit_on_a_cluster(
    monkeypatch: pytest.MonkeyPatch, cpus: float | None, each: float, parallel: int
) -> None:
    cluster = on(monkeypatch, Cluster({}, cpus))
    cluster.initialized = True
    made: Any = launcher("ray", {"ray": {"remote": {"num_cpus": each}}})
    assert made.parallel == parallel


@pytest.mark.parametrize(
    ("init", "parallel"), [({"num_cpus": 6}, 3), ({"address": "ray://head:10001"}, 1), ({}, 4)]
)
def test_before_a_cluster_is_there_its_options_say_how_many_jobs_fit(
    monkeypatch: pytest.MonkeyPatch, init: dict[str, Any], parallel: int
) -> None:
    on(monkeypatch, Cluster({}, 99.0))
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    made: Any = launcher("ray", {"ray": {"init": init, "remote": {"num_cpus": 2}}})
    assert made.parallel == parallel


def test_a_cluster_is_given_what_was_typed_and_left_as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = on(monkeypatch, Cluster({}))
    made: Any = launcher("ray", {"ray": {"init": {"address": "local", "num_cpus": 2, "temp_dir": "/t"}}})
    with made:
        assert cluster.shutdowns == 0
    assert cluster.given == {
        "address": "local",
        "num_cpus": 2,
        "include_dashboard": False,
        "log_to_driver": False,
        "_temp_dir": "/t",
        "logging_level": logging.ERROR,
    }
    assert cluster.shutdowns == 1
    cluster.initialized, cluster.given = True, {}
    with launcher("ray", {}):
        pass
    assert (cluster.given, cluster.shutdowns) == ({}, 1), "who connected before disconnects, too"


def test_what_a_cluster_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = on(monkeypatch, Cluster({}))
    made: Any = launcher("ray", {"ray": {"init": {"namespace": "bad"}}})
    with pytest.raises(RecipeError, match=r"hydra\.launcher\.ray\.init: no such namespace"), made:
        pass
    assert cluster.shutdowns == 0


@pytest.mark.parametrize(
    ("address", "tried"),
    [
        (None, None),
        ("auto", None),
        ("local", None),
        ("head:6379", ("head", 6379)),
        ("ray://head:10001", ("head", 10001)),
        ("ray://[::1]:10001", ("::1", 10001)),
        ("head:port", None),
    ],
)
def test_an_address_is_tried_before_ray_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, address: str | None, tried: tuple[str, int] | None
) -> None:
    called: list[Any] = []

    def connect(place: tuple[str, int], timeout: float) -> Any:
        called.append((place, timeout))
        return SimpleNamespace(close=lambda: called.append("closed"))

    monkeypatch.setattr(ray_launcher.socket, "create_connection", connect)
    ray_launcher._check_reachable(address)
    assert called == ([] if tried is None else [(tried, 10.0), "closed"])
