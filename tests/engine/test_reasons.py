"""Why a pass would run: the field that changed, as the user knows it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

import fakes
from building import FakeBuild
from declared import take_back
from tflbuild.core import toolchain
from tflbuild.core.dataset import dataset
from tflbuild.core.recipe import Recipe, WorkerOptions
from tflbuild.engine.explaining import difference, explained
from tflbuild.engine.plan import Plan, plan
from tflbuild.engine.prepare import prepare


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process: nothing here is about processes."""
    return build_here


def planned(recipe: Recipe) -> Plan:
    prepared = prepare(recipe, names=fakes.NAMES)
    return plan(prepared.recipe, prepared.keys, prepared.store)


def with_options(recipe: Recipe, label: str, **options: Any) -> Recipe:
    step = recipe.steps[label]
    return replace(
        recipe, steps={**recipe.steps, label: replace(step, options=replace(step.options, **options))}
    )


CHANGES = {
    "an option": (lambda r: with_options(r, "prune", cost=0.02), "prune", "prune.cost 0.01 -> 0.02"),
    "the seed": (lambda r: replace(r, seed=3), "train", "seed 0 -> 3"),
    "files added": (
        lambda r: replace(r, data=fakes.FakeData(train=13)),
        "train",
        "data.train content changed: 3 files added, train.steps 20 -> 26",
    ),
    "files removed": (
        lambda r: with_options(replace(r, data=fakes.FakeData(train=9)), "train", steps=20),
        "train",
        "data.train content changed: 1 file removed",
    ),
    "files changed": (
        lambda r: replace(r, data=fakes.FakeData(version=2)),
        "train",
        "data.train content changed: 10 files changed",
    ),
    "threads": (
        lambda r: replace(r, worker=WorkerOptions(threads=4)),
        "train",
        "worker.threads 2 -> 4",
    ),
    "an option of the model": (
        lambda r: replace(r, model=fakes.FakeModel(width=2)),
        "train",
        "model.width 1 -> 2",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_run_says_which_field_changed_and_what_it_took_last_time(
    recipe: Recipe, build: FakeBuild, what: str
) -> None:
    build(recipe)
    change, label, reason = CHANGES[what]
    steps = {p.step.label: p for p in planned(change(recipe)).steps}
    assert steps[label].status == "RUN"
    text, _, cost = steps[label].reason.partition("; ")
    assert text == reason
    assert cost.startswith("took ")
    assert cost.endswith(" s last time")


def test_the_version_of_a_tool_is_a_reason(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakePrune, "needs", ("tensorflow",))
    monkeypatch.setattr(toolchain, "require", lambda tools, who: dict.fromkeys(tools, "2.20.0"))
    build(recipe)
    monkeypatch.setattr(toolchain, "require", lambda tools, who: dict.fromkeys(tools, "2.21.0"))
    reasons = [p.reason for p in planned(recipe).steps if p.step.label == "prune"]
    assert reasons[0].startswith("tensorflow 2.20.0 -> 2.21.0; took ")


def test_the_source_of_a_pass_is_a_reason(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(recipe)
    monkeypatch.setattr("tflbuild.engine.keys.code_digest", lambda *modules: "0" * 64)
    first, *rest = planned(recipe).steps
    assert first.reason.startswith("source of pass fake_train changed, source of the model changed")
    assert [p.status for p in rest] == ["UNKNOWN"] * 3
    assert rest[0].reason == "its input is not known until train has run"


def test_a_hit_says_what_it_saves(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    assert [p.status for p in planned(recipe).steps] == ["HIT"] * 4
    assert all(p.reason.startswith("saves ") for p in planned(recipe).steps)


def test_a_first_run_says_so(recipe: Recipe) -> None:
    assert planned(recipe).steps[0].reason == "never run before"


def test_the_report_says_the_same_reasons_as_the_plan(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    changed = with_options(recipe, "prune", cost=0.02)
    reason = planned(changed).steps[1].reason
    report = build(changed).report
    assert report["passes"][1]["reason"] == reason
    assert report["passes"][0]["reason"].startswith("saves ")


def test_planning_writes_nothing(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    before = {path: path.stat().st_mtime_ns for path in recipe.store.rglob("*")}
    planned(with_options(recipe, "prune", cost=0.02))
    assert {path: path.stat().st_mtime_ns for path in recipe.store.rglob("*")} == before


@dataset("fake_other")
class FakeOther(fakes.FakeData):
    """The same samples under another name, with one more of them."""

    root: str = "there"


take_back(sys.modules[__name__])


def test_other_data_are_named_rather_than_what_follows_from_them(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    other = replace(recipe, data=FakeOther(train=13, version=2))
    text = planned(other).steps[0].reason
    assert text.startswith("data: fake_data -> fake_other; took "), (
        "and not train.steps 20 -> 26, nor the content"
    )
    build(other)
    moved = planned(replace(recipe, data=FakeOther(train=13, version=3, root="elsewhere"))).steps[0].reason
    assert moved.startswith("data.root: there -> elsewhere; took ")


def test_what_the_recipe_itself_says_otherwise_is_named_beside_other_data(
    recipe: Recipe, build: FakeBuild
) -> None:
    build(recipe)
    other = with_options(replace(recipe, data=FakeOther(train=13)), "train", score=0.8)
    other = replace(other, mapping={**other.mapping, "train": {"score": 0.8}})
    assert (
        planned(other)
        .steps[0]
        .reason.startswith("data: fake_data -> fake_other, train.score 0.9 -> 0.8; took ")
    )


def test_another_model_is_named_rather_than_its_options(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    path = recipe.outputs.parent / "m.h5"
    path.write_bytes(b"user")
    text = planned(replace(recipe, model=fakes.FakeOwn(path=str(path)))).steps[0].reason
    assert text.startswith("model: fake_model -> fake_own; took ")


def test_the_nearest_run_is_one_of_this_recipe(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    near = replace(with_options(recipe, "train", score=0.7), name="another", seed=3)
    build(near)
    wanted = with_options(replace(recipe, seed=3), "train", score=0.71)
    assert planned(wanted).steps[0].reason.startswith("train.score 0.9 -> 0.71, seed 0 -> 3; took "), (
        "the run of another recipe differs in one field less"
    )
    elsewhere = replace(wanted, name="new")
    assert planned(elsewhere).steps[0].reason.startswith("train.score 0.7 -> 0.71; took "), (
        "a recipe without runs is compared with all"
    )


def test_a_run_whose_report_is_none_is_passed_over(recipe: Recipe, build: FakeBuild) -> None:
    report = build(recipe).report
    for text in ("", "[]", '{"passes": 3, "data": {}, "model": {}}'):
        (report.folder / "report.json").write_text(text)
        assert (
            planned(with_options(recipe, "train", score=0.8))
            .steps[0]
            .reason.startswith("train.score 0.9 -> 0.8")
        )


def test_options_that_follow_from_one_that_the_recipe_says_are_left_out(
    recipe: Recipe, build: FakeBuild
) -> None:
    build(recipe)
    changed = with_options(recipe, "train", score=0.8, steps=31)
    assert planned(changed).steps[0].reason.startswith("train.score 0.9 -> 0.8, train.steps 20 -> 31; took ")
    saying = replace(changed, mapping={**changed.mapping, "train": {"score": 0.8}})
    assert planned(saying).steps[0].reason.startswith("train.score 0.9 -> 0.8; took ")


def test_a_step_that_only_other_recipes_ran_otherwise_is_new_to_this_one(
    recipe: Recipe, build: FakeBuild
) -> None:
    build(replace(with_options(recipe, "train", score=0.7, steps=3), name="another", seed=3))
    text = planned(replace(recipe, name="new")).steps[0].reason
    assert text.startswith("never run before in this recipe; 'fake_train' took ")


def test_parts_that_an_action_did_not_have_are_named_as_users_know_them() -> None:
    def said(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        return [explained("quantize", "quantize", change) for change in difference(before, after)]

    assert said({}, {"model": {"type": "file"}}) == ["it depends on the model's options"]
    assert said({"data": {"data.train": "a"}, "reader": {}}, {}) == ["it no longer depends on data"] * 2
