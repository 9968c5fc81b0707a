"""Hooks as the user meets them: found, listed, chosen, typed; and whole builds in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.core import toolchain
from tflbuild.core.hook import Unmade
from tflbuild.hooks.tracking import connect, quietly
from tflbuild.recipe.load import load_recipe, recipe_of

R = "recipe=ssd_mobilenet_float"

DIARY = """
    from pathlib import Path
    from typing import Literal

    from tflbuild import Hook, hook

    @hook("diary")
    class Diary(Hook):
        \"\"\"Write down what happens.\"\"\"
        path: str = "diary.txt"
        style: Literal["short", "long"] = "short"

        def before_build(self, recipe, folder):
            import sys
            assert "tensorflow" not in sys.modules
            assert "mlflow" not in sys.modules

        def after_pass(self, step):
            self.write(f"{step['label']} {step['outcome']}")

        def on_failure(self, failure):
            self.write(f"{failure['label']} ended with {failure['exit_code']}")

        def after_build(self, report, folder):
            self.write(f"{report['status']} {(folder / 'report.json').is_file()}")

        def write(self, text):
            with Path(self.path).open("a") as file:
                file.write(text + "\\n")

    @hook("other")
    class Other(Hook):
        \"\"\"Do nothing.\"\"\"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every command in a folder of its own, with one plugin, found afresh."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})
    plugin("diary", DIARY)
    for name in ("TFLBUILD_STORE", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def plugin(name: str, text: str) -> None:
    Path("plugins").mkdir(exist_ok=True)
    Path(f"plugins/{name}.py").write_text(textwrap.dedent(text))


def recipe_file(name: str, *lines: str, extends: str = "ssd_mobilenet_float") -> None:
    Path("recipes").mkdir(exist_ok=True)
    defaults = "\n".join(["defaults:", f"  - {extends}", *(f"  - {line}" for line in lines)])
    Path(f"recipes/{name}.yaml").write_text(f"# @package _global_\n{defaults}\n")


def chosen(*words: str) -> dict[str, object]:
    return {name: getattr(hook, "path", None) for name, hook in load_recipe(words).hooks.items()}


def ends(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return code, printed.err.strip()


def test_hooks_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "hooks"]) == 0
    listed = capsys.readouterr().out
    assert "mlflow" in listed
    assert "Write down what happens." in listed
    assert main(["describe", "diary"]) == 0
    described = capsys.readouterr().out
    assert "diary (hook)" in described
    assert "style = short                  short | long" in described


def test_hooks_are_chosen_and_set_like_every_other_option() -> None:
    assert chosen(R) == {}
    assert chosen(R, "hooks=[diary]") == {"diary": "diary.txt"}
    assert chosen(R, "hooks=[diary]", "hooks.diary.path=x") == {"diary": "x"}
    assert list(chosen(R, "hooks=[other,diary]")) == ["other", "diary"]
    assert list(chosen(R, "hooks=[diary,other]")) == ["diary", "other"]


@pytest.mark.parametrize(
    "lines",
    [["/hooks: [diary]", "_self_"], ["_self_", "override /hooks: [diary]"]],
    ids=["chosen", "overridden"],
)
def test_a_recipe_chooses_hooks_that_the_command_line_replaces(lines: list[str]) -> None:
    recipe_file("mine", *lines)
    with Path("recipes/mine.yaml").open("a") as file:
        file.write("hooks: {diary: {path: from_recipe}}\n")
    assert chosen("recipe=mine") == {"diary": "from_recipe"}
    assert chosen("recipe=mine", "hooks.diary.path=x") == {"diary": "x"}
    assert chosen("recipe=mine", "hooks=[other]") == {"other": None}
    assert chosen("recipe=mine", "hooks=[]") == {}


def test_options_of_a_hook_that_nobody_chose_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    recipe_file("mine", "_self_")
    with Path("recipes/mine.yaml").open("a") as file:
        file.write("hooks: {dairy: {path: x}}\n")
    code, error = ends(["plan", "recipe=mine"], capsys)
    assert code == 2
    assert "hooks.dairy: this hook is not chosen; add '- /hooks: [dairy]' to the recipe's defaults" in error
    assert "Did you mean 'diary'?" in error


def test_a_recipe_replaces_the_hooks_of_the_one_it_extends() -> None:
    recipe_file("parent", "/hooks: [other]", "_self_")
    recipe_file("child", "_self_", "override /hooks: [diary]", extends="parent")
    assert list(chosen("recipe=parent")) == ["other"]
    assert list(chosen("recipe=child")) == ["diary"]


