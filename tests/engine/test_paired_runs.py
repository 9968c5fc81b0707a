"""`compare` of two runs, from what their stores keep; here, where the fakes of the engine are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild
from tflbuild import session
from tflbuild.commands import paired_runs
from tflbuild.commands.paired_runs import Paired, paired_with_first
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import Difference
from tflbuild.core.recipe import Recipe
from tflbuild.engine.report import Report


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch, here: AtOnce) -> dict[Path, Recipe]:
    """Let runs be opened as recipes that a test gives by their folders, by a worker of this process."""
    known: dict[Path, Recipe] = {}
    monkeypatch.setattr(paired_runs, "recipe_of", lambda file, asked, note: (known[file.parent], []))
    worker: Any = here
    monkeypatch.setattr(worker, "stop", lambda: None, raising=False)
    monkeypatch.setattr(session, "worker_for", lambda recipe: worker)
    return known


def costing(recipe: Recipe, cost: float) -> Recipe:
    step = recipe.steps["quantize"]
    options = fakes.FakeQuantize(cost=cost)
    return replace(recipe, steps={**recipe.steps, "quantize": replace(step, options=options, limits=())})


@pytest.fixture
def two(recipe: Recipe, build_here: FakeBuild, recipes: dict[Path, Recipe]) -> list[Report]:
    made = []
    for cost in (0.01, 0.05):
        wanted = replace(costing(recipe, cost), limits=())
        report = build_here(wanted).report
        recipes[report.folder] = wanted
        made.append(report)
    return made


def paired(reports: list[Report]) -> list[Paired]:
    folders = [report.folder for report in reports]
    return paired_with_first(["one", "two"], folders, [json.loads(json.dumps(r.content)) for r in reports])


def test_two_runs_are_held_against_each_other_sample_by_sample(two: list[Report]) -> None:
    (found,) = paired(two)
    assert found.reason == ""
    assert found.differences["score"].value == pytest.approx(-0.04)
    assert found.differences["score"].n > 0
    assert found.lines("two", "one")[0].startswith(
        f"two against one, on the same {found.differences['score'].n} test samples: "
    )
    assert found.change("score").startswith("-0.0400 [")
    assert found.to_json()["differences"]["score"]["value"] == pytest.approx(-0.04)


def test_a_run_whose_store_lacks_something_is_not_built_again(
    two: list[Report], recipes: dict[Path, Recipe], here: AtOnce
) -> None:
    recipes[two[1].folder] = costing(recipes[two[1].folder], 0.07)
    here.asked.clear()
    (found,) = paired(two)
    assert "'quantize' is no longer in its store" in found.reason
    assert "run_pass" not in {what for _, what, _ in here.asked}


def test_a_run_that_cannot_be_opened_says_why(two: list[Report], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*given: Any) -> Any:
        raise RecipeError("its data are gone.")

    monkeypatch.setattr(paired_runs, "recipe_of", gone)
    (found,) = paired(two)
    assert found.reason.startswith(
        "one cannot be opened again (its data are gone.). To measure them again, give the two model files"
    )
    assert found.lines("two", "one") == [f"two and one are not paired: {found.reason}"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"targets": []}, "one of them delivered no file"),
        ({"data": {"splits": {"test": {"digest": "other"}}}}, "their test samples are not the same"),
        ({}, "they delivered the same file"),
    ],
)
def test_runs_that_cannot_be_paired_say_why(change: dict[str, Any], reason: str) -> None:
    first = {"targets": [{"sha256": "a"}], "data": {"splits": {"test": {"digest": "d"}}}}
    (found,) = paired_with_first(["one", "two"], [Path(), Path()], [first, first | change])
    assert (found.reason, found.differences, found.change("map")) == (reason, {}, "")


def test_several_runs_are_each_held_against_the_first() -> None:
    found = Paired("c", {"map": Difference(value=-0.1, low=-0.2, high=0.05, n=7)})
    assert found.lines("c", "a") == [
        "c against a, on the same 7 test samples: no clear change of map: -0.100 [-0.200, +0.050]"
    ]
    assert SimpleNamespace(**found.to_json()).run == "c"
