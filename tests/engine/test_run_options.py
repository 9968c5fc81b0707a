"""What one run does beyond building: stop after a step, keep models by the way, leave a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import fakes
from building import FakeBuild, steps
from tflbuild.core.budget import Limit
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.recipe import Recipe, RunOptions, Step
from tflbuild.engine.bundle import read_bundle, run_bundle
from tflbuild.engine.prepare import prepare
from tflbuild.engine.workers.worker import Worker


def test_a_run_can_stop_after_a_step(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(replace(recipe, run=RunOptions(stop_after="prune")))
    assert outcome.error is None
    assert outcome.report["stopped_after"] == "prune"
    assert [step["label"] for step in outcome.report["passes"]] == ["train", "prune"]
    assert outcome.report["targets"] == []
    kept = outcome.report.folder / "prune.h5"
    assert fakes.score_of(kept) == pytest.approx(0.89)
    assert not (outcome.report.folder / "recipe.lock.yaml").exists()


def test_a_run_that_stops_delivers_what_its_steps_ask_for(recipe: Recipe, build: FakeBuild) -> None:
    """As `export_onnx` does: a target of its own has the step's label."""
    targets = {
        **recipe.targets,
        "early": replace(next(iter(recipe.targets.values())), step="convert"),
        "late": replace(next(iter(recipe.targets.values())), step="quantize"),
    }
    over = (Limit(metric="score", form="min", bound=1.0),)
    wanted = replace(recipe, targets=targets, limits=over, run=RunOptions(stop_after="convert"))
    outcome = build(wanted)
    assert outcome.error is None
    (target,) = outcome.report["targets"]
    assert (target["name"], target["path"]) == ("early", "early/model.tflite")
    assert (outcome.report.folder / "early" / "model.tflite").is_file()
    assert (outcome.report.folder / "convert.tflite").is_file()
    assert outcome.report["base"]["label"] == "train"
    assert outcome.report["budget"]["verdicts"] == []
    assert not (outcome.report.folder / "recipe.lock.yaml").exists()


def test_stopping_after_a_step_that_does_not_run_is_refused(recipe: Recipe, build: FakeBuild) -> None:
    with pytest.raises(RecipeError, match=r"stop_after: 'pruen' does not run.*Did you mean 'prune'"):
        build(replace(recipe, run=RunOptions(stop_after="pruen")))


def test_what_was_stopped_goes_on_from_there(recipe: Recipe, build: FakeBuild) -> None:
    build(replace(recipe, run=RunOptions(stop_after="prune")))
    outcome = build(recipe)
    assert [step["outcome"] for step in outcome.report["passes"]] == ["cached", "cached", "ran", "ran"]


