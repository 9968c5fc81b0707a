"""The steps of a search, with a launcher that builds nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from sweep_place import Place
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep import search as searching
from tflbuild.sweep.batch import exit_code_of
from tflbuild.sweep.freeze import GridPoint
from tflbuild.sweep.grid import Combination
from tflbuild.sweep.job import JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.record import SweepRecord
from tflbuild.sweep.request import Request
from tflbuild.sweep.search import Search
from tflbuild.sweep.space import space_of
from tflbuild.sweep.study import Options, open_study

optuna = pytest.importorskip("optuna", reason="the extra optuna is not installed")


class Launcher:
    """Give each job the figures that its cost says, without building it; notes the sizes of batches."""

    def __init__(self, parallel: int = 1, status: str = "built", stop_at: int = 10**6) -> None:
        self.parallel = parallel
        self.status = status
        self.stop_at = stop_at
        self.batches: list[int] = []

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def launch(self, jobs: Any, done: Done) -> None:
        self.batches.append(len(jobs))
        if len(self.batches) > self.stop_at:
            raise KeyboardInterrupt
        for position, job in reversed(list(enumerate(jobs))):
            cost = job.mapping["prune"]["cost"]
            row = {"name": job.name, "overrides": job.differs, "status": self.status, "exit_code": 0}
            row |= {"run": job.name, "error": None, "pareto": False, "bytes": int(1000 * cost)}
            row |= {"metrics": {"score": {"value": 1 - cost, "unit": "1"}}}
            done(position, JobResult(0, row))


def search_of(here: Place, cost: str = "interval(0,0.5)", objective: str = "score", **options: Any) -> Search:
    names = tuple(objective.split(","))
    ways: list[Any] = ["maximize" if name == "score" else "minimize" for name in names]
    given = Options(**{"sampler": "random", **options})
    study, _ = open_study(given, "fake", ways, {})
    folder = here.folder / "sweep"
    folder.mkdir(exist_ok=True)
    record = SweepRecord(folder=folder, command=[], launcher="serial", launcher_options={}, entries=[])
    return Search(given, space_of(["recipe=fake", f"prune.cost={cost}"]), names, study, record)


@cache
def composed() -> Recipe:
    """Give the recipe `fake`, composed where the first test stands."""
    return load_recipe(["recipe=fake", "objective=[score,file_bytes]"])


@pytest.fixture(autouse=True)
def light(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a search without its pages, and compose its recipe once; both are tested elsewhere."""
    recipe = replace(composed(), outputs=here.folder / "outputs")

    def grid_points(combinations: list[Combination], timings: object = None) -> list[GridPoint]:
        (combination,) = combinations
        cost = {"prune": recipe.mapping["prune"] | {"cost": float(combination.differs["prune.cost"])}}
        mapping = {**recipe.mapping, **cost}
        return [GridPoint(combination=combination, recipe=replace(recipe, mapping=mapping))]

    monkeypatch.setattr(searching, "grid_points", grid_points)
    monkeypatch.setattr(
        searching, "finish", lambda record: exit_code_of({entry.row["exit_code"] for entry in record.entries})
    )


@pytest.mark.parametrize(
    ("trials", "parallel", "jobs", "batches"),
    [
        (4, 8, None, [1, 1, 1, 1]),  # a fifth of four is none: one at a time
        (12, 8, None, [2] * 6),  # at most a fifth
        (10, 8, None, [2] * 5),
        (10, 1, None, [1] * 10),  # as many as are built at once
        (5, 1, 2, [2, 2, 1]),  # as asked
    ],
)
def test_trials_are_asked_for_in_batches(
    here: Place, trials: int, parallel: int, jobs: int | None, batches: list[int]
) -> None:
    launcher = Launcher(parallel)
    made = search_of(here, n_trials=trials, n_jobs=jobs)
    assert made.run(launcher) == 0
    assert launcher.batches == batches
    assert len(made.record.entries) == trials


