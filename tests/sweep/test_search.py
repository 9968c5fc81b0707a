"""Searches with Optuna, as a user types them, with fake passes."""

from __future__ import annotations

import json
import re
import signal
from typing import Any

import pytest
import yaml

from sweep_place import Place
from tflbuild.cli import main
from visiting import newest, rows, statuses

optuna = pytest.importorskip("optuna", reason="the extra optuna is not installed")

STORAGE = "hydra.sweeper.storage=sqlite:///search.db"


def words(*more: str, trials: int = 4, objective: str = "score", cost: str = "interval(0,0.04)") -> list[str]:
    sweeper = ["hydra/sweeper=optuna", f"hydra.sweeper.n_trials={trials}"]
    return ["-m", "recipe=fake", f"prune.cost={cost}", f"objective=[{objective}]", *sweeper, *more]


def results(here: Place) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((newest(here) / "optimization_results.yaml").read_text())
    return content


def figures(here: Place) -> dict[str, tuple[float, float]]:
    return {
        name: (row["metrics"]["score"]["value"], row["metrics"]["file_bytes"]["value"])
        for name, row in rows(here).items()
        if row["status"] == "built"
    }


def trials_of(name: str = "fake") -> list[Any]:
    found: list[Any] = optuna.load_study(study_name=name, storage="sqlite:///search.db").get_trials()
    return found


def test_a_search_finds_the_best_and_shows_every_trial(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words()) == 0
    found = figures(here)
    assert len(found) == 4
    best = max(found, key=lambda name: found[name][0])
    assert results(here)["solutions"] == [
        {
            "params": {"prune.cost": best.partition("=")[2]},
            "values": {"score": pytest.approx(found[best][0])},
            "run": best,
        }
    ]
    assert results(here)["best_evaluated_value"] == pytest.approx(found[best][0])
    printed = capsys.readouterr().out
    assert "search: 4 trials to maximize score" in printed
    assert f"best: {best}: score " in printed
    assert "[4/4] prune.cost=" in printed
    for name in ("summary.json", "summary.csv", "summary.html"):
        assert (newest(here) / name).is_file()


@pytest.mark.slow
def test_the_same_search_again_asks_the_same_and_runs_nothing(here: Place) -> None:
    assert main(words()) == 0
    first, ran = list(rows(here)), here.log.read_text()
    assert main(words()) == 0
    assert list(rows(here)) == first
    assert here.log.read_text() == ran
    assert main(words("hydra.sweeper.seed=1")) == 0
    assert list(rows(here)) != first


@pytest.mark.slow
def test_two_objectives_give_the_pareto_front(here: Place) -> None:
    assert main(words("quantize.size=range(10,100,10)", objective="score,file_bytes", trials=6)) == 0
    found = figures(here)

    def dominated(one: tuple[float, float]) -> bool:
        return any(o != one and o[0] >= one[0] and o[1] <= one[1] for o in found.values())

    front = {name for name, one in found.items() if not dominated(one)}
    assert {solution["run"] for solution in results(here)["solutions"]} == front
    assert 1 <= len(front) < 6


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii"])
def test_trials_over_their_budget_are_infeasible_and_the_search_goes_on(here: Place, sampler: str) -> None:
    # the recipe's gate behind prune allows a drop of 0.05
    assert main(words(f"hydra/sweeper/sampler={sampler}", STORAGE, cost="interval(0,0.1)", trials=6)) == 5
    assert set(statuses(here).values()) == {"built", "over_budget"}
    for trial in trials_of():
        cost = trial.params["prune.cost"]
        assert trial.state.name == "COMPLETE"
        assert trial.constraints["budget"] == pytest.approx(max(0.0, (cost - 0.05) / 0.05), abs=1e-5)
        assert trial.values == [pytest.approx(0.9 - cost)]
    best = max(figures(here).values())
    assert [s["values"]["score"] for s in results(here)["solutions"]] == [pytest.approx(best[0])]


@pytest.mark.slow
def test_a_gate_that_lacks_a_figure_prunes_the_trial(here: Place) -> None:
    assert main(words(STORAGE, cost="0.01,0.2", objective="file_bytes", trials=6)) == 5
    states = {trial.params["prune.cost"]: trial.state.name for trial in trials_of()}
    assert states == {"0.01": "COMPLETE", "0.2": "PRUNED"}


