"""Options that a recipe sets for the group it chose go when the group is replaced, and are named."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_repository import ConfigRepository

from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.core.compiler_pass import STEP_KEYS
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import compose
from tflbuild.recipe.load import load_recipe
from tflbuild.recipe.replacement import RecipeRepository, Replaced, without_removed

FIRST = "# @package _global_\n"
GONE = "model.input_size=32 of the recipe was dropped: it belongs to model=mobilenet_v2"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)
    Path("recipes").mkdir()


def test_options_of_a_replaced_model_go_and_are_named() -> None:
    recipe = load_recipe(["recipe=mobilenet_v2_int8", "model=resnet"])
    assert recipe.remarks == (GONE,)
    assert recipe.replaced == {"model": ("mobilenet_v2", "resnet")}


def test_options_of_a_users_own_model_do_not_suffer_from_the_recipe() -> None:
    found = compose.composed(["recipe=mobilenet_v2_int8", "model=keras", "model.path=mine.h5"])
    assert found.remarks == (GONE,)
    assert "input_size" not in found.mapping["model"]


def test_the_same_choice_replaces_nothing() -> None:
    recipe = load_recipe(["recipe=mobilenet_v2_int8", "model=mobilenet_v2"])
    assert not recipe.remarks
    assert not recipe.replaced
    assert recipe.mapping["model"]["input_size"] == 32


def test_an_option_that_was_typed_for_another_choice_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"model\.input_size"):
        load_recipe(["recipe=mobilenet_v2_int8", "model=keras", "model.path=x.h5", "model.input_size=32"])


def test_a_recipe_that_replaces_a_group_keeps_its_own_options() -> None:
    Path("recipes/base.yaml").write_text(
        f"{FIRST}defaults: [ssd_mobilenet_float, _self_]\ndata: {{max_objects: 2, seed: 3}}\n"
    )
    Path("recipes/mine.yaml").write_text(
        f"{FIRST}defaults: [base, _self_, override /data: voc]\ndata: {{root: here, seed: 4}}\n"
    )
    recipe = load_recipe(["recipe=mine"])
    assert recipe.mapping["data"]["root"] == "here"
    assert recipe.mapping["data"]["seed"] == 4
    assert recipe.replaced == {"data": ("signs", "voc")}
    assert "data.max_objects=2 of the recipe was dropped: it belongs to data=signs" in recipe.remarks


def test_options_of_a_target_that_is_not_chosen_go_and_others_stay() -> None:
    text = f"{FIRST}defaults: [ssd_mobilenet_int8, _self_]\ntarget: {{cpu: {{runs: 7}}}}\n"
    Path("recipes/mine.yaml").write_text(text)
    both = load_recipe(["recipe=mine", "target=[cpu,ethos_u55]"])
    assert not both.remarks
    other = load_recipe(["recipe=mine", "target=[ethos_u55]"])
    assert other.remarks == ("target.cpu.runs=7 of the recipe was dropped: it belongs to target=cpu",)
    assert list(other.targets) == ["ethos_u55"]


def test_a_replaced_pass_keeps_what_its_step_says() -> None:
    recipe = load_recipe(["recipe=ssd_mobilenet_int8", "passes@prune=cluster"])
    assert recipe.replaced == {"passes@prune": ("prune", "cluster")}
    assert [limit.metric for limit in recipe.steps["prune"].limits] == ["map"]
    assert len(recipe.remarks) == 2


def test_a_plan_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipes/mine.yaml").write_text(
        f"{FIRST}defaults: [mobilenet_v1_int8, _self_]\nmodel: {{input_size: 64}}\n"
    )
    assert main(["plan", "recipe=mine", "model=resnet", "data.train=40", "data.val=8", "data.test=8"]) == 0
    assert "model.input_size=64 of the recipe was dropped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("group", "name", "gone"),
    [
        ("model", "input_size", True),
        ("model", "budget", True),
        ("passes@prune", "sparsity", True),
        *((f"passes@{label}", key, False) for label in ("prune", "x") for key in STEP_KEYS),
        # Of several choices those go that are no longer chosen, with their options.
        ("target", "cpu", True),
        ("target", "npu", False),
        ("target", "both", False),
        ("target", "neither", False),
        ("hooks", "cpu", True),
    ],
)
def test_options_go_with_the_choice_that_they_were_meant_for(group: str, name: str, gone: bool) -> None:
    one = Replaced(group, ("cpu", "both"), ("npu", "both"), "")
    assert one.leaves_out(name) is gone


@pytest.mark.parametrize(("group", "key"), [("model", "model"), ("passes@prune", "prune"), ("a@b@c", "c")])
def test_options_lie_under_the_last_name_of_a_group(group: str, key: str) -> None:
    assert Replaced(group, ("a",), ("b",), "").key == key


MAPPING: dict[str, Any] = {
    "pipeline": ["train", "prune", "convert"],
    "train": {"pass": "train", "fallback": []},
    "prune": None,
    "convert": {
        "pass": "convert",
        "fallback": [
            "prune",
            "other",
            {"from": "prune", "run": ["other"]},
            {"from": "train", "run": ["other", "prune"]},
            {"from": "train", "run": "prune"},
            {"from": "train", "run": ["other"]},
            {"from": "train", "run": "other"},
        ],
    },
    "seed": None,
    "fallback": 7,
}


def test_a_step_that_is_null_goes_with_all_that_names_it() -> None:
    mapping = copy.deepcopy(MAPPING)
    assert without_removed(mapping, ["train", "prune", "nobody"]) == [
        "prune is null: the step, and fallbacks that need it, were left out"
    ]
    assert mapping == {
        **{key: MAPPING[key] for key in ("train", "seed", "fallback")},
        "pipeline": ["train", "convert"],
        "convert": {
            "pass": "convert",
            "fallback": ["other", {"from": "train", "run": ["other"]}, {"from": "train", "run": "other"}],
        },
    }


def test_what_is_null_and_no_step_stays() -> None:
    mapping = copy.deepcopy(MAPPING)
    assert without_removed(mapping, ["train"]) == []
    assert mapping == MAPPING
    mapping = {"pipeline": None, "prune": None, "a": {"fallback": None}}
    assert len(without_removed(mapping, ["prune"])) == 1
    assert mapping == {"pipeline": None, "a": {"fallback": None}}


def test_a_recipe_may_name_500_files() -> None:
    class Empty(ConfigRepository):
        def __init__(self) -> None:
            pass

        def load_config(self, config_path: str) -> None:
            return None

    repository = RecipeRepository(Empty())
    for _ in range(500):
        assert repository.load_config("recipe/a") is None
    with pytest.raises(RecursionError, match=r"^the recipe's defaults name more than 500 files$"):
        repository.load_config("recipe/a")


def test_what_is_left_out_is_said_leaf_by_leaf_and_once() -> None:
    Path("recipes/base.yaml").write_text(
        f"{FIRST}defaults: [ssd_mobilenet_float, _self_]\n"
        "data: {difficulty: {blur: 0.5, noise: null}, root: 'a\\x1bb', augment: {flip_except: [cat]},\n"
        "  preprocess: {}, seed: '${seed}'}\n"
    )
    Path("recipes/mine.yaml").write_text(
        f"{FIRST}defaults: [base, _self_]\ndata: {{difficulty: {{blur: 0.5}}}}\n"
    )
    found = compose.composed(["recipe=mine", "data=voc", "data.root=here"])
    assert sorted(found.remarks) == [
        f"data.{said} of the recipe was dropped: it belongs to data=signs"
        for said in (
            'augment.flip_except=["cat"]',
            "difficulty.blur=0.5",
            "difficulty.noise=null",
            "preprocess={}",
            "root=a\\x1bb",
            "seed=${seed}",
        )
    ]
    assert found.mapping["data"]["root"] == "here"


def test_the_outermost_recipe_that_chose_is_the_one_that_is_replaced() -> None:
    Path("recipes/base.yaml").write_text(f"{FIRST}defaults: [ssd_mobilenet_float, _self_]\n")
    Path("recipes/mine.yaml").write_text(
        f"{FIRST}defaults: [base, _self_, {{override /data: voc}}]\ndata: {{root: here}}\n"
    )
    assert compose.composed(["recipe=mine", "data=coco"]).replaced == {"data": ("voc", "coco")}
    both = compose.composed(["recipe=mine", "target=[cpu,ethos_u55]"])
    assert both.replaced == {"data": ("signs", "voc"), "target": ("cpu", "cpu,ethos_u55")}
