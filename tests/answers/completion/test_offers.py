"""What is offered on TAB, by the line up to the cursor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.answers.completion.line import Line
from tflbuild.answers.completion.offers import offers
from tflbuild.cli import main
from tflbuild.core.command import COMMANDS
from tflbuild.core.flags import FLAGS
from tflbuild.recipe.files import recipe_names

R = "recipe=ssd_mobilenet_int8"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a run, a sweep with a job, and a recipe of one's own."""
    for name in ("a/2026-01-01_00-00-00", "a/sweep-2026-01-01_00-00-00/x=1"):
        folder = tmp_path / "outputs" / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text("{}")
    (tmp_path / "outputs/a/sweep-2026-01-01_00-00-00/sweep.json").write_text("{}")
    (tmp_path / "outputs/a/latest").symlink_to("2026-01-01_00-00-00")
    (tmp_path / "outputs/store").mkdir()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/own.yaml").write_text(f"defaults: [{R.partition('=')[2]}, _self_]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})
    return tmp_path


def offered(text: str) -> list[str]:
    return offers(Line.of(f"tflbuild {text}"))


LINES = [
    ("plan re", ("plan",), "re"),
    ("recipe='a b' x", ("recipe=a b",), "x"),
    ("recipe=a\\ b '+pass", ("recipe=a b",), "+pass"),
    ('"a\\"b" ', ('a"b',), ""),
]


@pytest.mark.parametrize(("text", "words", "word"), LINES)
def test_a_line_is_read_as_a_shell_would(text: str, words: tuple[str, ...], word: str) -> None:
    assert Line.of(f"tflbuild {text}") == Line(words, word)


def test_a_first_word_is_a_command_or_a_recipe() -> None:
    ours = {name for name, cls in COMMANDS.items() if cls.__module__.startswith("tflbuild.")}
    assert set(offered("")) >= ours | {"recipe="}
    assert offered("rep") == ["report", "reproduce"]
    assert offered(f"{R} rep") == []


def test_flags_are_offered_but_those_that_do_nothing() -> None:
    usable = {name for flag in FLAGS if not flag.refused for name in flag.names}
    assert set(offered("-")) == usable
    assert "--experimental-rerun" not in offered("--exp")
    assert set(offered("plan -")) >= {"-m", "--config-dir"}
    assert "--cfg" not in offered("report --")


OFFERED = [
    ("recipe=own", []),
    ("recipe=ow", ["recipe=own"]),
    ("--cfg ", ["all", "hydra", "job"]),
    ("--config-name ow", ["own"]),
    ("-sc inst", ["install=bash", "install=fish", "install=zsh"]),
    ("report ", ["outputs/a/2026-01-01_00-00-00", "outputs/a/latest", "outputs/a/sweep-2026-01-01_00-00-00"]),
    ("report outputs/a/sweep-2026-01-01_00-00-00/", ["outputs/a/sweep-2026-01-01_00-00-00/x=1"]),
    ("compare outputs/a/la", ["outputs/a/latest"]),
    ("diagnose outputs/a/latest ba", ["base="]),
    ("cache ", ["gc", "info", "verify"]),
    ("describe ssd_mobilenet_int8", []),
    ("describe ssd_mobilenet_int1", ["ssd_mobilenet_int16x8"]),
    ("help pla", ["plan"]),
    ("-m hydra/launcher=su", [f"hydra/launcher=submitit{end}" for end in ("", "_local", "_slurm")]),
    ("-m hydra/sw", ["hydra/sweeper=basic", "hydra/sweeper=optuna"]),
    ("-m hydra/launcher=joblib hydra.launcher.", ["hydra.launcher.n_jobs="]),
    ("-m hydra/sweeper=optuna hydra.sweeper.sampler=n", ["hydra.sweeper.sampler=nsgaii"]),
    ("hydra/l", []),
    (f"{R} prune.spar", ["prune.sparsity="]),
    (f"{R} pru", ["prune."]),
    ("recipe=own prune.spar", ["prune.sparsity="]),
    ("recipe=recipes/own.yaml prune.spar", ["prune.sparsity="]),
    (f"plan -m {R} prune.schedule=po", ["prune.schedule=polynomial"]),
    (f"-m {R} prune.schedule=constant,po", ["prune.schedule=constant,polynomial"]),
    (f"{R} 'prune.schedule=po", ["prune.schedule=polynomial"]),
    (f"{R} prune.enabled=", ["prune.enabled=false", "prune.enabled=true"]),
    (f"{R} prune.sparsity=", ["prune.sparsity=0.5"]),
    (f"{R} prune.budget.map.max_d", ["prune.budget.map.max_drop="]),
    (f"{R} device=", ["device=cpu", "device=gpu"]),
    (f"{R} data=vo", ["data=voc"]),
    (f"{R} target=[cpu,ethos_u5", ["target=[cpu,ethos_u55"]),
    (f"{R} target.cpu.thr", ["target.cpu.threads="]),
    (f"{R} +passes@again=pru", ["+passes@again=prune", "+passes@again=prune_channels"]),
    (f"{R} ~pru", ["~prune"]),
    (f"{R} pipeline=[train,pru", ["pipeline=[train,prune"]),
    (f"{R} objective=map5", ["objective=map50"]),
    (f"{R} worker.thr", ["worker.threads="]),
    (f"{R} nonsense=1 prune.spar", ["prune.sparsity="]),
    ("recipe=gone prune.", []),
]


@pytest.mark.parametrize(("text", "wanted"), OFFERED, ids=[text for text, _ in OFFERED])
def test_what_may_follow_is_offered(text: str, wanted: list[str]) -> None:
    found = offered(text)
    if text.endswith("sweep-2026-01-01_00-00-00/"):
        assert found == wanted
    else:
        assert [name for name in found if not name.startswith("hydra/launcher=basic")] == wanted


def test_every_recipe_is_offered() -> None:
    assert offered("recipe=") == [f"recipe={name}" for name in recipe_names()]


def test_the_answer_is_a_word_a_line_and_ends_at_the_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", "tflbuild repo recipe=x")
    monkeypatch.setenv("COMP_POINT", str(len("tflbuild repr")))
    assert main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out.split() == ["report"]


def test_what_is_broken_is_no_answer_and_no_error(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "recipes/own.yaml").write_text("defaults: [\n")
    monkeypatch.setenv("COMP_LINE", "tflbuild recipe=own prune.")
    assert main(["-sc", "query=zsh"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


@pytest.mark.parametrize("text", ["p", "recipe=s", "--", "report ", "-m hydra/launcher="])
def test_hydra_is_imported_for_keys_alone(text: str) -> None:
    code = f"""
import sys
from tflbuild.answers.completion.line import Line
from tflbuild.answers.completion.offers import offers
assert offers(Line.of({f"tflbuild {text}"!r}))
assert not [name for name in ("hydra", "numpy", "tensorflow", "yaml") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
