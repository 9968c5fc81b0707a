"""`tflbuild list` and `describe`, by hand on declarations made for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Ge

from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.commands import listing
from tflbuild.commands.describe import page
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.command import COMMANDS
from tflbuild.core.compiler_pass import PASSES, Pass, PassContext, compiler_pass
from tflbuild.core.hook import HOOKS, Hook, hook
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric, metric
from tflbuild.recipe import files as recipe_files


@pytest.fixture(autouse=True)
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> plugins.Loaded:
    """Declare one pass and one hook besides the two commands, know two recipes, and have one broken plugin."""
    loaded = plugins.Loaded(broken={"b.py": "it broke"}, origins={"tflbuild_plugins.a": "a.py"})
    monkeypatch.setattr(plugins, "load", lambda folder: loaded)
    monkeypatch.setattr(plugins, "default_folder", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("# @package _global_\nname: x\ndescription:  SSD: small\n")
    (tmp_path / "bare.yaml").write_text("seed: 1\n")
    monkeypatch.setattr(recipe_files, "recipe_names", lambda: ["bare", "mine"])
    monkeypatch.setattr(
        recipe_files,
        "find_recipe",
        lambda name: path if (path := tmp_path / f"{name}.yaml").exists() else None,
    )
    commands = {name: COMMANDS.get(name) for name in ("describe", "list")}
    for registry in listing.REGISTRIES.values():
        monkeypatch.setattr(registry, "_classes", {})
    monkeypatch.setattr(COMMANDS, "_classes", commands)

    @compiler_pass("polish")
    class Polish(Pass):
        """Make it shine.

        More is said here.
        """

        amount: Annotated[int, Ge(1)] = 3
        """How often it is rubbed; more shines more. [strokes]"""
        how: Literal["soft", "hard"] = "soft"
        layers: tuple[str, ...] | None = None
        more: Mapping[str, float] = field(default_factory=lambda: {"a": 0.5})

        def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
            """Give it."""
            raise NotImplementedError

    @hook("diary")
    class Diary(Hook):
        """Write it down."""

    return loaded


OURS = "passes models data tasks modalities formats runtimes analyses metrics targets hooks environments commands"
KINDS = ["recipes", *OURS.split(), "plugins"]


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[str]:
    assert main(list(words)) == code
    return capsys.readouterr().out.splitlines()


def test_each_kind_lists_what_is_declared_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "list", "passes") == ["  polish                     Make it shine."]
    assert printed(capsys, "list", "hooks") == ["  diary                      Write it down."]
    assert printed(capsys, "list", "models") == []
    assert printed(capsys, "list", "commands") == [
        "  describe                   explain a pass, a data set, an option, a recipe, ...",
        "  list                       list passes, data sets, recipes, targets, ...",
    ]
    assert printed(capsys, "list", "recipes") == [
        "  bare                       ",
        "  mine                       SSD: small",
    ]
    assert printed(capsys, "list", "plugins") == [
        "  tflbuild_plugins.a         a.py",
        "  b.py                       BROKEN: it broke",
    ]


def test_every_kind_is_listed_under_its_heading_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    headings = [line for line in printed(capsys, "list") if not line.startswith(" ")]
    assert headings == [f"{kind}:" for kind in KINDS]
    assert printed(capsys, "list", "hooks", "passes")[::2] == ["hooks:", "passes:"]


def test_the_kinds_are_the_registries_of_their_names() -> None:
    assert {kind: registry.noun for kind, registry in listing.REGISTRIES.items()} == {
        "passes": "pass",
        "models": "model",
        "data": "data set",
        "tasks": "task",
        "modalities": "modality",
        "formats": "format",
        "runtimes": "runtime",
        "analyses": "analysis",
        "metrics": "metric",
        "targets": "target",
        "hooks": "hook",
        "environments": "environment",
        "commands": "command",
    }
    assert (listing.REGISTRIES["passes"], listing.REGISTRIES["hooks"]) == (PASSES, HOOKS)
    assert listing.REGISTRIES["commands"] is COMMANDS
    assert listing.REGISTRIES["metrics"] is METRICS


@pytest.mark.parametrize(
    ("kinds", "warned"), [(["passes"], True), (["passes", "plugins"], False), ([], False)]
)
def test_broken_plugins_are_warned_of_where_they_are_not_listed(
    kinds: list[str], warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", *kinds]) == 0
    said = "warning: plugin b.py is skipped: it broke\n" if warned else ""
    assert capsys.readouterr().err == said


def test_a_kind_that_is_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "pases"]) == 2
    assert capsys.readouterr().err == (
        f"error: list: 'pases' is not one of {', '.join(KINDS)}. Did you mean 'passes'?\n"
    )


def test_a_pass_is_described_with_its_kinds_and_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "describe", "polish") == [
        "polish (pass)",
        "",
        "Make it shine.",
        "",
        "More is said here.",
        "",
        "takes   KerasModel",
        "gives   TFLiteModel",
        "options",
        "  amount = 3                     whole number, amount >= 1; strokes",
        "      How often it is rubbed; more shines more.",
        "  how = soft                     soft | hard",
        "  layers = null                  list of texts | null",
        '  more = {"a": 0.5}              mapping of names to numbers',
    ]


def test_one_option_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    page_of_amount = [
        "polish.amount: an option of the pass polish",
        "",
        "  How often it is rubbed; more shines more.",
        "",
        "  range    whole number, amount >= 1",
        "  unit     strokes",
        "  key      polish.amount                    default 3",
    ]
    assert printed(capsys, "describe", "polish.amount") == page_of_amount
    assert printed(capsys, "describe", "amount")[1:] == page_of_amount[1:]
    assert printed(capsys, "describe", "polish.how")[2] == "  (no description)"


def test_an_option_that_is_not_there_is_said_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for name, said in (
        ("polish.amuont", "polish (pass) has no option 'amuont'. Did you mean 'polish.amount'?"),
        ("polish.x", "polish (pass) has no option 'x'."),
        ("amuont", "there is nothing called 'amuont'. Did you mean 'amount'?"),
        ("worker.thread", "worker (key of a recipe) has no option 'thread'. Did you mean 'worker.threads'?"),
    ):
        assert main(["describe", name]) == 2
        assert capsys.readouterr().err.splitlines()[-1] == f"error: describe: {said}"


def test_keys_of_a_step_and_limits_are_found_by_the_step_that_has_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, "describe", "polish.on_breach")[0] == "polish.on_breach: an option of every step"
    for name in ("budget.map.max_drop", "polish.budget.map.max_drop", "budget.max_drop"):
        assert printed(capsys, "describe", name)[0] == f"{name}: an option of the key budget"
    assert printed(capsys, "describe", "seed")[0] == "seed: an option of every recipe"


def test_a_key_of_a_recipe_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "describe", "worker")
    assert lines[0] == "worker (key of a recipe)"
    assert "options (key: worker.NAME)" in lines
    assert any(line.startswith("  threads = 2 ") for line in lines)


def test_a_kind_is_described_by_what_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "describe", "passes") == ["passes:", "  polish                     Make it shine."]


def test_a_recipe_is_shown_as_it_stands_and_what_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, "describe", "bare") == ["bare (recipe), bare.yaml", "", "seed: 1", ""]
    assert main(["describe", "polsh"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "warning: plugin b.py is skipped: it broke",
        "error: describe: there is nothing called 'polsh'. Did you mean 'polish'?",
    ]
    assert main(["describe", "minee"]) == 2
    assert "Did you mean 'mine'?" in capsys.readouterr().err
    for words in ([], ["a", "b"]):
        assert main(["describe", *words]) == 2
        assert capsys.readouterr().err == "error: usage: tflbuild describe NAME\n"


def test_a_name_of_several_kinds_is_described_as_each(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "polish.yaml").write_text("seed: 2\n")
    lines = printed(capsys, "describe", "polish")
    assert [line for line in lines if line.startswith("polish (")] == [
        "polish (pass)",
        "polish (recipe), polish.yaml",
    ]


def test_a_command_is_described_with_the_words_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "describe", "describe") == [
        "describe (command)",
        "",
        "Print the page of anything declared, of a key of a recipe, of one option",
        "(`prune.sparsity`), or of a recipe.",
        "",
        "usage   tflbuild describe NAME",
    ]


def test_a_metric_is_described_with_its_unit_and_direction() -> None:
    @metric("higher")
    class Higher(AccuracyMetric):
        """More."""

        unit = "%"
        higher_is_better = True

    @metric("lower")
    class Lower(FileMetric):
        """Less."""

        unit = "bytes"
        higher_is_better = False

    limits = "limits  budget.{}.max_drop=..., see `tflbuild describe budget`"
    assert page(Higher, "metrics").splitlines()[2:] == [
        "unit    %; higher is better",
        limits.format("higher"),
    ]
    assert page(Lower, "metrics").splitlines()[2:] == [
        "unit    bytes; lower is better",
        limits.format("lower"),
    ]


@dataclass
class Bare:
    count: int


Bare.__doc__ = None


def test_what_has_no_default_is_needed_and_what_has_no_text_is_said() -> None:
    assert (
        page(Bare, "data") == "(no docstring)\n\noptions\n  count = needed                 any whole number"
    )


def test_a_pass_that_starts_a_model_takes_nothing_and_a_promise_is_shown() -> None:
    @compiler_pass("starts")
    class Starts(Pass):
        """Start."""

        promises = "zeros"

        def run(self, model: None, ctx: PassContext) -> KerasModel:
            """Give it."""
            raise NotImplementedError

    assert page(Starts, "passes").splitlines() == [
        "Start.",
        "",
        "takes   nothing: it starts a model",
        "gives   KerasModel",
        "promises zeros",
    ]
