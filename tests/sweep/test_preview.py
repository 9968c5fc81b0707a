"""`tflbuild plan -m`: what a sweep would build."""

from __future__ import annotations

import pytest

from sweep_place import Place
from tflbuild.cli import main
from tflbuild.sweep.freeze import MOST_SHOWN, GridPoint, invalid_lines
from tflbuild.sweep.grid import Combination
from tflbuild.sweep.preview import _lines

Out = pytest.CaptureFixture[str]


def lines(out: Out) -> list[str]:
    return [line.strip() for line in out.readouterr().out.splitlines()]


def test_a_plan_of_a_sweep_names_its_jobs_and_what_they_share(here: Place, capsys: Out) -> None:
    assert main(["plan", "-m", "recipe=fake", "prune.cost=0.01,0.02"]) == 0
    found = lines(capsys)
    assert found[:2] == ["2 jobs, 13 distinct passes, 13 to run", "1  prune.cost=0.01"]
    assert found[2].startswith("train: to run; prune: to run; convert: to run;")
    assert "2  prune.cost=0.02" in found
    assert any(line.startswith("train: shared with job 1; prune: to run;") for line in found)
    assert found[-1] == (
        "not counted, since they have never run here: bad, convert, edit, prune, quantize, train, wait"
    )
    assert not (here.folder / "outputs").exists(), "a plan writes nothing"


def test_an_invalid_job_is_named_with_its_reason_and_is_the_exit_code(here: Place, capsys: Out) -> None:
    assert main(["plan", "-m", "recipe=fake", "prune.cost=0.01,lots"]) == 2
    found = lines(capsys)
    assert found[0] == "2 jobs, 7 distinct passes, 7 to run; 1 invalid"
    position = found.index("2  prune.cost=lots")
    assert found[position + 1].startswith("invalid: prune.cost: 'lots' should be a valid number")


def test_reasons_are_all_said_where_no_job_is_valid(here: Place, capsys: Out) -> None:
    assert main(["plan", "-m", "recipe=fake", "prune.cost=lots,many"]) == 2
    printed = capsys.readouterr()
    assert "invalid: prune.cost=lots: prune.cost: 'lots'" in printed.out
    assert "invalid: prune.cost=many: prune.cost: 'many'" in printed.out
    assert printed.err.startswith("error: no job of the sweep is valid: prune.cost: 'lots'")
    assert main(["plan", "-m", "recipe=fake", "nonsense=1,2"]) == 2
    assert capsys.readouterr().out == "", "one reason is said once"


def test_seeds_make_a_sweep_of_a_plan_and_one_is_a_list_of_one(here: Place, capsys: Out) -> None:
    assert main(["plan", "recipe=fake", "seeds=[0,1]"]) == 0
    assert lines(capsys)[0].startswith("2 jobs, ")
    assert main(["plan", "recipe=fake", "seeds=3"]) == 0
    assert lines(capsys)[1] == "1  seed=3"


def test_a_launcher_that_is_none_is_refused_before(here: Place, capsys: Out) -> None:
    assert main(["plan", "-m", "recipe=fake", "hydra/launcher=jobib"]) == 2
    assert "there is no launcher 'jobib'" in capsys.readouterr().err


def test_a_plan_of_a_search_says_what_is_searched_and_its_first_point(here: Place, capsys: Out) -> None:
    pytest.importorskip("optuna")
    words = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=8", "objective=score"]
    assert main(["plan", "-m", "recipe=fake", "prune.cost=interval(0.01,0.2)", *words]) == 0
    found = lines(capsys)
    assert found[:2] == ["search (tpe): 8 trials to maximize score", "prune.cost=interval(0.01,0.2)"]
    assert found[3] == "1  prune.cost=0.01"
    assert main(["plan", "-m", "recipe=fake", "prune.cost=interval(0.01,0.2)", *words[:2]]) == 2
    assert "objective: a search needs an objective" in capsys.readouterr().err


@pytest.mark.slow
def test_a_plan_behind_a_sweep_knows_how_long_its_passes_took(here: Place, capsys: Out) -> None:
    assert main(["-m", "recipe=fake", "prune.cost=0.01,lots"]) == 2
    assert "invalid: prune.cost=lots: prune.cost: 'lots'" in capsys.readouterr().out.partition("[1/")[0]
    assert (here.folder / "outputs/fake/latest").resolve() == here.sweep()
    assert main(["plan", "-m", "recipe=fake", "prune.cost=0.01,0.02"]) == 0
    found = lines(capsys)
    assert "train: in the store; prune: in the store;" in found[2]
    assert "prune: to run, a few seconds" in found[found.index("2  prune.cost=0.02") + 1]
    assert found[0].startswith("2 jobs, ")
    assert found[0].endswith(", a few seconds one after another")
    assert not any(line.startswith("passes:") for line in found), "one figure for one time"
    beside = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main(["plan", "-m", "recipe=fake", "prune.cost=0.01,0.02", *beside]) == 0
    assert lines(capsys)[-1].startswith("passes: a few seconds (joblib, 2 at once)")
    assert main(["plan", "-m", "recipe=fake", "prune.cost=0.01"]) == 0
    assert lines(capsys)[-1] == "everything is in the store; each job takes a second or two"
    assert main(["report", str(here.folder / "outputs/fake/latest")]) == 0
    assert "2 jobs: 1 built, 1 invalid" in capsys.readouterr().out


def test_of_many_invalid_jobs_the_first_are_named() -> None:
    points = [GridPoint(combination=Combination([], {}), error=_error()) for _ in range(MOST_SHOWN + 3)]
    found = list(invalid_lines(points, [str(number) for number in range(len(points))]))
    assert found[0] == "invalid: 0: wrong"
    assert found[-1] == "invalid: 3 more"
    assert len(found) == MOST_SHOWN + 1


def test_no_pass_stands_on_two_lines() -> None:
    found = [*_lines(["train: to run", "prune: to run, about 24 s", "convert: in the store"], 45)]
    assert found == ["     train: to run; prune: to run, about 24 s;", "     convert: in the store"]


def _error() -> Exception:
    from tflbuild.core.errors import RecipeError

    return RecipeError("wrong")
