"""Sweeps on a Ray cluster of two nodes, both on this machine, that share a store."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from sweep_place import Place
from tflbuild.cli import main
from tflbuild.core.errors import RecipeError
from tflbuild.sweep.launchers import launcher
from visiting import newest, rows, statuses, visited, visits

ray = pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def ray_folder(there: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep what Ray writes in a folder of its own; a short one, since the path of a socket may have 107 bytes."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("HOME", folder)  # where Ray puts the token of a cluster that it starts
        yield


@pytest.fixture
def cluster(ray_folder: None) -> Iterator[Any]:
    """A cluster of two nodes with one core each, started in the test's environment."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        made.add_node(num_cpus=1)
        yield made
    finally:
        made.shutdown()


def on(cluster: Any) -> list[str]:
    return ["hydra/launcher=ray", f"hydra.launcher.ray.init.address='{cluster.address}'"]


def test_two_nodes_share_one_store_and_give_the_bytes_of_a_serial_sweep(cluster: Any, there: Place) -> None:
    sweep = ["-m", "recipe=visits", "visit.number=0,1,2,3"]
    assert main([*sweep, *on(cluster)]) == 0
    assert not ray.is_initialized()
    assert there.ran() == ["prune 0.01"]
    assert visits(there) == [0, 1, 2, 3]
    assert len({visit.node for visit in visited(there)}) == 2
    elsewhere = {name: row["sha256"] for name, row in rows(there).items()}
    assert all((newest(there) / name / "model.tflite").is_file() for name in elsewhere)
    assert main([*sweep, "store.path=serial"]) == 0
    assert {name: row["sha256"] for name, row in rows(there).items()} == elsewhere


def test_a_killed_node_costs_its_running_passes_only(cluster: Any, there: Place) -> None:
    there.start("-m", "recipe=visits", "visit.number=1,2,3", "visit.until=go", *on(cluster))
    there.wait_until(lambda: len(visits(there)) == 2)
    node = next(iter(cluster.worker_nodes))
    (raylet,) = node.all_processes["raylet"]
    (lost,) = (visit for visit in visited(there) if int(visit.node) == raylet.process.pid)
    cluster.remove_node(node, allow_graceful=False)
    there.wait_until(lambda: not psutil.pid_exists(lost.process))
    (there.folder / "go").touch()
    assert there.started[-1].wait(60) == 0, there.printed()
    assert set(statuses(there).values()) == {"built"}
    assert there.ran() == ["prune 0.01"]
    assert visits(there) == sorted([1, 2, 3, lost.number])
    assert [visit.node for visit in visited(there)].count(lost.node) == 1
    assert f"visit.number={lost.number}: its Ray node was lost; it starts again" in there.printed()


def test_a_job_that_kills_every_process_fails_alone(
    cluster: Any, there: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    kill = [f"visit.sends={int(signal.SIGKILL)}", "visit.every=2", "hydra.launcher.ray.remote.max_retries=1"]
    assert main(["-m", "recipe=visits", "visit.number=1,2,3", *kill, *on(cluster)]) == 4
    assert list(statuses(there).values()) == ["built", "failed", "built"]
    assert visits(there) == [1, 2, 2, 3]
    assert "visit.number=2: its Ray process was lost (WorkerCrashedError); it was started 2 times" in (
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("ray_folder")
def test_no_process_outlives_a_sweep_on_a_cluster_of_its_own(there: Place) -> None:
    ours = [
        "hydra/launcher=ray",
        "hydra.launcher.ray.init.address=local",
        "hydra.launcher.ray.init.num_cpus=2",
    ]
    sweep = there.start("-m", "recipe=visits", "visit.number=1,2,3", "visit.until=never", *ours)
    there.wait_until(lambda: len(visits(there)) == 2)
    started = psutil.Process(sweep.pid).children(recursive=True)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(120) == 130, there.printed()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert set(statuses(there).values()) == {"interrupted"}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_nothing_answers_is_refused(address: str) -> None:
    with (
        pytest.raises(RecipeError, match=rf"ray.init.address: nothing answers at {address}"),
        launcher("ray", {"ray": {"init": {"address": address}}}),
    ):
        pass
