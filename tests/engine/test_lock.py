"""`recipe.lock.yaml` and `--locked`: a build that differs from its lock names what drifted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import altered
import fakes
from building import FakeBuild
from tflbuild.core import digest, toolchain
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.core.recipe import Recipe, RunOptions, WorkerOptions
from tflbuild.engine.build import Outcome
from tflbuild.engine.lock import Lock, find_lock
from tflbuild.engine.prepare import prepare

LOCKED = RunOptions(locked="true")
MAPPING = {"recipe": "fake", "prune": {"pass": "fake_prune", "cost": 0.01}, "worker": {"threads": 2}}


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process: nothing here is about processes."""
    return build_here


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, mapping=MAPPING)


def locked(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, run=LOCKED, **changes)


def drift(outcome: Outcome) -> str:
    assert isinstance(outcome.error, Drift), outcome.error
    assert outcome.error.exit_code == 7
    assert outcome.report["targets"] == []
    return str(outcome.error)


def lock_of(outcome: Outcome) -> Path:
    return outcome.report.folder / "recipe.lock.yaml"


def edit(path: Path, *keys: str, to: Any) -> None:
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(yaml.safe_dump(content))


def test_an_unchanged_build_passes_its_lock(recipe: Recipe, build: FakeBuild) -> None:
    first = build(recipe)
    second = build(locked(recipe))
    assert second.error is None
    assert second.report["locked"] == str(lock_of(first))
    assert second.report["targets"][0]["sha256"] == first.report["targets"][0]["sha256"]


def test_a_lock_holds_from_an_empty_store(recipe: Recipe, build: FakeBuild, tmp_path: Path) -> None:
    build(recipe)
    assert build(locked(recipe, store=tmp_path / "another")).error is None


def test_a_lock_may_be_named(recipe: Recipe, build: FakeBuild, tmp_path: Path) -> None:
    lock = tmp_path / "mine.lock.yaml"
    lock.write_text(lock_of(build(recipe)).read_text())
    outcome = build(replace(recipe, run=RunOptions(locked=str(lock)), outputs=tmp_path / "elsewhere"))
    assert outcome.error is None