def test_trials_are_numbered_and_told_in_order(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    made = search_of(here, n_trials=3, n_jobs=2)
    made.run(Launcher())
    printed = capsys.readouterr().out
    assert [f"[{number}/3]" in printed for number in (0, 1, 2, 3, 4)] == [False, True, True, True, False]
    trials = made.study.get_trials()
    assert [trial.user_attrs["run"] for trial in trials] == [e.row["name"] for e in made.record.entries]
    assert [trial.values[0] for trial in trials] == pytest.approx(
        [1 - t.params["prune.cost"] for t in trials]
    )


def test_an_interrupted_search_ends_with_the_command_that_goes_on(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study that is kept goes on itself; of one that is not, the trials are built that were asked for."""
    for storage, command in (
        (None, "tflbuild rerun sweep"),
        ("sqlite:///s.db", "tflbuild -m recipe=fake 'a=[1]'"),
    ):
        made = search_of(here, n_trials=5, storage=storage)
        made.record.command[:] = ["recipe=fake", "a=[1]"]
        assert made.run(Launcher(stop_at=0)) == 130
        assert capsys.readouterr().err.splitlines()[-1] == command


def test_an_interrupted_search_exits_as_such_and_keeps_what_it_has(here: Place) -> None:
    made = search_of(here, n_trials=5)
    assert made.run(Launcher(stop_at=2)) == 130
    assert [entry.row["status"] for entry in made.record.entries] == ["built", "built", "interrupted"]
    assert [trial.state.name for trial in made.study.get_trials()] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert (made.record.folder / "optimization_results.yaml").is_file()


def test_an_interrupt_before_the_first_trial_is_one_too(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(launcher: Launcher) -> Launcher:
        raise KeyboardInterrupt

    monkeypatch.setattr(Launcher, "__enter__", interrupt)
    assert search_of(here, n_trials=5).run(Launcher()) == 130


def results(made: Search) -> Any:
    return yaml.safe_load((made.record.folder / "optimization_results.yaml").read_text())


def test_the_best_trial_is_written_as_hydra_does(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    made = search_of(here, "0.4,0.1,0.3", n_trials=8)
    made.run(Launcher())
    found = results(made)
    best = made.study.best_trials
    assert found["name"] == "optuna"
    assert found["objective"] == ["score"]
    assert found["best_evaluated_params"] == {"prune.cost": "0.1"}
    assert found["best_evaluated_value"] == 0.9
    assert [solution["run"] for solution in found["solutions"]] == [t.user_attrs["run"] for t in best]
    assert f"best: {best[0].user_attrs['run']}: score 0.9" in capsys.readouterr().out


def test_a_best_trial_that_lost_what_its_base_could_do_says_so(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    made = search_of(here, "0.4,0.1", n_trials=4)
    made.run(Launcher())
    for entry in made.record.entries:
        entry.row["base"] = {"label": "train", "metrics": {"score": {"value": 5.0, "unit": "1"}}}
        entry.row["differences"] = {"score": {"value": -4.1, "low": -4.2, "high": -4.0, "n": 9}}
    capsys.readouterr()
    made._write_results()
    said = "score 0.9; score fell by 4.100 [4.000, 4.200] since the base, more than half of its accuracy"
    assert said in capsys.readouterr().out


def test_of_two_objectives_there_is_no_one_best(here: Place) -> None:
    made = search_of(here, "0.4,0.1", "score,size", n_trials=6)
    made.run(Launcher())
    found = results(made)
    assert "best_evaluated_value" not in found
    # a cost of 0.1 is better in both
    assert {tuple(solution["values"].items()) for solution in found["solutions"]} == {
        (("score", 0.9), ("size", 100.0))
    }


def test_without_a_built_trial_there_is_no_best(here: Place, capsys: pytest.CaptureFixture[str]) -> None:
    made = search_of(here, n_trials=2)
    made.run(Launcher(status="failed"))
    assert [trial.state.name for trial in made.study.get_trials()] == ["FAIL", "FAIL"]
    assert results(made)["solutions"] == []
    assert "best: none; no trial was built within its budget" in capsys.readouterr().out


def test_a_built_trial_without_its_figure_counts_as_failed(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    made = search_of(here, "0.1,0.2", "latency", n_trials=1)
    made.run(Launcher())
    assert made.study.get_trials()[0].state.name == "FAIL"
    assert "latency: not all were measured; the trial counts as failed" in capsys.readouterr().out


@pytest.mark.parametrize(("figures", "state", "excess"), [([0.5], "COMPLETE", 0.25), (None, "PRUNED", 0.25)])
def test_a_trial_over_its_budget_is_told_with_its_excess(
    here: Place, monkeypatch: pytest.MonkeyPatch, figures: Any, state: str, excess: float
) -> None:
    monkeypatch.setattr(searching, "read_report", lambda path: {"path": path})
    monkeypatch.setattr(searching, "figures_at_gate", lambda report, objective: figures)
    monkeypatch.setattr(searching, "excess_of", lambda report: excess)
    made = search_of(here, n_trials=1)
    made.run(Launcher(status="over_budget"))
    (trial,) = made.study.get_trials()
    assert (trial.state.name, trial.constraints["budget"]) == (state, excess)
    assert trial.values == figures


def test_a_built_trial_is_told_to_be_within_its_budget(here: Place) -> None:
    made = search_of(here, n_trials=1)
    made.run(Launcher())
    assert made.study.get_trials()[0].constraints == {"budget": 0.0}


def test_names_that_were_tried_are_numbered_whatever_their_case(here: Place) -> None:
    made = search_of(here, "0.1,0.1", n_trials=3)
    made.run(Launcher())
    assert [entry.row["name"] for entry in made.record.entries] == [
        "prune.cost=0.1",
        "prune.cost=0.1-2",
        "prune.cost=0.1-3",
    ]


def request(*overrides: str, **options: Any) -> Request:
    return Request(
        overrides=["recipe=fake", *overrides], launcher="joblib", sweeper="optuna", sweeper_options=options
    )


def test_a_search_says_what_it_aims_at_and_writes_down_what_was_typed(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher: Any = Launcher()
    searching.run_search(request("prune.cost=interval(0,0.5)", n_trials=1), launcher, ["as", "typed"])
    assert "search: 1 trials to maximize score, minimize file_bytes" in capsys.readouterr().out
    (folder,) = (here.folder / "outputs" / "fake").glob("sweep-*")
    record = searching.read_record(folder)
    assert (record.command, record.launcher) == (["as", "typed"], "joblib")


def test_a_continued_search_says_what_is_done(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study, _ = open_study(Options(), "fake", ["maximize", "minimize"], {})
    existed = iter([False, True, True])
    monkeypatch.setattr(searching, "open_study", lambda *given: (study, next(existed)))
    batches = []
    for code, stop_at in ((130, 2), (0, 9), (0, 9)):
        launcher: Any = Launcher(stop_at=stop_at)
        given = request("prune.cost=interval(0,0.5)", n_trials=4)
        assert searching.run_search(given, launcher, []) == code
        batches.append(launcher.batches)
        if code == 130:
            assert "continuing" not in capsys.readouterr().out
    assert batches == [[1, 1, 1], [1, 1], []]
    printed = capsys.readouterr().out
    assert "continuing: 2 trials are done, 1 were interrupted and are built again" in printed
    assert "continuing: 4 trials are done, 0 were interrupted and are built again" in printed
    (folder,) = (here.folder / "outputs" / "fake").glob("sweep-*")
    assert len(searching.read_record(folder).entries) == 4


@pytest.mark.parametrize("seeds", [(1, 2), (1,)])
def test_a_search_over_seeds_is_refused(monkeypatch: pytest.MonkeyPatch, seeds: tuple[int, ...]) -> None:
    def grid_points(combinations: list[Combination], timings: object = None) -> list[GridPoint]:
        (corner,) = combinations
        recipe: Any = SimpleNamespace()
        return [GridPoint(combination=corner.with_seed(seed), recipe=recipe) for seed in seeds]

    monkeypatch.setattr(searching, "grid_points", grid_points)
    with pytest.raises(RecipeError, match="seeds: a search builds every trial once"):
        searching._first_point(space_of(["recipe=fake", "prune.cost=0.1,0.2"]))


def test_what_is_wrong_with_the_first_point_is_the_searchs_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = RecipeError("wrong")
    monkeypatch.setattr(
        searching, "grid_points", lambda points: [GridPoint(combination=points[0], error=wrong)]
    )
    with pytest.raises(RecipeError, match=r"^wrong$"):
        searching._first_point(space_of(["recipe=fake", "prune.cost=0.1,0.2"]))


def test_a_folder_that_is_gone_is_made_anew(here: Place, tmp_path: Path) -> None:
    study, _ = open_study(Options(), "fake", ["maximize"], {})
    study.set_user_attr("tflbuild_folder", str(tmp_path / "gone"))
    recipe: Any = SimpleNamespace(name="fake", outputs=tmp_path / "outputs")
    record = searching._record_of(study, recipe, request(), ["typed"])
    assert record.folder.parent == tmp_path / "outputs" / "fake"
    assert study.user_attrs["tflbuild_folder"] == str(record.folder)
    assert (record.command, record.entries) == (["typed"], [])
