"""Sweeps on a Ray cluster of two nodes, both on this machine, that share a store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from sweep_place import Place
from visiting import newest, rows, statuses, visited, visits

from tflbuild.cli import main

ray = pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(there: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes with one core each, started in the test's environment."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)  # short: the path of a socket may have 107 bytes
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
