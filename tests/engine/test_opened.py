"""A recipe whose store is open, for whatever measures outside a build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import fakes
from at_once import AtOnce
from building import change
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine import opened as module
from tflbuild.engine.events import Event
from tflbuild.engine.opened import opened
from tflbuild.engine.workers.worker import Worker


@pytest.fixture
def worker(here: AtOnce) -> Worker:
    return cast(Worker, here)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note the stores that are closed."""
    noted: list[Path] = []
    prepare = module.prepare

    def preparing(*given: Any) -> Any:
        prepared = prepare(*given)
        close = prepared.store.close
        monkeypatch.setattr(prepared.store, "close", lambda: (noted.append(prepared.store.root), close()))
        return prepared

    monkeypatch.setattr(module, "prepare", preparing)
    return noted


def test_steps_are_run_and_models_measured_while_the_store_is_open(
    recipe: Recipe, worker: Worker, log: Path, closed: list[Path]
) -> None:
    told: list[Event] = []
    with opened(recipe, worker, told.append) as store:
        assert store.prepared.order == ("train", "prune", "convert", "quantize")
        model = store.runner.run(("train", "prune"))
        assert store.measurer.accuracy(model, ["score"], "val")["score"].value == pytest.approx(0.89)
        assert closed == []
    assert closed == [recipe.store]
    assert {"train", "prune"} <= {event.fields.get("label") for event in told}
    with opened(recipe, worker) as store:
        again = store.runner.run(("train", "prune"))
        assert store.measurer.accuracy(again, ["score"], "val")["score"].value == pytest.approx(0.89)
    assert log.read_text().split().count("predict") == 2, "each model once, and kept"


def test_the_store_is_closed_whatever_happens(recipe: Recipe, worker: Worker, closed: list[Path]) -> None:
    with pytest.raises(ZeroDivisionError), opened(recipe, worker):
        raise ZeroDivisionError
    assert closed == [recipe.store]


def test_a_recipe_that_does_not_fit_together_opens_nothing(
    recipe: Recipe, worker: Worker, closed: list[Path]
) -> None:
    with (
        pytest.raises(RecipeError, match="'pruen' is not configured"),
        opened(replace(recipe, pipeline=("train", "pruen")), worker),
    ):
        raise AssertionError("not opened")
    assert closed == []
    assert not recipe.store.exists()


def test_two_recipes_are_opened_on_one_store(recipe: Recipe, here: AtOnce) -> None:
    other = change(recipe, "train", options=fakes.FakeTrain(score=0.5))
    worker = cast(Worker, here)
    with opened(recipe, worker) as one, opened(other, worker) as two:
        models = [store.runner.run(("train",)) for store in (one, two)]
        found = one.measurer.compare("score", models[0], models[1], "test")
    assert found.value == pytest.approx(-0.4)
