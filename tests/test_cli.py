"""The command line where nothing is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import keras_files
from tflbuild import cli, plugins
from tflbuild.cli import main
from tflbuild.commands.listing import REGISTRIES
from tflbuild.core.command import COMMANDS
from tflbuild.core.errors import BudgetExceeded, Drift, PassError, RecipeError
from tflbuild.core.flags import FLAGS
from tflbuild.data.fashion_mnist import FashionMnist
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep import expand


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Keep what would be done instead of doing it."""
    done: list[tuple[str, list[str]]] = []

    def doing(name: str, code: int) -> Any:
        return lambda words: done.append((name, words)) or code

    monkeypatch.setattr(cli, "_build", doing("build", 11))
    monkeypatch.setattr("tflbuild.sweep.run_sweep", doing("sweep", 12))
    monkeypatch.setattr(
        "tflbuild.answers.answer",
        lambda given: doing("answer", 13)([*(f"{k}={v}" for k, v in given.flags.items()), *given.words]),
    )
    monkeypatch.setattr(
        COMMANDS, "get", lambda name: SimpleNamespace(run=doing(name, 14), prints=False, usage="")
    )
    monkeypatch.setattr(plugins, "load", lambda folder: plugins.Loaded(broken={"b.py": "it broke"}))
    monkeypatch.setenv("TFLBUILD_CONFIG_DIR", "")  # so that what a command sets is taken back
    monkeypatch.delenv("TFLBUILD_CONFIG_DIR")
    return done


WORDS = [
    (["recipe=r", "a=1"], 11, ("build", ["recipe=r", "a=1"])),
    (["+a=1"], 11, ("build", ["+a=1"])),
    (["~a"], 11, ("build", ["~a"])),
    (["recipe=r", "a"], 11, ("build", ["recipe=r", "a"])),
    (["recipe=r", "--locked"], 11, ("build", ["recipe=r", "locked=true"])),
    (["--time-passes", "recipe=r"], 11, ("build", ["time_passes=true", "recipe=r"])),
    (["recipe=r", "--tensorboard"], 11, ("build", ["recipe=r", "tensorboard=true"])),
    (["recipe=r", "--keep-intermediate"], 11, ("build", ["recipe=r", "keep_intermediate=true"])),
    (["-m", "recipe=r", "a=1,2"], 12, ("sweep", ["recipe=r", "a=1,2"])),
    (["recipe=r", "--multirun"], 12, ("sweep", ["recipe=r"])),
    (["--cfg", "job", "recipe=r"], 13, ("answer", ["--cfg=job", "recipe=r"])),
    (["recipe=r", "-c", "job", "-p", "x"], 13, ("answer", ["--cfg=job", "--package=x", "recipe=r"])),
    (["--info=all"], 13, ("answer", ["--info=all"])),
    (["-sc", "x=1"], 13, ("answer", ["--shell-completion=", "x=1"])),
    (["--hydra-help"], 13, ("answer", ["--hydra-help="])),
    (["-cn", "r", "-c", "job"], 13, ("answer", ["--config-name=r", "--cfg=job", "recipe=r"])),
    (["-cn", "r", "a=1"], 11, ("build", ["recipe=r", "a=1"])),
    (["-r", "recipe=r"], 11, ("build", ["recipe=r"])),
    (["-m", "plan", "recipe=r"], 14, ("plan", ["-m", "recipe=r"])),
    (["plan", "-m", "recipe=r"], 14, ("plan", ["-m", "recipe=r"])),
    (["plan", "recipe=r", "--locked"], 14, ("plan", ["recipe=r", "locked=true"])),
    (["new", "name", "--verbose"], 14, ("new", ["name"])),
]


@pytest.mark.parametrize(("words", "code", "wanted"), WORDS, ids=[" ".join(row[0]) for row in WORDS])
def test_words_become_a_build_a_sweep_a_command_or_hydras_own(
    words: list[str], code: int, wanted: tuple[str, list[str]], called: list[tuple[str, list[str]]]
) -> None:
    assert cli.main(words) == code
    assert called == [wanted]


def test_a_sweep_warns_of_plugins_that_are_left_out(
    called: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["-m", "recipe=r"]) == 12
    assert capsys.readouterr().err == "warning: plugin b.py is skipped: it broke\n"


