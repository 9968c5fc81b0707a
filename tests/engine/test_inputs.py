"""Passes that read earlier steps, and passes that hold candidates to their budget while they run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, drop, outcomes, steps
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.bundle import read_bundle, run_bundle
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.workers.worker import Worker


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process: few tests here are about others."""
    return build_here


def taught(recipe: Recipe, teacher: str = "train", declares: bool = True) -> Recipe:
    """Put 'teach' behind 'prune', giving back the score of 'train'."""
    made = {**recipe.steps, **steps(fakes.FakeTeach(teacher=teacher, declares=declares))}
    return replace(recipe, steps=made, pipeline=("train", "prune", "teach", "convert", "quantize"))


def mixed(recipe: Recipe, bound: float = 0.15, since: str = "", **options: Any) -> Recipe:
    made = {
        **recipe.steps,
        **steps(fakes.FakeMixed(**options), mixed={"limits": (drop(bound, since),)}),
    }
    return replace(recipe, steps=made, pipeline=("train", "prune", "convert", "mixed"))


def score(folder: Path) -> float:
    return fakes.score_of(folder / "model.tflite")


def test_a_pass_reads_what_an_earlier_step_gave(recipe: Recipe, build: FakeBuild) -> None:
    assert score(build(taught(recipe)).report.folder) == pytest.approx(0.9)
    assert score(build(taught(recipe, "prune")).report.folder) == pytest.approx(0.89)


def test_what_an_earlier_step_gave_decides_the_key(recipe: Recipe, build: FakeBuild) -> None:
    wanted = taught(recipe)
    build(wanted)
    better = {**wanted.steps, **steps(fakes.FakeTrain(score=0.95), fakes.FakePrune(cost=0.06))}
    again = build(replace(wanted, steps=better))
    assert again.report["passes"][2]["outcome"] == "ran"
    assert "the output of train changed" in again.report["passes"][2]["reason"]
    assert set(outcomes(build(wanted)).values()) == {"cached"}


def test_a_step_that_reads_an_unknown_one_is_not_planned_yet(recipe: Recipe) -> None:
    prepared = prepare(taught(recipe), names=fakes.NAMES)
    planned = plan(prepared.recipe, prepared.keys, prepared.store)
    assert [entry.status for entry in planned.steps] == ["RUN", *["UNKNOWN"] * 4]


@pytest.mark.parametrize("teacher", ["convert", "trian"])
def test_a_step_that_does_not_run_before_is_refused(recipe: Recipe, teacher: str) -> None:
    with pytest.raises(RecipeError, match=f"teach: it reads the output of '{teacher}', which does not run"):
        prepare(taught(recipe, teacher), names=fakes.NAMES)


def test_reading_an_undeclared_step_fails_the_pass(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(taught(recipe, declares=False))
    assert isinstance(outcome.error, PassError)
    assert "reads the output of 'train' without declaring it" in str(outcome.error)


def test_candidates_are_held_to_the_budget(recipe: Recipe, build: FakeBuild) -> None:
    report = build(mixed(recipe)).report
    assert score(report.folder) == pytest.approx(0.79)
    assert report["passes"][3]["notes"] == {"0.2": [False], "0.1": [True]}


def test_candidates_are_held_against_the_step_that_since_names(recipe: Recipe, build: FakeBuild) -> None:
    pruned = replace(recipe, steps={**recipe.steps, **steps(fakes.FakePrune(cost=0.08))})
    assert score(build(mixed(pruned, since="train")).report.folder) == pytest.approx(0.82)


def test_the_budget_is_part_of_a_judging_pass_s_key(recipe: Recipe, build: FakeBuild) -> None:
    build(mixed(recipe))
    assert outcomes(build(mixed(recipe)))["mixed"] == "cached"
    again = build(mixed(recipe, bound=0.05))
    assert score(again.report.folder) == pytest.approx(0.89)
    assert "mixed.budget or its baseline changed" in again.report["passes"][3]["reason"]


def test_a_judging_pass_without_a_budget_is_refused(recipe: Recipe) -> None:
    wanted = mixed(recipe)
    bare = {**wanted.steps, "mixed": replace(wanted.steps["mixed"], limits=())}
    with pytest.raises(RecipeError, match=r"mixed\.budget: pass 'fake_mixed' chooses by its budget"):
        prepare(replace(wanted, steps=bare), names=fakes.NAMES)


def test_a_fact_of_the_file_is_judged_too(recipe: Recipe, build: FakeBuild) -> None:
    wanted = mixed(recipe)
    small = (Limit(metric="file_bytes", form="max", bound=10),)
    outcome = build(
        replace(wanted, steps={**wanted.steps, "mixed": replace(wanted.steps["mixed"], limits=small)})
    )
    assert "nothing holds the budget" in str(outcome.error)


def test_a_fallback_is_held_to_the_budget_of_the_step_it_stands_for(recipe: Recipe, build: FakeBuild) -> None:
    fallback = (Fallback(run=("mixed",)),)
    changed = {"limits": (drop(0.15),), "fallback": fallback}
    made = {
        **recipe.steps,
        **steps(fakes.FakeQuantize(cost=0.3), quantize=changed),
        **steps(fakes.FakeMixed()),
    }
    report = build(replace(recipe, steps=made)).report
    assert report["passes"][3]["outcome"] == "replaced"
    assert score(report.folder) == pytest.approx(0.79)


def test_calling_judge_without_saying_so_fails_the_pass(tmp_path: Path) -> None:
    from tflbuild.testing import run_pass, tiny_tflite

    class Sly(fakes.FakeMixed):
        def judges(self) -> bool:
            return False

    with pytest.raises(PassError, match="its judges\\(\\) returns false"):
        run_pass(Sly(), _scored(tiny_tflite(tmp_path)), tmp_path)


def _scored(model: Any) -> Any:
    model.path.write_text(json.dumps({"score": 0.5}))
    return model


def test_a_bundle_holds_what_a_judging_pass_was_given(recipe: Recipe, build: FakeBuild) -> None:
    wanted = mixed(recipe, since="train", fails=True)
    folder = build(wanted).report.folder
    content = read_bundle(folder)
    assert content["held"][0]["metric"] == "score"
    assert content["held"][0]["baseline"]["kind"] == "KerasModel"
    said: list[str] = []
    worker = Worker(wanted.worker, wanted.device, ("fakes:load", None), fakes.NAMES)
    try:
        prepared = prepare(wanted, names=fakes.NAMES)
        with pytest.raises(PassError, match="nothing holds the budget"):
            run_bundle(content, prepared, worker, lambda done, total, note: None, said.append)
    finally:
        worker.stop()
    assert said == []
