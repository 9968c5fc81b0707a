"""The command line where nothing is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflbuild import plugins, recipe_files
from tflbuild.cli import main
from tflbuild.core.compiler_pass import PASSES
from tflbuild.data.fashion_mnist import FashionMnist
from tflbuild.recipe import load_recipe
from tflbuild.sweep import expand


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})


@pytest.mark.parametrize("recipe", recipe_files.recipe_names())
def test_every_shipped_recipe_can_be_planned(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_recipe([f"recipe={recipe}"]).data
    if isinstance(data, FashionMnist) and not Path(data.root).is_dir():
        pytest.skip("needs Fashion-MNIST: apt-get install dataset-fashion-mnist")
    assert main(["plan", f"recipe={recipe}"]) == 0
    assert "never run before" in capsys.readouterr().out
    assert not Path("outputs").exists(), "plan writes nothing"


FRAMEWORKS = (
    "tensorflow",
    "tf_keras",
    "tensorflow_model_optimization",
    "ai_edge_litert",
    "litert_quantizer",
    "mlflow",
)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["describe", "prune"], ["plan", "recipe=ssd_mobilenet_int8"], ["--version"]],
)
def test_no_framework_is_imported_where_nothing_is_built(arguments: list[str]) -> None:
    code = f"""
import sys
from tflbuild.cli import main
assert main({arguments!r}) == 0
loaded = [name for name in {FRAMEWORKS!r} if name in sys.modules]
assert not loaded, loaded
if {arguments!r} in (["--help"], ["--version"]):
    assert "hydra" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_overriding_steps_replaces_epochs_and_the_other_way_round() -> None:
    steps = load_recipe(["recipe=ssd_mobilenet_int8", "train.steps=10"]).steps["train"].options
    assert (steps.steps, steps.epochs) == (10, None)  # type: ignore[attr-defined]
    Path("recipes").mkdir()
    for name, parent, line in (
        ("long", "ssd_mobilenet_int8", "{epochs: 3}"),
        ("short", "long", "{steps: 5}"),
    ):
        text = f"# @package _global_\ndefaults: [{parent}, _self_]\ntrain: {line}\n"
        Path(f"recipes/{name}.yaml").write_text(text)
    nearest = load_recipe(["recipe=short"]).steps["train"].options
    assert (nearest.steps, nearest.epochs) == (5, None)  # type: ignore[attr-defined]
    typed = load_recipe(["recipe=short", "train.epochs=2"]).steps["train"].options
    assert (typed.steps, typed.epochs) == (None, 2)  # type: ignore[attr-defined]


def test_a_recipe_extends_another_and_replaces_a_group() -> None:
    Path("recipes").mkdir()
    Path("recipes/mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - ssd_mobilenet_int8\n  - _self_\n  - override /data: coco\n"
        "data: {root: somewhere}\nprune: {sparsity: 0.7}\nbudget: {map: {max_drop: null}}\n"
    )
    recipe = load_recipe(["recipe=mine"])
    assert type(recipe.data).name == "coco"
    assert recipe.steps["prune"].options.sparsity == 0.7  # type: ignore[attr-defined]
    assert recipe.limits == (), "null removes an inherited limit"
    assert recipe.steps["prune"].limits, "the parent's budget of a step is inherited"


def test_a_users_recipe_shadows_the_shipped_one_and_config_dir_adds_more(tmp_path: Path) -> None:
    for folder in ("recipes", "more"):
        Path(folder).mkdir()
    text = "# @package _global_\ndefaults: [ssd_mobilenet_int8, _self_]\nseed: 7\n"
    Path("recipes/ssd_mobilenet_dynamic.yaml").write_text(text)
    Path("more/theirs.yaml").write_text(text.replace("7", "8"))
    assert load_recipe(["recipe=ssd_mobilenet_dynamic"]).seed == 7
    assert main(["--config-dir", "more", "plan", "recipe=theirs"]) == 0


@pytest.fixture(autouse=True)
def no_config_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLBUILD_CONFIG_DIR", "")