def test_models_by_the_way_are_kept_when_wanted(recipe: Recipe, build: FakeBuild) -> None:
    folder = build(replace(recipe, run=RunOptions(keep_intermediate=True))).report.folder / "intermediate"
    names = ["1-train.h5", "2-prune.h5", "3-convert.tflite", "4-quantize.tflite"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert fakes.score_of(folder / "1-train.h5") == pytest.approx(0.9)
    (folder / "1-train.h5").write_bytes(b"the copy is the user's")
    assert build(recipe).error is None


def test_time_is_said_of_every_pass_and_of_measuring(recipe: Recipe, build: FakeBuild) -> None:
    for step in build(recipe).report["passes"]:
        assert step["seconds"] > 0
        assert step["measuring_seconds"] > 0
    again = build(recipe).report["passes"]
    assert all(step["seconds"] == 0 < step["cost_seconds"] for step in again)


def test_a_build_that_trains_nothing_says_that_there_are_no_logs(recipe: Recipe, build: FakeBuild) -> None:
    untrained = steps(fakes.FakeLoad(), fakes.FakeConvert(), fakes.FakeQuantize())
    wanted = replace(recipe, run=RunOptions(tensorboard=True), steps=untrained, pipeline=tuple(untrained))
    said = "tensorboard: no step of this build trains, so there is nothing to log"
    assert build(wanted).report["warnings"] == [said]


def failing(recipe: Recipe, how: str) -> Recipe:
    made = {**recipe.steps, "bad": Step(label="bad", options=fakes.FakeBad(how=how))}
    return replace(recipe, steps=made, pipeline=(*recipe.pipeline, "bad"))


@pytest.mark.parametrize("how", ["raise", "abort", "kill", "does not run"])
def test_a_failed_pass_leaves_a_bundle_that_fails_alone(
    recipe: Recipe, build: FakeBuild, how: str, tmp_path: Path
) -> None:
    wanted = failing(recipe, how)
    outcome = build(wanted)
    assert isinstance(outcome.error, PassError)
    folder = outcome.report.folder
    assert outcome.report["reproduce"] == f"tflbuild reproduce {folder}"
    content = read_bundle(folder)
    assert content["pass"] == {"label": "bad", "name": "fake_bad", "options": {"how": how}}
    assert content["input"]["digest"] == outcome.report["passes"][3]["output"]
    assert content["environment"]["seed"] == 0

    worker = Worker(wanted.worker, wanted.device, ("fakes:load", None), fakes.NAMES)
    prepared = prepare(wanted, names=fakes.NAMES)
    before = {path.name for path in (recipe.store / "actions").iterdir()}
    try:
        with pytest.raises(PassError, match="pass 'bad'"):
            run_bundle(content, prepared, worker, lambda done, total, note: None, print)
    finally:
        worker.stop()
    assert {path.name for path in (recipe.store / "actions").iterdir()} == before


def test_a_pass_that_starts_a_model_must_say_what_it_means(recipe: Recipe, build: FakeBuild) -> None:
    made = {**recipe.steps, **steps(fakes.FakeBare())}
    outcome = build(replace(recipe, steps=made, pipeline=("bare", "prune", "convert", "quantize")))
    assert isinstance(outcome.error, PassError)
    assert "pass 'bare' returned a model without its meaning" in str(outcome.error)


def test_a_bundle_says_what_differs_now(recipe: Recipe, build: FakeBuild) -> None:
    wanted = failing(recipe, "raise")
    folder = build(wanted).report.folder
    content = read_bundle(folder / "reproduce.yaml")
    content["environment"]["python"] = "3.9.1"
    content["environment"]["toolchain"]["tflbuild"] = "0.0.1"
    said: list[str] = []
    worker = Worker(wanted.worker, wanted.device, ("fakes:load", None), fakes.NAMES)
    repaired = replace(wanted, steps=wanted.steps | steps(fakes.FakeBad(how="fine")))
    try:
        prepared = prepare(repaired, names=fakes.NAMES)
        answer = run_bundle(content, prepared, worker, lambda done, total, note: None, said.append)
    finally:
        worker.stop()
    assert answer.value[0].kind == "TFLiteModel"
    assert any("it failed on 3.9.1" in text for text in said)
    assert any("it failed with 0.0.1" in text for text in said)
    assert any("its key differs from that of the failed pass" in text for text in said)


def test_a_bundle_whose_input_is_gone_says_how_to_have_it_again(recipe: Recipe, build: FakeBuild) -> None:
    wanted = failing(recipe, "raise")
    folder = build(wanted).report.folder
    content = read_bundle(folder)
    (recipe.store / "blobs" / content["input"]["digest"]).unlink()
    worker = Worker(wanted.worker, wanted.device, ("fakes:load", None), fakes.NAMES)
    prepared = prepare(wanted, names=fakes.NAMES)
    with pytest.raises(RecipeError, match=r"is no longer in the store .* build the recipe again"):
        run_bundle(content, prepared, worker, lambda done, total, note: None, print)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="only a run with a failed pass has one"):
        read_bundle(tmp_path)
    (tmp_path / "reproduce.yaml").write_text(yaml.safe_dump({"schema": "other"}))
    with pytest.raises(RecipeError, match="is not a bundle"):
        read_bundle(tmp_path)
