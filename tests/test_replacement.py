"""Options that a recipe sets for the group it chose go when the group is replaced, and are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import compose, plugins
from tflbuild.cli import main
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import load_recipe

FIRST = "# @package _global_\n"
GONE = "model.input_size=32 of the recipe was left out: it belongs to model=mobilenet_v2"


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
    assert "data.max_objects=2 of the recipe was left out: it belongs to data=signs" in recipe.remarks


def test_options_of_a_target_that_is_not_chosen_go_and_others_stay() -> None:
    text = f"{FIRST}defaults: [ssd_mobilenet_int8, _self_]\ntarget: {{cpu: {{runs: 7}}}}\n"
    Path("recipes/mine.yaml").write_text(text)
    both = load_recipe(["recipe=mine", "target=[cpu,ethos_u55]"])
    assert not both.remarks
    other = load_recipe(["recipe=mine", "target=[ethos_u55]"])
    assert other.remarks == ("target.cpu.runs=7 of the recipe was left out: it belongs to target=cpu",)
    assert list(other.targets) == ["ethos_u55"]


def test_a_replaced_pass_keeps_what_its_step_says() -> None:
    recipe = load_recipe(["recipe=ssd_mobilenet_int8", "passes@prune=cluster"])
    assert recipe.replaced == {"passes@prune": ("prune", "cluster")}
    assert [limit.metric for limit in recipe.steps["prune"].limits] == ["map"]
    assert len(recipe.remarks) == 2


def test_a_plan_says_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{FIRST}defaults: [ssd_mobilenet_float, _self_]\ndata: {{max_objects: 2}}\n"
    Path("recipes/mine.yaml").write_text(text.replace("ssd_mobilenet_float", "mobilenet_v1_int8"))
    Path("recipes/mine.yaml").write_text(
        f"{FIRST}defaults: [mobilenet_v1_int8, _self_]\nmodel: {{input_size: 64}}\n"
    )
    assert main(["plan", "recipe=mine", "model=resnet", "data.train=40", "data.val=8", "data.test=8"]) == 0
    assert "model.input_size=64 of the recipe was left out" in capsys.readouterr().out
