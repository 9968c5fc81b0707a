"""A typed recipe: what it is built of, and what decides no result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.core.compiler_pass import Pass
from tflbuild.core.dataset import Dataset
from tflbuild.core.recipe import NEUTRAL_KEYS, RUN_KEYS, Recipe, RunOptions, Step, WorkerOptions


class Needing(Pass):
    needs = ("tensorflow", "numpy")


class Other(Pass):
    needs = ("ethosu", "numpy")


class Plain(Architecture):
    name = "resnet"


class Signs(Dataset):
    name = "signs"


def recipe(**changes: Any) -> Recipe:
    given = {"model": Plain(), "data": Signs(), "targets": {}, "steps": {}, "pipeline": ()}
    return Recipe(**{"name": "r", **given, **changes})


def test_tools_are_those_of_every_pass_each_once() -> None:
    steps = {name: Step(label=name, options=options) for name, options in (("a", Needing()), ("b", Other()))}
    assert recipe(steps=steps).tools == ["ethosu", "numpy", "tensorflow"]


def test_a_subject_without_files_is_the_model_on_the_data() -> None:
    assert recipe().subject == "resnet on signs"


def test_what_was_seen_is_what_was_recognised_in_the_data_and_then_in_the_model_s_file() -> None:
    class File(Plain):
        def recognised(self) -> list[dict[str, str]]:
            return [{"what": "outputs", "value": "scores", "evidence": "a softmax"}]

    labels = {"what": "labels", "value": "cat, dog", "evidence": "the folders"}
    found = recipe(model=File(), recognised=(labels,)).seen
    assert found == [labels, {"what": "outputs", "value": "scores", "evidence": "a softmax"}]


def test_what_the_recipe_says_takes_the_place_of_what_would_be_assumed_of_the_file() -> None:
    seen = [
        {"what": "preprocess", "value": "assumed", "evidence": "nothing in the file"},
        {"what": "preprocess of b", "value": "assumed", "evidence": "nothing in the file"},
        {"what": "input", "value": "image", "evidence": "three channels"},
    ]

    class File(Plain):
        def recognised(self) -> list[dict[str, str]]:
            return seen

    said = {"what": "preprocess", "value": "scale 1", "evidence": "the recipe says so"}
    shown = {"what": "input", "value": "numbers", "evidence": "the data"}
    assert recipe(model=File(), recognised=(said, shown)).seen == [said, shown, *seen[1:]]
    assert recipe(model=File()).seen == seen


def test_a_recipe_that_says_nothing_more_is_a_build_on_the_processor() -> None:
    plain = recipe()
    assert (plain.seed, plain.device, plain.strict, plain.seeds) == (0, "cpu", False, ())
    assert (plain.store, plain.outputs) == (Path("outputs/store"), Path("outputs"))
    assert (plain.description, plain.described, plain.overrides) == ("", "", ())
    assert (plain.remote, plain.shared, plain.plugins) == (None, None, None)
    assert (plain.limits, plain.objective, plain.added, plain.remarks) == ((), (), (), ())
    assert (plain.hooks, plain.analyses, plain.replaced, plain.mapping) == ({}, {}, {}, {})
    assert (plain.recognised, plain.seen) == ((), [])
    assert plain.run == RunOptions(
        locked="", stop_after=None, keep_intermediate=False, time_passes=False, tensorboard=False
    )


def test_a_step_that_says_nothing_more_runs_without_a_gate() -> None:
    step = Step(label="a", options=Needing())
    assert (step.enabled, step.after, step.limits, step.fallback) == (True, (), (), ())
    assert (step.on_breach, step.timeout, step.instead, step.done) == ("fail", None, "", "")


def test_workers_have_the_defaults_of_a_recipe() -> None:
    """By the tables of docs/recipes.md."""
    assert WorkerOptions() == WorkerOptions(max_rss=6000, threads=2, evaluators=None, checkpoint_seconds=30.0)


def test_keys_that_decide_no_result_are_those_of_the_run() -> None:
    assert set(RUN_KEYS) == {
        "locked",
        "stop_after",
        "keep_intermediate",
        "time_passes",
        "tensorboard",
        "store",
        "outputs",
        "hooks",
        "analyses",
        "objective",
    }
    assert set(NEUTRAL_KEYS) - set(RUN_KEYS) == {
        "seed",
        "seeds",
        "device",
        "strict",
        "worker",
        "budget",
        "export",
    }
    assert len(NEUTRAL_KEYS) == len(set(NEUTRAL_KEYS)) == 17


@pytest.mark.parametrize("key", NEUTRAL_KEYS)
def test_a_description_stays_true_whatever_such_a_key_says(key: str) -> None:
    assert recipe(description="int8", overrides=(f"{key}=other", f"{key}.inner=other")).described == "int8"


@pytest.mark.parametrize(
    ("override", "kept"),
    [
        ("train.budget=null", True),
        ("train.budgets=null", True),
        ("train.x.budget=null", False),
        ("train.lr=1e-3", True),
        ("train.lr=", False),
        ("train.lr", False),
        ("+train.lr=1", False),
        ("~train.lr=1", False),
    ],
)
def test_numbers_and_limits_leave_a_description_true(override: str, kept: bool) -> None:
    assert (recipe(description="int8", overrides=("seed=1", override)).described == "int8") is kept
