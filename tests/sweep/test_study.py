"""The study behind a search, kept in memory or in a file."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.recipe.validation import typed
from tflbuild.sweep.study import (
    Options,
    ask_again,
    check_sampler,
    counted,
    names_in,
    open_study,
    sampler_of,
)

optuna = pytest.importorskip("optuna", reason="the extra optuna is not installed")
SPACE = {"x": optuna.distributions.FloatDistribution(0, 1)}


def opened(options: Options = Options(), search: Any = None, name: str = "r") -> tuple[Any, bool]:  # noqa: B008
    return open_study(options, name, ["maximize", "minimize"], search or {"space": "x"})


def test_a_study_knows_its_directions_and_its_name() -> None:
    study, existed = opened()
    assert (study.study_name, existed) == ("r", False)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert opened(Options(study_name="mine"))[0].study_name == "mine"


def test_a_stored_study_is_opened_again_for_the_same_search_only() -> None:
    storage: Any = optuna.storages.InMemoryStorage()  # a database takes seconds to make
    options = Options(storage=storage)
    assert opened(options)[1] is False
    assert opened(options)[1] is True
    with pytest.raises(
        RecipeError, match=r"study_name: the study 'r' in .* was a search with another recipe"
    ):
        opened(options, {"space": "y"})
    assert opened(options, {"space": "y"}, "s")[1] is False


def test_trials_count_once_they_have_ended() -> None:
    study, _ = opened()
    ended, failed, running = (study.ask(SPACE) for _ in range(3))
    for name, trial in (("a", ended), ("b", failed), ("c", running)):
        trial.set_user_attr("run", name)
    study.tell(ended, [1.0, 2.0])
    study.tell(failed, state=optuna.trial.TrialState.FAIL)
    assert [trial.number for trial in counted(study)] == [0, 1]
    assert names_in(study) == ["a", "b", "c"]


def test_trials_that_were_cut_short_are_asked_again_and_do_not_count() -> None:
    study, _ = opened()
    done, *cut = (study.ask(SPACE) for _ in range(3))
    for number, trial in enumerate((done, *cut)):
        trial.set_user_attr("run", f"trial{number}")
    study.tell(done, [1.0, 2.0])
    assert ask_again(study) == 2
    assert [trial.number for trial in counted(study)] == [0]
    assert names_in(study) == ["trial0"]
    assert [study.ask(SPACE).params for _ in range(2)] == [trial.params for trial in cut]
    assert ask_again(study) == 2, "the second attempts are cut short, too"
    assert len(counted(study)) == 1
    assert ask_again(opened()[0]) == 0


def first(options: Options, position: int) -> Any:
    study = optuna.create_study()
    study.sampler = sampler_of(options, position)
    return study.ask(SPACE).params["x"]


def test_every_trial_is_drawn_by_its_seed_and_position() -> None:
    options = Options(sampler="random")
    drawn = [first(options, position) for position in range(4)]
    assert len(set(drawn)) == 4
    assert [first(options, position) for position in range(4)] == drawn
    assert first(Options(sampler="random", seed=1), 0) not in drawn


@pytest.mark.parametrize(
    ("name", "kind"), [("tpe", "TPESampler"), ("random", "RandomSampler"), ("nsgaii", "NSGAIISampler")]
)
def test_a_sampler_is_the_one_that_was_named(name: Any, kind: str) -> None:
    assert type(sampler_of(Options(sampler=name), 0)).__name__ == kind
    check_sampler(Options(sampler=name), 3)


def test_cmaes_needs_its_library_and_one_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    with pytest.raises(MissingTool, match=r"hydra\.sweeper\.sampler=cmaes"):
        check_sampler(Options(sampler="cmaes"), 1)
    monkeypatch.setattr(toolchain, "version", lambda tool: "1.0")
    check_sampler(Options(sampler="cmaes"), 1)
    with pytest.raises(RecipeError, match="cmaes knows one objective only"):
        check_sampler(Options(sampler="cmaes"), 2)


def test_what_a_search_does_that_says_nothing() -> None:
    assert Options() == Options(
        n_trials=20, n_jobs=None, seed=0, sampler="tpe", storage=None, study_name=None
    )


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("n_trials", 0, 1),
        ("n_trials", 1_000_001, 1_000_000),
        ("n_jobs", 0, 1),
        ("n_jobs", 10_001, 10_000),
        ("seed", -1, 0),
    ],
)
def test_numbers_that_make_no_sense_are_refused(name: str, wrong: int, right: int) -> None:
    with pytest.raises(RecipeError, match=rf"hydra\.sweeper\.{name}: {wrong}"):
        typed(Options, {name: wrong}, "hydra.sweeper")
    assert getattr(typed(Options, {name: right}, "hydra.sweeper"), name) == right
