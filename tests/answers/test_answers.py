"""Flags of Hydra as a person types them: each does what Hydra's would, or says in a sentence why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.core.flags import FLAGS

RECIPE = "recipe=ssd_mobilenet_float"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setenv("TFLBUILD_CONFIG_DIR", "")


SAID: list[tuple[list[str], int, str]] = [
    (["--help"], 0, "tflbuild: compile models for on-device TensorFlow Lite"),
    ([RECIPE, "-h"], 0, "tflbuild: compile models"),
    (["plan", "--help"], 0, "plan (command)"),
    (["--hydra-help"], 0, "What each flag of Hydra 1.3 does in tflbuild"),
    ([RECIPE, "--version"], 0, "tflbuild "),
    (["--run", "plan", RECIPE], 0, "never run before"),
    (["plan", "--multirun", RECIPE, "seed=1,2"], 0, "2 jobs, "),
    (["--shell-completion", "install=zsh"], 0, "compdef _tflbuild_complete tflbuild"),
    (["-sc", "uninstall=fish"], 0, "functions -e __tflbuild_complete"),
    (["-sc"], 2, "--shell-completion: write -sc install=SHELL or"),
    (["-sc", "install=tcsh"], 2, "there is no completion for 'tcsh'; there are bash, zsh, fish."),
    (["--config-path", "conf", "plan", "recipe=mine"], 0, "never run before"),
    (["-cp", "gone", RECIPE], 2, "--config-path: 'gone' is not a folder."),
    (["--config-dir", "conf", "plan", "recipe=mine"], 0, "never run before"),
    (["--config-dir", "conf", "--cfg", "job", "-p", "seed", "--config-name", "mine"], 0, "7"),
    (["--experimental-rerun", "x.pickle"], 2, "'tflbuild rerun RUN' builds a run again"),
    (["--cfg", "job", RECIPE], 0, "label_smoothing: "),
    (["-c", "hydra", RECIPE], 0, "launcher:\n    name: serial"),
    (
        ["-c", "all", RECIPE, "hydra/launcher=joblib", "hydra.launcher.n_jobs=3"],
        0,
        "name: joblib\n    n_jobs: 3",
    ),
    (["-c", "job", RECIPE, "hydra.run.dir=x"], 2, "Hydra's own settings cannot be set here"),
    (["-c", "hydra", RECIPE, "hydra/launcher=jobib"], 2, "there is no launcher 'jobib'"),
    (["-c", "job", "-p", "train", RECIPE], 0, "# @package train\n"),
    (
        ["-c", "job", "-p", "trai", RECIPE],
        2,
        "--package trai: there is no such key in this recipe. Did you mean 't",
    ),
    (["-c", "job", "--resolve", "-p", "store", RECIPE], 0, "path: null"),
    (["-c", "job"], 2, "recipe: which? e.g. recipe="),
    (["-c", "job", "recipe=conf/mine.yaml", "-p", "seed"], 0, "7"),
    (["--info", "defaults", RECIPE], 0, "passes/train"),
    (
        ["--info", "defaults-tree", RECIPE],
        0,
        "  recipe: ssd_mobilenet_float:\n    model: ssd_mobilenet_v1\n",
    ),
    (["--info", "config", RECIPE], 0, "defaults-tree:"),
    (["--info", "plugins"], 0, "launchers: basic, joblib, "),
    (["--info", "searchpath", "recipe=conf/mine.yaml"], 0, "conf\nrecipes (is not there)\n"),
    (["--info", RECIPE], 0, "hydra-core 1."),
    (["--info", "defaults"], 2, "--info defaults needs a recipe; add recipe=NAME."),
    (["--info", "defaults", "recipe=ssd_mobilnet_int8"], 2, "Did you mean 'ssd_mobilenet_int8'?"),
]


@pytest.mark.parametrize(("words", "code", "said"), SAID, ids=[" ".join(words) for words, _, _ in SAID])
def test_a_flag_does_what_hydra_would_or_says_why_not(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("conf").mkdir()
    Path("conf/mine.yaml").write_text("defaults: [ssd_mobilenet_float, _self_]\nseed: 7\n")
    assert main(words) == code
    printed = capsys.readouterr()
    assert said in (printed.err if code else printed.out)
    if code:
        assert printed.err.startswith("error: ")
        assert printed.err.count("\n") == 1, "one sentence"
        assert printed.out == ""
    assert "Traceback" not in printed.err


def test_every_flag_of_hydra_is_tried_above() -> None:
    tried = {word for words, _, _ in SAID for word in words}
    missing = [flag.name for flag in FLAGS if flag.of_hydra and not tried & set(flag.names)]
    assert missing == []


def test_what_is_printed_of_the_recipe_and_of_hydra_is_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cfg", "all", RECIPE, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=4"]) == 0
    content = yaml.safe_load(capsys.readouterr().out)
    assert content["hydra"]["sweeper"]["name"] == "optuna"
    assert content["hydra"]["sweeper"]["n_trials"] == 4
    assert content["hydra"]["sweeper"]["sampler"] == "tpe"
    assert content["hydra"]["sweep"]["dir"].startswith("outputs/ssd_mobilenet_float/sweep-")
    assert content["train"]["pass"] == "train"


def test_the_defaults_say_who_named_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--info", "defaults", RECIPE]) == 0
    rows = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["file", "under key", "named by"]
    assert ["passes/train", "train", "recipe/ssd_mobilenet_float"] in rows


MEANT = [
    (
        ["ssd_mobilenet_int8"],
        "'ssd_mobilenet_int8' is not a command. Did you mean 'recipe=ssd_mobilenet_int8'?",
    ),
    (
        ["ssd_mobilnet_int8"],
        "'ssd_mobilnet_int8' is not a command. Did you mean 'recipe=ssd_mobilenet_int8'?",
    ),
    (["conf/mine.yaml"], "'conf/mine.yaml' is not a command. Did you mean 'recipe=conf/mine.yaml'?"),
    (["plan", "int8"], "int8: cannot be read as KEY=VALUE. Did you mean 'recipe=int8'?"),
    (["-m", "int8"], "'int8' is not a command. Did you mean 'recipe=int8'?"),
    (["best.onnx"], "'best.onnx' is not a command. Did you mean 'recipe=int8 model.path=best.onnx'?"),
    (["plann", RECIPE], "nor KEY=VALUE. Did you mean 'plan'?"),
    (
        ["plan", "--cfg", "job"],
        "--cfg: it is not a flag here; KEY=VALUE is read, and what tflbuild --help names.",
    ),
]


@pytest.mark.parametrize(("words", "said"), MEANT, ids=[" ".join(words) for words, _ in MEANT])
def test_a_word_that_is_none_is_answered_with_what_was_meant(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("conf").mkdir()
    Path("conf/mine.yaml").write_text("defaults: [ssd_mobilenet_int8, _self_]\n")
    Path("best.onnx").touch()
    assert main(words) == 2
    assert said in capsys.readouterr().err