REFUSED = [
    (["plann"], "'plann' is neither a command (bisect, cache, "),
    (["plann"], ") nor KEY=VALUE. Did you mean 'plan'?"),
    (["recipe=r", "--lock"], "'--lock' is not an option of tflbuild; see tflbuild --help."),
    (["-x"], "'-x' is not an option of tflbuild; see tflbuild --help."),
    (["--config-dir"], "--config-dir: its value is missing; write --config-dir DIR."),
    (["--config-dir="], "--config-dir: its value is missing; write --config-dir DIR."),
    (["recipe=r", "-cd", "gone"], "--config-dir: 'gone' is not a folder."),
    (["--config-dir", "."], "nothing to do; see tflbuild --help."),
    (["--verbose", "recipe=r", "-y"], "'-y' is not an option of tflbuild"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_words_that_are_none_are_refused(
    words: list[str],
    message: str,
    called: list[tuple[str, list[str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(words) == 2
    assert message in capsys.readouterr().err
    assert called == []


@pytest.mark.parametrize("words", [["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "~/mine"]])
@pytest.mark.parametrize("before", [True, False])
def test_further_recipes_are_told_to_whatever_runs(
    words: list[str],
    before: bool,
    called: list[tuple[str, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    given = [*words, "recipe=r"] if before else ["recipe=r", *words]
    assert cli.main(given) == 11
    assert called == [("build", ["recipe=r"])]
    assert os.environ["TFLBUILD_CONFIG_DIR"] == str(tmp_path / "mine")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["recipe=r", "--help"]])
def test_help_names_every_command_and_flag(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    text = capsys.readouterr().out
    usual = [name for flag in FLAGS if flag.usual_help for name in flag.names]
    for name in (*COMMANDS, *usual, "-m", "--config-dir", "--cfg", "--verbose", "--version"):
        assert name in text, name
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    "words", [["plan", "--help"], ["--help", "plan"], ["help", "plan"], ["plan", "x", "-h"]]
)
def test_a_command_has_a_page_of_its_own(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    assert capsys.readouterr().out.startswith("plan (command)\n")


COMMAND = """
from tflbuild.core.command import command


@command("count", "count words", usage="WORD ...")
def count(words: list[str]) -> int:
    print(len(words))
    return 3
"""


def helped(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Give what help says of each command, by its name; what is on several lines as one."""
    assert cli.main(["--help"]) == 0
    commands = capsys.readouterr().out.split("\n\n")[2]
    entries = re.sub(r"\n {3,}", " ", commands).splitlines()
    return {entry.split()[0]: " ".join(entry.split()) for entry in entries}


def test_help_says_of_each_command_what_it_is_and_takes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = helped(capsys)
    for name, declared in COMMANDS.items():
        assert lines[name] == " ".join(f"{name} {declared.usage} {declared.summary}".split())


def test_a_command_of_a_plugin_is_listed_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("plugins").mkdir()
    Path("plugins/mine.py").write_text(COMMAND)
    assert helped(capsys)["count"] == "count WORD ... count words"
    try:
        assert cli.main(["count", "a", "b"]) == 3
        assert capsys.readouterr().out == "2\n"
    finally:
        COMMANDS.remove_module("tflbuild_plugins.mine")


def test_help_imports_neither_a_command_nor_a_plugin(tmp_path: Path) -> None:
    Path("plugins").mkdir()
    Path("plugins/broken.py").write_text(f"{COMMAND}\nraise AssertionError('not to be imported')\n")
    code = """
import sys
from tflbuild.cli import main
assert main(["--help"]) == 0
print(*[name for name in sys.modules if name.startswith(("tflbuild.commands.", "tflbuild_plugins"))], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "  count WORD ..." in done.stdout
    assert done.stderr == "\n"


def test_help_lists_no_command_that_would_not_be_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("plugins").mkdir()
    for name in ("_mine", "test_mine", "conftest"):
        Path(f"plugins/{name}.py").write_text(COMMAND)
    assert "count" not in helped(capsys)
    Path("plugins/mine.py").write_text(COMMAND)
    monkeypatch.setenv(plugins.OFF_SWITCH, "1")
    assert "count" not in helped(capsys)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from tflbuild import __version__

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tflbuild {__version__}\n"


ENDS: list[tuple[BaseException, int, str]] = [
    (RecipeError("a"), 2, "error: a\n"),
    (PassError("a"), 4, "error: a\n"),
    (BudgetExceeded("a"), 5, "error: a\n"),
    (Drift("a"), 7, "error: a\n"),
    (KeyboardInterrupt(), 130, "interrupted\n"),
]


@pytest.mark.parametrize(("error", "code", "said"), ENDS)
def test_each_end_has_its_code_and_sentence(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def end(words: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "_answer", end)
    assert cli.main(["recipe=r"]) == code
    assert capsys.readouterr().err == said
    if code != 130:
        assert cli.main(["--verbose", "recipe=r"]) == code
        told = capsys.readouterr().err
        assert told.startswith("Traceback (most recent call last):")
        assert told.endswith(said)


@pytest.mark.parametrize(
    ("words", "code", "end"),
    [
        ([], 0, 4),
        (["--help"], 0, 4),
        (["-h"], 0, 4),
        (["list"], 0, 4),
        (["compare", "a", "b"], 0, 4),
        (["recipe=r"], 0, 0),
        (["recipe=r", "--cfg", "job"], 0, 4),
        (["new", "x"], 0, 0),
        (["verify", "x"], 0, 0),
        (["list"], 2, 2),
        (["recipe=r"], 5, 5),
    ],
)
def test_what_was_printed_and_lost_is_an_error_where_it_was_all_there_is(
    words: list[str],
    code: int,
    end: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "unwritten", lambda: "No space left")
    assert cli._written(words, code) == end
    assert capsys.readouterr().err == (
        "warning: the standard output cannot be written: No space left; the output is lost\n"
    )
    monkeypatch.setattr(cli, "unwritten", lambda: "")
    assert cli._written(words, code) == code
    assert capsys.readouterr().err == ""


class Recipe:
    def __init__(self, *seeds: int) -> None:
        self.seeds = seeds


@pytest.mark.parametrize(("seeds", "code"), [((), 6), ((0,), 12), ((0, 1), 12)])
def test_seeds_make_a_sweep_of_a_build(
    seeds: tuple[int, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tflbuild.recipe.load.load_recipe", lambda words: Recipe(*seeds))
    monkeypatch.setattr("tflbuild.commands.build.build", lambda recipe, command: 6)
    monkeypatch.setattr("tflbuild.sweep.run_sweep", lambda words: 12 if words == ["recipe=r"] else 0)
    monkeypatch.setattr(plugins, "load", lambda folder: plugins.Loaded(broken={"b.py": "it broke"}))
    assert cli.main(["recipe=r"]) == code
    assert "b.py" in capsys.readouterr().err


def test_the_recipe_is_said_before_anything_heavy_and_the_command_goes_along(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is said is there when the recipe is composed; what is quoted can be typed again."""
    said: list[str] = []

    def load(words: list[str]) -> Recipe:
        said.append(capsys.readouterr().out)
        return Recipe()

    def build(recipe: Recipe, command: str) -> int:
        said.append(command)
        return 0

    monkeypatch.delenv("TFLBUILD_CONFIG_DIR", raising=False)
    monkeypatch.setattr("tflbuild.recipe.load.load_recipe", load)
    monkeypatch.setattr("tflbuild.commands.build.build", build)
    assert cli.main(["recipe=mine\x1b", "target=[a,b]", "--tensorboard"]) == 0
    words = "'recipe=mine\x1b' 'target=[a,b]' tensorboard=true"
    assert said == ["recipe   mine\\x1b\n", f"tflbuild {words}"]
    said.clear()
    assert cli.main(["--config-dir", str(tmp_path), "seed=1"]) == 0
    assert said == ["", f"tflbuild --config-dir={tmp_path} seed=1"]


def test_the_first_line_imports_nothing_heavy() -> None:
    code = (
        "import sys; import tflbuild.cli;"
        "heavy = ('hydra', 'omegaconf', 'rich', 'numpy', 'tensorflow', 'yaml');"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


OWN = ("channels_int8", "dynamic", "float16", "int16x8", "int8", "pruned_int8", "qat_int8")
"""Recipes of the user's own model and data."""


def own() -> list[str]:
    """Write a classifier and eight pictures of two classes; gives what points a recipe at them."""
    keras_files.h5(Path("own.h5"), keras_files.dense())
    for number in range(8):
        picture = Path(f"own/{'cat' if number % 2 else 'dog'}/{number}.png")
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (31 * number, 0, 0)).save(picture)
    return ["model.path=own.h5", "data.root=own"]


@pytest.mark.parametrize("recipe", OWN)
def test_a_recipe_of_the_users_own_model_asks_for_it(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", f"recipe={recipe}"]) == 2
    assert capsys.readouterr().err == (
        "error: model.path: required; set model.path=FILE to a .tflite, .onnx, .pt2, .h5 or .keras file, or to a "
        "SavedModel folder\n"
    )


@pytest.mark.parametrize("recipe", recipe_files.recipe_names())
def test_every_shipped_recipe_can_be_planned(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"recipe={recipe}", *(own() if recipe in OWN else ())]
    data = load_recipe(words).data
    if isinstance(data, FashionMnist) and not Path(data.root).is_dir():
        pytest.skip("needs Fashion-MNIST: apt-get install dataset-fashion-mnist")
    assert main(["plan", *words]) == 0
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


def test_every_name_that_is_declared_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    plugins.load(None)
    for kind, registry in REGISTRIES.items():
        for name in registry:
            if registry.get(name).__module__.startswith("tflbuild."):
                assert main(["describe", name]) == 0, (kind, name)
                printed = capsys.readouterr().out
                assert f"{name} ({registry.noun})" in printed
                assert "(no docstring)" not in printed
                assert kind != "passes" or "gives" in printed


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
    assert "is not a name for a pass" in capsys.readouterr().err
    assert not Path("plugins").exists()


def test_a_plugin_that_ends_the_process_is_not_an_end_that_is_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(*given: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr("tflbuild.commands.listing.listing_of", leave)
    assert main(["list"]) == 70
    assert "SystemExit" in capsys.readouterr().err
