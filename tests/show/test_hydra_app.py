"""What only Hydra's own application gives: how it is called, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from tflbuild import plugins
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import compose
from tflbuild.recipe.declared_source import PRIMARY
from tflbuild.show import hydra_app
from tflbuild.show.hydra_app import run_hydra

WORDS = ["--cfg", "job", "recipe=r"]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], dict[str, Any]]:
    """Let Hydra end in a way that is chosen, and tell how it was called."""
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(plugins, "load", lambda folder: plugins.Loaded())
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    seen: dict[str, Any] = {}
    monkeypatch.setattr(compose, "register", lambda: None)
    monkeypatch.setattr(compose, "compose", lambda words: {})

    def choose(end: BaseException | None) -> dict[str, Any]:
        def main(**options: Any) -> Any:
            def decorate(function: Any) -> Any:
                def run() -> None:
                    seen.update(options, argv=sys.argv, full=os.environ.get("HYDRA_FULL_ERROR"))
                    if end is not None:
                        raise end

                return run

            return decorate

        monkeypatch.setattr(hydra_app.hydra, "main", main)
        return seen

    return choose


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, 0), (SystemExit(0), 0), (SystemExit(3), 3), (SystemExit("it is wrong"), 2), (SystemExit(), 2)],
)
def test_it_ends_as_hydra_does(
    end: BaseException | None, code: int, ending: Callable[[BaseException | None], dict[str, Any]]
) -> None:
    seen = ending(end)
    assert run_hydra(WORDS) == code
    assert seen["argv"] == ["tflbuild", *WORDS]
    assert seen["full"] == "1", "errors are raised, not printed"
    assert (seen["config_path"], seen["config_name"]) == (None, PRIMARY)
    assert "HYDRA_FULL_ERROR" not in os.environ


@pytest.mark.parametrize("kind", [HydraException, OmegaConfBaseException, ValueError, AssertionError])
def test_what_hydra_says_is_one_sentence(
    kind: type[Exception], ending: Callable[[BaseException | None], dict[str, Any]]
) -> None:
    ending(kind("it\n  is \x1b wrong"))
    with pytest.raises(RecipeError, match=r"^it is \\x1b wrong$"):
        run_hydra(WORDS)
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_a_list_of_what_there_is_may_be_long(
    ending: Callable[[BaseException | None], dict[str, Any]],
) -> None:
    ending(ValueError("x" * 999))
    with pytest.raises(RecipeError, match=r"^x{999}$"):
        run_hydra(WORDS)


@pytest.mark.parametrize(
    "word", ["hydra.run.dir=x", "+hydra.job.name=x", "hydra/launcher=joblib", "~hydra.sweep=1"]
)
def test_settings_of_hydra_itself_are_refused(
    word: str, ending: Callable[[BaseException | None], dict[str, Any]]
) -> None:
    seen = ending(None)
    with pytest.raises(RecipeError) as refused:
        run_hydra([*WORDS, word])
    assert str(refused.value) == f"{word}: Hydra's own settings cannot be set here; remove it."
    assert seen == {}


@pytest.mark.parametrize("word", ["model=null", "target=[null]", "hooks=[[1]]", "passes@x=1"])
def test_what_chooses_nothing_is_refused_before_hydra_sees_it(
    word: str, ending: Callable[[BaseException | None], dict[str, Any]]
) -> None:
    seen = ending(None)
    with pytest.raises(RecipeError, match="is not a choice; there are"):
        run_hydra([*WORDS, word])
    assert seen == {}


def test_what_hydra_prints_is_shown_without_what_a_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch,
    ending: Callable[[BaseException | None], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ending(None)
    monkeypatch.setattr(
        hydra_app.hydra,
        "main",
        lambda **options: lambda show: lambda: sys.stdout.write("a\u202eb\n  c: \x1b[2J\n"),
    )
    assert run_hydra(WORDS) == 0
    assert capsys.readouterr().out == "a\\u202eb\n  c: \\x1b[2J\n"


@pytest.mark.parametrize("flags", [["--resolve"], ["--package=x"], ["-p", "x"]])
def test_interpolations_are_bounded_before_hydra_follows_them(
    flags: list[str],
    ending: Callable[[BaseException | None], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(words: list[str]) -> Any:
        raise RecipeError(f"too much in {words}")

    seen = ending(None)
    monkeypatch.setattr(compose, "compose", refuse)
    assert run_hydra(WORDS) == 0
    seen.clear()
    with pytest.raises(RecipeError, match=r"^too much in \['recipe=r'\]$"):
        run_hydra([*WORDS, *flags])
    assert seen == {}


@pytest.mark.parametrize("word", ["query=hydra.x=", "-x=hydra.y", "hydrant.size=1", "a=hydra.run"])
def test_words_that_only_look_like_settings_of_hydra_are_handed_on(
    word: str, ending: Callable[[BaseException | None], dict[str, Any]]
) -> None:
    seen = ending(None)
    assert run_hydra([*WORDS, word]) == 0
    assert seen["argv"][-1] == word


def test_limits_of_several_targets_are_shown_as_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    listed = "[{max: 500KB, on: cpu}, {max: 400KB, on: ethos_u55}]"
    Path("recipes/mine.yaml").write_text(
        f"# @package _global_\ndefaults: [int8, /target: [ethos_u55], _self_]\nbudget:\n  size: {listed}\n"
    )
    words = ["recipe=mine", "model.path=a.tflite", "budget.latency.max=5", "budget.latency.on=cpu"]
    assert run_hydra(["--cfg", "job", *words]) == 0
    shown = yaml.safe_load(capsys.readouterr().out.replace("'on'", "where"))
    assert shown["budget"]["size"] == [
        {"max": "500KB", "where": "cpu"},
        {"max": "400KB", "where": "ethos_u55"},
    ]
    assert shown["budget"]["latency"] == {"max": 5, "where": "cpu"}
