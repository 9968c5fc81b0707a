"""A sweep over seeds with real passes, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workspace import TINY, Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("sweep"))


def test_a_grid_over_seeds_trains_once_a_seed_and_can_be_continued_and_compared(here: Workspace) -> None:
    words = ["recipe=ssd_mobilenet_int8", *TINY, "prune.enabled=false", "quantize.method=fixed"]
    printed = here.run("-m", *words, "quantize.scheme=int8,dynamic", "seeds=[0,1]")
    # a train and a convert each seed, a quantize each job
    assert "4 jobs, 8 distinct passes, 8 to run" in printed
    (folder,) = (here.folder / "outputs" / "ssd_mobilenet_int8").glob("sweep-*")
    summary = json.loads((folder / "summary.json").read_text())
    assert [job["status"] for job in summary["jobs"]] == ["built"] * 4
    assert any(job["pareto"] for job in summary["jobs"])
    assert summary["metric"] == "map"
    groups = {group["overrides"]["quantize.scheme"]: group["figures"] for group in summary["groups"]}
    assert {scheme: figures["map"]["n"] for scheme, figures in groups.items()} == {"int8": 2, "dynamic": 2}
    assert groups["int8"]["latency_ms"]["mean"] > 0
    assert len({job["sha256"] for job in summary["jobs"]}) == 4, "every seed and scheme has bytes of its own"

    lost = folder / "quantize.scheme=int8,seed=1"
    before = (lost / "model.tflite").read_bytes()
    (lost / "report.json").unlink()
    assert "4 jobs, 1 to run, the others are already built" in here.run("rerun", relative(folder, here))
    assert (lost / "model.tflite").read_bytes() == before

    jobs = [relative(folder / f"quantize.scheme=int8,seed={seed}", here) for seed in (0, 1)]
    compared = json.loads(here.run("compare", *jobs, "--json"))
    assert compared["recipe"] == {}
    assert compared["causes"]["seed"] == [0, 1]
    assert compared["causes"]["train.action"][1] == "seed 0 -> 1"
    assert "map" in {*compared["figures"], *compared["equal"]["figures"]}


def relative(path: Path, here: Workspace) -> str:
    return str(path.relative_to(here.folder))