def test_any_limit_can_be_set_by_itself() -> None:
    recipe = load_recipe(["recipe=ssd_mobilenet_int8", "quantize.budget.map50.max_relative_drop=0.1"])
    forms = {(limit.metric, limit.form): limit.bound for limit in recipe.steps["quantize"].limits}
    assert forms[("map50", "max_relative_drop")] == 0.1
    assert ("map", "max_drop") in forms


def test_a_pass_is_added_behind_another(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["plan", "recipe=ssd_mobilenet_int8", "+passes@again=prune", "again.after=[prune]"]
    assert main([*arguments, "again.sparsity=0.8"]) == 0
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert lines[:5] == ["train", "prune", "again", "convert", "quantize"]


def test_a_disabled_pass_is_listed_as_unused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "recipe=ssd_mobilenet_int8", "prune.enabled=false"]) == 0
    assert "unused   prune.enabled is false" in capsys.readouterr().out


def test_a_grid_is_expanded_as_hydra_does() -> None:
    jobs = expand(["recipe=ssd_mobilenet_int8", "prune.sparsity=0.5,0.8", "model.input_size=96,128"])
    assert [job.name for job in jobs] == [
        "prune.sparsity=0.5,model.input_size=96",
        "prune.sparsity=0.5,model.input_size=128",
        "prune.sparsity=0.8,model.input_size=96",
        "prune.sparsity=0.8,model.input_size=128",
    ]
    assert jobs[0].overrides == ["recipe=ssd_mobilenet_int8", "prune.sparsity=0.5", "model.input_size=96"]


def test_lists_and_recipes_sweep_too() -> None:
    jobs = expand(
        ["recipe=ssd_mobilenet_int8,ssd_mobilenet_qat", "pipeline=[train,convert],[train,prune,convert]"]
    )
    assert len(jobs) == 4
    assert jobs[3].differs == {"recipe": "ssd_mobilenet_qat", "pipeline": "[train,prune,convert]"}


def test_every_pass_has_a_page_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    plugins.load(None)
    for name in PASSES:
        if PASSES.get(name).__module__.startswith("tflbuild."):
            assert main(["describe", name]) == 0
            printed = capsys.readouterr().out
            assert "(no docstring)" not in printed
            assert "gives" in printed


def test_a_new_plugin_can_be_described_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["new", "polish"]) == 0
    monkeypatch.setattr(plugins, "_loaded", {})
    assert main(["describe", "polish"]) == 0
    assert "zeros" in capsys.readouterr().out


def test_hydra_prints_the_recipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tflbuild", "--cfg", "job", "recipe=ssd_mobilenet_int8", "seed=3"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "seed: 3" in printed
    assert "sparsity: 0.5" in printed


ODD = [
    "",
    "=",
    "--",
    "-",
    "~",
    "@",
    "123",
    "[",
    "{",
    "x" * 10_000,
    "\x1b]0;owned\x07",
    "\udcff\udcfe",
    "a\nb",
    "null",
]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["plan"],
        ["list"],
        ["describe"],
        ["predict", "x"],
        ["report"],
        ["verify"],
        ["compare", "x"],
        ["rerun"],
        ["bisect", "metric=map"],
        ["reproduce"],
        ["cache"],
        ["new"],
        ["--config-dir"],
        ["--cfg"],
        ["--cfg", "job"],
        ["-m"],
    ],
)
def test_odd_words_are_refused_in_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for odd in ODD:
        assert main([*words, odd]) == 2, (words, odd)
        said = capsys.readouterr().err
        assert said.startswith(("error: ", "usage: ")), (words, odd)
        assert "Traceback" not in said
        assert "\x1b" not in said


@pytest.mark.parametrize(
    "name", ["class", "__init__", "test_me", "conftest", "a" * 61, "1a", "a-b", "é", "../x"]
)
def test_a_plugin_needs_a_name_that_can_be_found_again(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 2
    assert "is no name for a pass" in capsys.readouterr().err
    assert not Path("plugins").exists()


def test_a_plugin_that_ends_the_process_is_not_an_end_that_is_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(*given: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr("tflbuild.commands.listing._listing", leave)
    assert main(["list"]) == 70
    assert "SystemExit" in capsys.readouterr().err
