"""A recipe's store, keys and workers for whatever measures outside a build."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

import fakes
from at_once import AtOnce
from building import change
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event
from tflbuild.engine.opened import opened
from tflbuild.engine.storage.store import Store
from tflbuild.engine.workers.worker import Worker


def test_steps_are_run_and_measured_without_a_build(
    recipe: Recipe, here: AtOnce, events: list[Event]
) -> None:
    with opened(recipe, cast(Worker, here), events.append) as store:
        model = store.runner.run(("train", "convert"))
        assert model.kind == "TFLiteModel"
        assert store.measurer.accuracy(model, ["score"], "val")["score"].value == 0.9
        assert store.measurer.base is not None
        assert store.measurer.base.kind == "KerasModel", "what the first step gave"
        assert store.prepared.order == ("train", "prune", "convert", "quantize")
    assert {"pass_started", "pass_ended", "measuring"} <= {event.kind for event in events}
    assert not list(recipe.outputs.glob("*")) or recipe.outputs not in recipe.store.parents, "no run is left"


def test_what_was_computed_is_there_for_a_build_and_the_other_way_round(recipe: Recipe, here: AtOnce) -> None:
    worker = cast(Worker, here)
    with opened(recipe, worker) as store:
        first = store.runner.run(("train",))
    done = len(here.asked)
    with opened(recipe, worker) as store:
        assert store.runner.run(("train",)).digest == first.digest
    assert len(here.asked) == done


def test_two_recipes_are_opened_on_one_store(recipe: Recipe, here: AtOnce) -> None:
    other = change(recipe, "train", options=fakes.FakeTrain(score=0.5))
    worker = cast(Worker, here)
    with opened(recipe, worker) as one, opened(other, worker) as two:
        models = [store.runner.run(("train",)) for store in (one, two)]
        found = one.measurer.compare("score", models[0], models[1], "test")
    assert found.value == pytest.approx(-0.4)


def test_warnings_are_told_and_a_recipe_that_does_not_fit_is_refused(recipe: Recipe, here: AtOnce) -> None:
    said: list[str] = []
    remarked = replace(recipe, remarks=("prune was left out",))
    with opened(remarked, cast(Worker, here), warn=said.append):
        pass
    assert said == ["prune was left out"]
    with (
        pytest.raises(RecipeError, match="pipeline"),
        opened(replace(recipe, pipeline=("prune",)), cast(Worker, here)),
    ):
        raise AssertionError


def test_the_store_is_closed_whatever_happens(
    recipe: Recipe, here: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    known = Store.close
    monkeypatch.setattr(Store, "close", lambda self: (closed.append(True), known(self))[1])

    def fail() -> None:
        with opened(recipe, cast(Worker, here)):
            raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        fail()
    assert closed == [True]
