"""Frozen jobs: what another process gets, and what it does with it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from sweep_place import RECIPE, Place
from tflbuild.core.dataset import Index
from tflbuild.recipe.load import load_recipe, thaw
from tflbuild.sweep import job as jobs
from tflbuild.sweep.freeze import freeze, grid_points
from tflbuild.sweep.grid import expand
from tflbuild.sweep.job import FrozenJob, run_here, run_job
from tflbuild.sweep.warm import WarmWorker


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmWorker]:
    """The worker of this process, ended with the test."""
    with WarmWorker() as worker:
        monkeypatch.setattr(jobs, "_warm_worker", lambda: worker)
        yield worker


def frozen(here: Place, *overrides: str) -> FrozenJob:
    (entry,) = freeze(grid_points(expand(["recipe=fake", *overrides])), here.folder / "sweep")
    assert entry.frozen is not None
    return entry.frozen


def types_in(value: Any) -> set[type]:
    if isinstance(value, dict):
        return {type(value)} | {kind for item in (*value, *value.values()) for kind in types_in(item)}
    if isinstance(value, list | tuple):
        return {type(value)} | {kind for item in value for kind in types_in(item)}
    return {type(value)}


def test_a_frozen_job_is_plain_values_and_can_be_pickled(here: Place) -> None:
    job = frozen(here, "prune.cost=0.02")
    assert pickle.loads(pickle.dumps(job)) == job
    assert types_in(asdict(job)) <= {dict, list, tuple, str, int, float, bool, type(None)}
    assert os.path.isabs(job.folder)


def test_a_frozen_job_thaws_to_the_recipe_that_was_composed(here: Place) -> None:
    job = frozen(here, "prune.cost=0.02")
    recipe = load_recipe(["recipe=fake", "prune.cost=0.02"])
    assert thaw(job.mapping, job.overrides, None if job.plugins is None else Path(job.plugins)) == recipe


def test_a_recipe_that_is_edited_after_freezing_changes_nothing(here: Place, warm: WarmWorker) -> None:
    job = frozen(here)
    (here.folder / "recipes" / "fake.yaml").write_text(RECIPE.replace("how: well", "how: raise"))
    (here.folder / "recipes" / "model" / "fake_model.yaml").write_text("type: nonsense\n")
    result = run_job(job, warm)
    assert (result.exit_code, result.row["status"]) == (0, "built")


def test_a_job_runs_in_its_own_folder_and_prints_to_a_file(here: Place, warm: WarmWorker) -> None:
    job = frozen(here, "store.path=mine", "bad.how=raise")
    here.folder.joinpath("elsewhere").mkdir()
    os.chdir(here.folder / "elsewhere")
    result = run_here(job)
    assert (result.exit_code, result.row["status"]) == (4, "failed")
    assert "seven is right out" in result.row["error"]
    assert json.loads(json.dumps(result.row)) == result.row
    assert Path.cwd() == here.folder / "elsewhere"
    assert (here.folder / "mine" / "blobs").is_dir(), "relative paths start where the sweep was typed"
    printed = (Path(job.folder) / "console.txt").read_text()
    assert "train: done" in printed
    assert "error: pass 'bad' failed: ValueError: seven is right out" in printed


def test_one_warm_worker_serves_the_jobs_of_a_process(here: Place, warm: WarmWorker) -> None:
    run_here(frozen(here, "prune.cost=0.01"))
    first = warm._worker
    run_here(frozen(here, "prune.cost=0.02"))
    assert warm._worker is first
    run_here(frozen(here, "prune.cost=0.03", "worker.threads=1"))
    assert warm._worker is not first


def test_a_second_attempt_starts_in_an_empty_folder(here: Place, warm: WarmWorker) -> None:
    job = frozen(here)
    folder = Path(job.folder)
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("left behind\n")
    (folder / "rejected").mkdir()
    assert run_job(job, warm).exit_code == 0
    assert "left behind" not in (folder / "events.jsonl").read_text()
    assert not (folder / "rejected").exists()


def test_a_job_that_cannot_begin_is_a_row_and_leaves_no_folder(here: Place, warm: WarmWorker) -> None:
    job = frozen(here)
    broken = replace(job, mapping={**job.mapping, "data": {"type": "fake_data", "train": 0}})
    result = run_job(broken, warm)
    assert (result.exit_code, result.row["status"], result.row["run"]) == (2, "invalid", None)
    assert "train split of 'fake_data' is empty" in result.row["error"]
    assert not Path(job.folder).exists()


def test_a_job_whose_folder_was_moved_says_so(here: Place, warm: WarmWorker) -> None:
    result = run_job(replace(frozen(here), cwd=str(here.folder / "moved")), warm)
    assert (result.exit_code, result.row["status"]) == (2, "invalid")
    assert "the folder in which the sweep was started no longer exists" in result.row["error"]


def test_the_jobs_of_a_grid_list_the_same_data_once(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    index = fakes.FakeData.index

    def counted(data: fakes.FakeData, look: Any) -> Index:
        listed.append(data.version)
        return index(data, look)

    monkeypatch.setattr(fakes.FakeData, "index", counted)
    grid_points(expand(["recipe=fake", "prune.cost=0.01,0.02,0.03", "data.version=1,2"]))
    assert listed == [1, 2]


def test_a_defect_costs_one_job_only(
    here: Place, warm: WarmWorker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def defective(*given: object, assumed: bool) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(jobs, "thaw", defective)
    result = run_job(frozen(here), warm)
    assert (result.exit_code, result.row["status"]) == (70, "failed")
    assert result.row["error"].startswith("ZeroDivisionError: oops: this was not expected")
    (story,) = Path(frozen(here).folder).glob("crash-*.txt")
    assert "in defective" in story.read_text()
    assert capsys.readouterr().err == ""
