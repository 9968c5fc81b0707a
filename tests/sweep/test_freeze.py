"""Candidates of a sweep before anything is built: what is announced, and what is frozen of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweep_place import RECIPE, Place
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep.forecast import PlannedPass
from tflbuild.sweep.freeze import GridPoint, announcement, freeze, grid_points
from tflbuild.sweep.grid import Combination, expand

POINT = Combination(["recipe=fake", "a=1"], {"a": "1"})


def planned(key: str, *, stored: bool = False) -> PlannedPass:
    return PlannedPass(label=key.split()[0], key=key, stored=stored)


def keys_of(point: GridPoint) -> set[str]:
    return {one.key for one in point.passes}


TRAINED = planned("train", stored=True)


def test_shared_passes_are_counted_once_and_hits_do_not_run() -> None:
    found = [
        GridPoint(combination=POINT, passes=(TRAINED, planned("prune 1"))),
        GridPoint(combination=POINT, passes=(TRAINED, planned("prune 2"))),
        GridPoint(combination=POINT, error=RecipeError("x")),
    ]
    assert announcement(found) == "3 jobs, 3 distinct passes, 2 to run; 1 invalid"
    assert announcement(found[:1]) == "1 job, 2 distinct passes, 1 to run"
    assert announcement([]) == "0 jobs, 0 distinct passes, 0 to run"


def test_jobs_are_frozen_with_all_that_another_process_needs(here: Place) -> None:
    one, two = grid_points(expand(["recipe=fake", "prune.cost=0.01,0.02"]))
    assert one.recipe is not None
    local = replace(one, recipe=replace(one.recipe, plugins=Path("/plugins")))
    first, second = freeze([local, two], Path("/sweep"))
    job = first.frozen
    assert job is not None
    assert (job.name, job.folder) == ("prune.cost=0.01", "/sweep/prune.cost=0.01")
    assert job.overrides == ("recipe=fake", "prune.cost=0.01")
    assert job.differs == {"prune.cost": "0.01"}
    assert job.cwd == str(here.folder)
    assert job.plugins == "/plugins"
    assert job.mapping["prune"]["cost"] == 0.01
    assert first.row["status"] == "waiting"
    assert first.row["overrides"] == {"prune.cost": "0.01"}
    assert second.frozen is not None
    assert second.frozen.mapping["prune"]["cost"] == 0.02


def test_what_cannot_be_built_is_a_row_with_its_error() -> None:
    broken = GridPoint(combination=POINT, error=MissingTool("no tool"))
    (entry,) = freeze([broken], Path("/sweep"), ["other"])
    assert entry.frozen is None
    assert (entry.row["name"], entry.row["status"], entry.row["exit_code"]) == ("other", "invalid", 6)
    assert entry.row["error"] == "no tool"
    with pytest.raises(ValueError, match="zip"):
        freeze([broken], Path("/sweep"), ["one", "two"])


def test_what_was_composed_but_cannot_be_planned_is_frozen_with_its_error(here: Place) -> None:
    recipe = load_recipe(["recipe=fake"])
    (entry,) = freeze([GridPoint(combination=POINT, recipe=recipe, error=RecipeError("x"))], Path("/sweep"))
    assert entry.frozen is not None
    assert entry.frozen.plugins is None
    assert (entry.row["status"], entry.row["error"]) == ("invalid", "x")


def test_every_seed_of_a_recipe_is_a_candidate_of_its_own(here: Place) -> None:
    found = grid_points(expand(["recipe=fake", "seeds=[3,0]"]))
    assert [candidate.combination.differs for candidate in found] == [{"seed": "3"}, {"seed": "0"}]
    recipes = [candidate.recipe for candidate in found]
    assert [(recipe.seed, recipe.seeds) for recipe in recipes if recipe] == [(3, ()), (0, ())]
    assert [recipe.mapping["seed"] for recipe in recipes if recipe] == [3, 0]
    assert [recipe.mapping["seeds"] for recipe in recipes if recipe] == [[], []]
    (alone,) = grid_points(expand(["recipe=fake", "seed=3"]))
    assert alone.recipe is not None
    assert recipes[0] is not None
    assert recipes[0].mapping == alone.recipe.mapping
    assert not keys_of(found[0]) & keys_of(found[1]), "every pass depends on the seed"


def test_passes_are_told_apart_where_an_earlier_one_differs(here: Place) -> None:
    one, two = grid_points(expand(["recipe=fake", "prune.cost=0.01,0.02"]))
    shared = keys_of(one) & keys_of(two)
    assert len(one.passes) == len(two.passes) == 7
    assert len(shared) == 1, "training is shared, and nothing behind the pruning"
    assert not any(planned.stored for planned in one.passes)


def test_a_recipe_that_cannot_be_composed_costs_its_candidate_only(here: Place) -> None:
    good, bad = grid_points(expand(["recipe=fake", "bad.how=well,[nonsense]"]))
    assert (good.error, good.recipe is not None) == (None, True)
    assert (bad.recipe, bad.passes) == (None, ())
    assert bad.error is not None
    (here.folder / "recipes" / "fake.yaml").write_text(RECIPE + "seeds: [1, 2, 1]\n")
    (twice,) = grid_points(expand(["recipe=fake"]))
    assert str(twice.error) == "seeds: 1 occurs 2 times; one job is enough."


def test_what_recipes_leave_out_is_said_once_of_each(here: Place) -> None:
    recipe = load_recipe(["recipe=fake"])
    found = [
        GridPoint(combination=POINT, recipe=replace(recipe, remarks=remarks))
        for remarks in (("a", "b"), ("b", "c"))
    ]
    assert announcement(found).splitlines()[1:] == ["warning: a", "warning: b", "warning: c"]


def test_a_job_knows_that_its_preprocessing_was_assumed(here: Place) -> None:
    """Its mapping has the default that was assumed, which would read as said."""
    (point,) = grid_points(expand(["recipe=fake"]))
    assert point.recipe is not None
    assumed = {"what": "preprocess", "value": "assumed", "evidence": "nothing says it"}
    unsaid = replace(point, recipe=replace(point.recipe, recognised=(assumed,)))
    jobs = [entry.frozen for entry in freeze([point, unsaid], Path("/sweep"), ("a", "b"))]
    assert [job is not None and job.assumed for job in jobs] == [False, True]