@pytest.mark.slow
def test_failing_and_invalid_trials_are_told_as_failed(here: Place) -> None:
    space = ["bad.how=well,raise", "data.train=10,-1"]
    assert main(words(STORAGE, "hydra.sweeper.seed=3", *space, trials=5)) == 4
    how = {"built": "COMPLETE", "failed": "FAIL", "invalid": "FAIL"}
    assert [trial.state.name for trial in trials_of()] == [how[status] for status in statuses(here).values()]
    assert set(statuses(here).values()) == set(how)


@pytest.mark.slow
def test_a_combination_that_is_tried_twice_gets_two_folders(here: Place) -> None:
    assert main(words(cost="0.01,0.02", trials=5)) == 0
    names = list(rows(here))
    assert len(set(names)) == 5
    assert "prune.cost=0.01-2" in names
    assert len(here.ran()) == 2


@pytest.mark.slow
def test_a_search_is_continued_as_if_it_had_not_ended(here: Place) -> None:
    assert main(words(trials=4)) == 0
    whole = list(rows(here))
    assert main(words(STORAGE, trials=2)) == 0
    part = newest(here)
    assert main(words(STORAGE, trials=4)) == 0
    assert newest(here) == part
    assert list(rows(here)) == whole
    assert json.loads((part / "sweep.json").read_text())["command"][0] == "recipe=fake"
    ran = here.log.read_text()
    assert main(words(STORAGE, trials=4)) == 0
    assert list(rows(here)) == whole
    assert here.log.read_text() == ran


@pytest.mark.slow
@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_is_ended_continues_with_the_trial_that_it_was_at(
    here: Place, signalled: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = ["wait.file=go", "wait.below=0.87", "hydra.sweeper.seed=1"]  # the second trial scores 0.861
    (here.folder / "go").touch()
    assert main(words(*waits, trials=3)) == 0
    whole = list(rows(here))
    (here.folder / "go").unlink()
    search = here.start(*words(*waits, STORAGE, "store.path=other", trials=3))
    here.wait_until(lambda: here.printed().count("wait: started") == 2)
    search.send_signal(signalled)
    assert search.wait(120) in (130, -signal.SIGKILL)
    assert [name for name, status in statuses(here).items() if status == "built"] == whole[:1]
    (here.folder / "go").touch()
    assert main(words(*waits, STORAGE, "store.path=other", trials=3)) == 0
    assert "continuing: 1 trials are done, 1 were interrupted and are built again" in capsys.readouterr().out
    assert list(rows(here)) == whole
    assert set(statuses(here).values()) == {"built"}


@pytest.mark.slow
def test_a_study_of_another_search_is_refused(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(STORAGE, trials=1)) == 0
    for other in (["bad.how=raise"], ["quantize.size=50,60"], ["objective=[file_bytes]"]):
        assert main(words(STORAGE, *other, trials=2)) == 2
        assert "the study 'fake' in sqlite:///search.db was a search with another" in capsys.readouterr().err
    assert main(words(STORAGE, "hydra.sweeper.study_name=second", "bad.how=well", trials=1)) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["objective=[]"], "objective: a search needs an objective"),
        (["objective=[scor]"], "objective: 'scor' is not a metric for fake.*Did you mean 'score'"),
        (["seeds=[1,2]"], "seeds: a search builds every trial once"),
        (["hydra.sweeper.n_trails=3"], "hydra.sweeper.n_trails: .*Did you mean 'n_trials'"),
        (["hydra.sweeper.sampler=tpes"], "hydra.sweeper.sampler: 'tpes' is not one of tpe, random"),
        (["hydra.sweeper.storage=nonsense"], "hydra.sweeper.storage: nonsense cannot be opened"),
        (["prune.cots=1"], "prune.cots"),
        (["data.train=-1"], "the train split of 'fake_data' is empty"),
    ],
)
def test_what_is_wrong_with_a_search_is_said_before_it_starts(
    here: Place, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(*more)) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (here.folder / "outputs" / "fake").exists()