def test_without_a_lock_the_error_says_where_it_was_looked_for(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(locked(recipe))
    assert isinstance(outcome.error, RecipeError)
    assert "build once, or name one with locked=FILE" in str(outcome.error)


def test_a_file_that_is_no_lock_is_refused(recipe: Recipe, build: FakeBuild, tmp_path: Path) -> None:
    for content in ("", "a: [", "schema: tflbuild.report/1"):
        (tmp_path / "no.yaml").write_text(content)
        outcome = build(replace(recipe, run=RunOptions(locked=str(tmp_path / "no.yaml"))))
        assert isinstance(outcome.error, RecipeError)
        assert "no.yaml" in str(outcome.error)


def test_a_changed_recipe_is_drift(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    changed = {**MAPPING, "prune": {"pass": "fake_prune", "cost": 0.02}}
    assert "prune.cost is 0.02, locked is 0.01" in drift(build(locked(recipe, mapping=changed)))


def test_changed_data_are_drift(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    text = drift(build(locked(recipe, data=fakes.FakeData(train=13))))
    assert "data.train content changed: 3 files added" in text


def test_another_thread_count_is_drift(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    text = drift(build(locked(recipe, worker=WorkerOptions(threads=4))))
    assert "worker.threads 2 -> 4" in text


def test_another_tool_version_is_drift(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(recipe)
    version = toolchain.version
    monkeypatch.setattr(toolchain, "version", lambda t: "9.9" if t == "ai_edge_litert" else version(t))
    assert "ai_edge_litert is 9.9, locked is " in drift(build(locked(recipe)))


def test_changed_code_is_drift(recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    build(recipe)
    monkeypatch.setattr("tflbuild.engine.keys.code_digest", lambda *modules: "0" * 64)
    assert "source of pass fake_prune changed" in drift(build(locked(recipe)))


def test_other_bytes_from_the_same_causes_are_drift_at_that_step(recipe: Recipe, build: FakeBuild) -> None:
    edit(lock_of(build(recipe)), "steps", "prune", "output", to="0" * 64)
    outcome = build(locked(recipe))
    assert "prune gave " in drift(outcome)
    assert "although everything that the lock names is unchanged" in str(outcome.error)
    assert [step["label"] for step in outcome.report["passes"]] == ["train", "prune"]


def test_another_measurement_of_the_same_bytes_is_drift(recipe: Recipe, build: FakeBuild) -> None:
    edit(lock_of(build(recipe)), "targets", "any", "metrics", "score", "value", to=0.5)
    assert "any: score is 0.89, locked is 0.5" in drift(build(locked(recipe)))


def test_drift_comes_before_any_work(recipe: Recipe, build: FakeBuild, log: Path) -> None:
    build(recipe)
    log.write_text("")
    drift(build(locked(recipe, data=fakes.FakeData(version=2))))
    assert log.read_text() == ""


def test_a_changed_action_of_a_step_is_drift(recipe: Recipe, build: FakeBuild) -> None:
    edit(lock_of(build(recipe)), "steps", "prune", "action", to="0" * 64)
    assert "steps.prune.action is 0000000000, which is not the key of its causes" in drift(
        build(locked(recipe))
    )


def test_an_action_that_was_changed_with_its_causes_is_drift(recipe: Recipe, build: FakeBuild) -> None:
    path = lock_of(build(recipe))
    causes = yaml.safe_load(path.read_text())["steps"]["prune"]["causes"] | {"more": 1}
    edit(path, "steps", "prune", "causes", to=causes)
    edit(path, "steps", "prune", "action", to=digest.of_json(causes))
    assert "the key of prune is " in drift(build(locked(recipe)))


def test_a_run_dated_in_the_future_does_not_win(recipe: Recipe, build: FakeBuild) -> None:
    first = build(recipe).report.folder
    future = first.parent / "2099-01-01_00-00-00"
    shutil.copytree(first, future)
    assert find_lock(locked(recipe)) == first / "recipe.lock.yaml", "latest says which"
    (first.parent / "latest").unlink()
    with pytest.raises(RecipeError, match="2099-01-01_00-00-00 is dated in the future"):
        find_lock(locked(recipe))
    shutil.rmtree(future)
    assert find_lock(locked(recipe)) == first / "recipe.lock.yaml"


def test_only_folders_of_runs_have_the_recipes_lock(recipe: Recipe, build: FakeBuild, tmp_path: Path) -> None:
    first = build(recipe).report.folder
    (first.parent / "latest").unlink()
    for name in ("zzz", "9999-99-99_99-99-99", "2026-01-01_00-00-00-x"):
        shutil.copytree(first, first.parent / name)
    shutil.copytree(first, tmp_path / "elsewhere")
    (first.parent / "latest").symlink_to(tmp_path / "elsewhere")
    assert find_lock(locked(recipe)) == first / "recipe.lock.yaml"


def test_the_tenth_run_of_a_second_is_newer_than_the_second(recipe: Recipe) -> None:
    runs = recipe.outputs / recipe.name
    for name in ("2026-01-01_00-00-00-2", "2026-01-01_00-00-00-10", "2026-01-01_00-00-00"):
        (runs / name).mkdir(parents=True)
        (runs / name / "recipe.lock.yaml").touch()
    assert find_lock(locked(recipe)).parent.name == "2026-01-01_00-00-00-10"


def test_every_field_of_a_lock_with_any_value_is_a_sentence_or_drift_or_right(
    recipe: Recipe, build: FakeBuild
) -> None:
    path = lock_of(build(recipe))
    content = yaml.safe_load(path.read_text())
    prepared = prepare(recipe, names=fakes.NAMES)
    ends: list[tuple[int, str]] = []
    for changed in altered.every(content, 300):
        path.write_text(json.dumps(changed))  # JSON is YAML, and read faster
        try:
            lock = Lock(path, prepared.keys, prepared.store.root)
            lock.check_causes()
            lock.check_delivery(content["targets"])
        except (Drift, RecipeError) as error:
            ends.append((error.exit_code, str(error)))
    assert {code for code, _ in ends} == {2, 7}
    assert all(str(path) in said and said.isprintable() for _, said in ends)
