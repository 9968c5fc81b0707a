"""Building from Python: a model that has to be taken in in another way is, once, and the figure is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import keras3_files
import own_files
from tflbuild import session
from tflbuild.core.errors import BrokenPromise, OtherWay, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.recipe.load import load_recipe

FAILED = (
    "pass 'load' broke its promise: scores differ by 0.0031 of 1; model.format=keras3_export takes it in."
)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.chdir(tmp_path)
    path = keras3_files.keras(tmp_path / "my.keras", keras3_files.dense())
    data = own_files.write_photos(tmp_path / "photos", 12)
    return load_recipe(["recipe=int8", f"model.path={path}", f"data.root={data}", "seed=3"])


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Recipe]]:
    """Let builds end so, one after another; gives the list that their recipes go into."""

    def to_end(*ends: Any) -> list[Recipe]:
        built: list[Recipe] = []

        def run() -> Any:
            end = ends[len(built) - 1]
            if type(end) is RecipeError:
                raise end
            return SimpleNamespace(error=end)

        def build(wanted: Recipe, *rest: Any) -> Any:
            built.append(wanted)
            return SimpleNamespace(run=run)

        monkeypatch.setattr(session, "Build", build)
        monkeypatch.setattr(session, "worker_for", lambda wanted: SimpleNamespace(stop=lambda: None))
        return built

    return to_end


def test_a_translation_that_computes_otherwise_goes_to_keras_3_and_the_figure_is_told(
    recipe: Recipe, ending: Callable[..., list[Recipe]]
) -> None:
    built = ending(OtherWay(FAILED, {"format": "keras3_export"}), None)
    assert session.build_once(recipe, ()).error is None
    first, second = built
    assert first is recipe
    starts = [type(one.steps[one.pipeline[0]].options).name for one in built]
    assert starts == ["load", "load_keras3"]
    assert (first.steps["convert"].done, second.steps["convert"].done) == (
        "",
        "model.path is taken in as a .tflite",
    )
    assert second.mapping["model"] == {**first.mapping["model"], "format": "keras3_export"}
    assert second.overrides == (*first.overrides, "model.format=keras3_export")
    assert second.remarks[-1] == f"{FAILED} This build does so."


@pytest.mark.parametrize("error", [None, BrokenPromise(FAILED)])
def test_any_other_end_is_the_end(error: Any, recipe: Recipe, ending: Callable[..., list[Recipe]]) -> None:
    built = ending(error, None)
    assert session.build_once(recipe, ()).error is error
    assert len(built) == 1


def test_it_is_not_tried_a_third_time(recipe: Recipe, ending: Callable[..., list[Recipe]]) -> None:
    last = OtherWay("and again", {"format": "keras"})
    built = ending(OtherWay(FAILED, {"format": "keras3_export"}), last)
    assert session.build_once(recipe, ()).error is last
    assert len(built) == 2


def test_where_the_other_way_cannot_be_gone_both_reasons_are_said(
    recipe: Recipe, ending: Callable[..., list[Recipe]]
) -> None:
    ending(OtherWay(FAILED, {"format": "keras3_export"}), RecipeError("prune: needs a model that trains."))
    with pytest.raises(OtherWay) as raised:
        session.build_once(recipe, ())
    assert str(raised.value) == f"{FAILED} That fails as well: prune: needs a model that trains."


def test_the_way_out_survives_the_process_of_the_worker() -> None:
    from tflbuild.engine.workers.endings import named
    from tflbuild.engine.workers.outcome import outcome

    def fails() -> None:
        raise OtherWay("scores differ.", {"format": "keras3_export"})

    kind, (error, text) = outcome(fails, ())
    found = named((error, text), "pass 'load'")
    assert (kind, str(found)) == ("error", "pass 'load' broke its promise: scores differ.")
    assert isinstance(found, OtherWay)
    assert found.model == {"format": "keras3_export"}