def test_a_frozen_recipe_keeps_its_hooks() -> None:
    recipe = load_recipe([R, "hooks=[other,diary]", "hooks.diary.path=x"])
    again = recipe_of(json.loads(json.dumps(recipe.mapping)), list(recipe.overrides), recipe.plugins)
    assert again.hooks == recipe.hooks
    assert list(again.hooks) == ["other", "diary"]


@pytest.mark.parametrize(
    ("overrides", "messages"),
    [
        (["hooks=[dairy]"], ["hooks=[dairy]: there is no hook 'dairy'", "Did you mean 'diary'?"]),
        (["hooks=[diary]", "hooks.diary.style=x"], ["hooks.diary.style: 'x' is not one of short, long"]),
        (["hooks=[diary]", "hooks.diary.pth=x"], ["hooks.diary.pth", "Did you mean 'hooks.diary.path'?"]),
        (["hooks=[diary]", "+hooks.diary.pth=x"], ["hooks.diary.pth", "there are path, style"]),
        (["hooks.diary.path=x"], ["hooks.diary.path: the hook 'diary' is not chosen; add hooks=[diary]"]),
        (["hooks=[mlflow]", "hooks.mlflow.log_model=maybe"], ["hooks.mlflow.log_model: 'maybe'"]),
    ],
)
def test_a_wrong_hook_is_one_clear_sentence(
    overrides: list[str], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = ends(["plan", R, *overrides], capsys)
    assert code == 2, error
    for message in messages:
        assert message in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'mine'; raise ValueError('no luck')", "hook 'mine' is declared by a plugin that cannot be loaded"),
        ("'mine'; raise SystemExit(0)", "SystemExit: 0"),
        (
            """
            from tflbuild import Hook, hook
            @hook("mine")
            class Mine(Hook):
                def after_pas(self, step): ...
            """,
            "Did you mean 'after_pass'?",
        ),
        (
            """
            from tflbuild import Hook, hook
            @hook("mlflow")
            class Mine(Hook): "mine"
            """,
            "a name that tflbuild.hooks.mlflow has taken",
        ),
    ],
    ids=["raises", "exits", "misspelt", "taken"],
)
def test_a_broken_hook_matters_only_where_it_is_chosen(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("broken", text)
    assert main(["plan", R]) == 0
    assert "warning: plugin" in capsys.readouterr().out
    name = "mlflow" if "taken" in message else "mine"
    code, error = ends(["plan", R, f"hooks=[{name}]"], capsys)
    assert code == 3, error
    assert message in error
    recipe_file("mine", f"/hooks: [{name}]", "_self_")
    code, error = ends(["plan", "recipe=mine"], capsys)
    assert code == 3, error


def test_a_missing_tool_is_said_when_planning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = toolchain.version
    monkeypatch.setattr(toolchain, "version", lambda tool: None if tool == "mlflow" else installed(tool))
    code, error = ends(["plan", R, "hooks=[mlflow]"], capsys)
    assert code == 6
    assert "hook 'mlflow' needs mlflow, which is not installed: pip install \"tflbuild[mlflow]\"" in error


POST_INIT = """
    from tflbuild import Hook, hook
    @hook("mine")
    class Mine(Hook):
        port: int = 0
        def __post_init__(self):
            if self.port > 9:
                raise ValueError("must be below 10")
            if self.port:
                raise SystemExit("no way")
"""


def test_options_are_refused_by_a_value_error(capsys: pytest.CaptureFixture[str]) -> None:
    plugin("mine", POST_INIT)
    code, error = ends(["plan", R, "hooks=[mine]", "hooks.mine.port=10"], capsys)
    assert code == 2
    assert "hooks.mine: " in error
    assert "must be below 10" in error


def test_what_else_a_hook_raises_is_for_the_build_to_say() -> None:
    plugin("mine", POST_INIT)
    made = load_recipe([R, "hooks=[mine]", "hooks.mine.port=1"]).hooks["mine"]
    assert isinstance(made, Unmade)
    assert isinstance(made.error, SystemExit)


TINY = """
    from tflbuild import Meaning, Pass, PassContext, TFLiteModel, compiler_pass

    @compiler_pass("tiny")
    class Tiny(Pass):
        \"\"\"A classifier of 8x8 pixels that was never trained.\"\"\"
        def run(self, model: None, ctx: PassContext) -> TFLiteModel:
            from tflbuild.tflite.tiny import dense_classifier
            facts = Meaning.of_image(
                task="classification", height=8, width=8, labels=("cat", "dog"), preprocess=dict(ctx.preprocess)
            )
            return ctx.emit(TFLiteModel, dense_classifier(), facts=facts.to_json())
"""
RECIPE = """\
# @package _global_
defaults: [{/model: mobilenet_v1}, {/data: image_folder}, {/target: [cpu]}, {/passes@tiny: tiny}, _self_]
pipeline: [tiny]
data: {root: images}
"""


@pytest.fixture
def tiny() -> None:
    """Write a recipe that is built in two seconds, without TensorFlow."""
    plugin("tiny", TINY)
    Path("recipes").mkdir()
    Path("recipes/tiny.yaml").write_text(RECIPE)
    pixels = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
    for name, images in (("cat", pixels[:10]), ("dog", pixels[10:])):
        Path("images", name).mkdir(parents=True)
        for position, image in enumerate(images):
            Image.fromarray(image).save(f"images/{name}/{position}.png")


def tflbuild(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflbuild", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_hook_of_the_users_own_watches_a_build() -> None:
    plain = tflbuild("recipe=tiny")
    assert plain.returncode == 0, plain.stderr
    first = Path("outputs/tiny/latest").resolve()
    hooked = tflbuild("recipe=tiny", "hooks=[diary]", "hooks.diary.style=long")
    assert hooked.returncode == 0, hooked.stderr
    assert Path("diary.txt").read_text() == "tiny cached\nbuilt True\n", "a hook is in no action key"
    second = Path("outputs/tiny/latest").resolve()
    assert second != first
    assert (second / "model.tflite").read_bytes() == (first / "model.tflite").read_bytes()
    over = tflbuild("recipe=tiny", "hooks=[diary]", "tiny.budget.top1.min=1.1")
    assert over.returncode == 5
    assert Path("diary.txt").read_text().splitlines()[2:] == [
        "tiny cached",
        "tiny ended with 5",
        "over_budget True",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_hook_that_raises_does_not_change_how_a_build_ends() -> None:
    plugin(
        "bad",
        """
        from tflbuild import Hook, hook
        @hook("bad")
        class Bad(Hook):
            def after_pass(self, step):
                raise SystemExit(9)
        """,
    )
    ended = tflbuild("recipe=tiny", "hooks=[bad,diary]")
    assert ended.returncode == 0, ended.stderr
    place = "plugins/bad.py:6, in after_pass: raise SystemExit(9)"
    said = f"hook 'bad' raised SystemExit: 9 in after_pass and is not called again ({place})"
    assert f"warning: {said}" in ended.stdout
    assert json.loads(Path("outputs/tiny/latest/report.json").read_text())["warnings"] == [said]
    assert Path("diary.txt").read_text() == "tiny ran\nbuilt True\n"
    assert "bad.py" in Path("outputs/tiny/latest/log.txt").read_text(), "where it was raised is in the log"


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_sweep_is_logged_to_mlflow_by_job() -> None:
    pytest.importorskip("mlflow")
    words = ["-m", "recipe=tiny", "seed=0,1", "hooks=[mlflow]", "hooks.mlflow.tracking_uri=sqlite:///runs.db"]
    swept = tflbuild(*words)
    assert swept.returncode == 0, swept.stderr
    assert swept.stderr == ""
    assert "mlflow" not in swept.stdout.lower()
    with quietly():
        client, experiment = connect(f"sqlite:///{Path('runs.db').resolve()}", "tiny")
    everything = client.search_runs([experiment])
    (parent,) = [run for run in everything if run.info.run_name.startswith("sweep-")]
    found = [run for run in everything if run is not parent]
    assert sorted(run.info.run_name for run in found) == ["seed=0", "seed=1"]
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.info.status for run in found} == {"FINISHED"}
    (sweep,) = {run.data.tags["tflbuild.sweep"] for run in found}
    assert Path("outputs/tiny", sweep, "summary.json").is_file()
    assert {run.data.params["seed"] for run in found} == {"0", "1"}
    for run in found:
        report = json.loads(Path("outputs/tiny", sweep, run.info.run_name, "report.json").read_text())
        assert run.data.metrics["cpu.top1"] == report["targets"][0]["metrics"]["top1"]["value"]
        kept = client.download_artifacts(run.info.run_id, "model.tflite", ".")
        assert Path(kept).stat().st_size == report["targets"][0]["bytes"]
