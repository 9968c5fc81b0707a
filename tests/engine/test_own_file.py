"""A user's file in a plan: what cannot take it is refused with what can, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import change, steps
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import PASSES, Pass, PassContext, compiler_pass
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.core.task import TASKS
from tflbuild.engine.plan import check
from tflbuild.engine.prepare import prepare


@dataclass(frozen=True, kw_only=True)
class Own(fakes.FakeOwn):
    """A file of either kind."""

    name = "own"
    path: str = "m.tflite"
    scheme: str = ""
    wrong: str = ""

    def files(self) -> tuple[Path, ...]:
        return ()

    def starts(self) -> Pass:
        return PASSES.get("fake_load" if self.path.endswith(".h5") else "fake_flat")()

    def quantized(self) -> str:
        return self.scheme

    def misfit(self, modality: str, classes: Sequence[str]) -> str:
        return f"{self.wrong} {modality} {list(classes)}" if self.wrong else ""


@pytest.fixture(autouse=True)
def more_passes(only_fakes: None) -> None:
    @compiler_pass("fake_flat")
    class Flat(Pass):
        """Take a flat file in."""

        def run(self, model: None, ctx: PassContext) -> TFLiteModel:
            raise NotImplementedError

    @compiler_pass("fake_tune")
    class Tune(Pass):
        """Train on."""

        trains = True
        labelled = True

        def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
            raise NotImplementedError


def own(recipe: Recipe, *options: Pass, path: str = "m.tflite", **fields: Any) -> Recipe:
    """Start from the user's file."""
    model = Own(path=path, **fields)
    made = steps(model.starts(), *options)
    return replace(recipe, model=model, steps=made, pipeline=tuple(made))


TAKING = "fake_any, fake_bad, fake_mixed, fake_quantize, fake_slow, fake_trains_on"


def refused(recipe: Recipe) -> str:
    with pytest.raises(RecipeError) as caught:
        check(recipe)
    return str(caught.value)


def test_a_file_that_fits_is_planned(recipe: Recipe) -> None:
    assert check(own(recipe, fakes.FakeQuantize()))[0] == ("flat", "quantize")
    assert check(own(recipe, fakes.FakePrune(), fakes.FakeConvert(), path="m.h5"))[0] == (
        "load",
        "prune",
        "convert",
    )


def test_a_pass_that_takes_another_kind_is_refused_with_those_that_take_it(recipe: Recipe) -> None:
    said = f"and model.path is a .tflite; passes that take it: {TAKING}."
    assert refused(own(recipe, fakes.FakePrune(), fakes.FakeConvert())) == (
        f"pipeline: 'prune' needs a model (.h5), {said}"
    )
    assert refused(own(recipe, PASSES.get("fake_tune")(), fakes.FakeConvert())) == (
        f"pipeline: 'tune' needs a model that can be trained (.h5), {said}"
    )


def test_a_training_that_would_go_on_needs_a_file_that_can_be_trained(recipe: Recipe) -> None:
    tuned = own(recipe, fakes.FakeQuantize())
    trained = replace(
        tuned, steps={**tuned.steps, **steps(fakes.FakeTrain())}, pipeline=("train", "convert", "quantize")
    )
    trained = replace(trained, steps={**trained.steps, **steps(fakes.FakeConvert())})
    assert refused(trained) == (
        f"pipeline: 'train' needs a model that can be trained (.h5), and model.path is a .tflite; passes that take it: "
        f"{TAKING}."
    )
    check(replace(trained, model=Own(path="m.h5")))


def test_behind_a_pass_of_another_kind_it_is_that_pass_that_is_named(recipe: Recipe) -> None:
    assert refused(own(recipe, fakes.FakeConvert(), fakes.FakePrune(), path="m.h5")) == (
        "pipeline: 'prune' needs a KerasModel, but 'convert' gives a TFLiteModel."
    )


def test_a_file_that_is_quantized_is_not_quantized_again(recipe: Recipe) -> None:
    quantized = own(recipe, fakes.FakeQuantize(), scheme="int8")
    assert refused(quantized) == (
        "pipeline: 'quantize' needs a float model, but model.path is already int8; give the float model "
        "that it was made from."
    )
    check(own(recipe, scheme="int8"))
    check(own(recipe, fakes.FakeAny(), scheme="int8"))


def test_two_passes_that_quantize_are_named_both(recipe: Recipe) -> None:
    twice = own(recipe, fakes.FakeQuantize())
    twice = replace(
        twice,
        steps={**twice.steps, "again": replace(twice.steps["quantize"], label="again")},
        pipeline=(*twice.pipeline, "again"),
    )
    assert refused(twice) == "pipeline: 'again' quantizes a model that 'quantize' has already quantized."


def test_what_trains_on_labels_needs_data_that_have_some(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = own(recipe, PASSES.get("fake_tune")(), fakes.FakeConvert(), path="m.h5")
    check(tuned)
    monkeypatch.setattr(TASKS.get("fake"), "labelled", False)
    assert refused(tuned) == (
        "tune: pass 'fake_tune' trains on labels, and data 'fake_data' have none; use data with labels, or "
        "remove 'tune' from pipeline."
    )


def test_a_metric_of_another_task_is_refused_where_there_are_no_labels(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.core.budget import Limit
    from tflbuild.core.metric import METRICS, Metric

    METRICS.declare("foreign")(type("Foreign", (Metric,), {"tasks": ("other",)}))
    limited = change(recipe, "prune", limits=(Limit(metric="foreign", form="min", bound=0),))
    monkeypatch.setattr(TASKS.get("fake"), "labelled", False)
    assert refused(limited) == (
        "prune.budget.foreign: 'foreign' is a metric for other, but the data have no labels; there are fake_latency, "
        "file_bytes, score."
    )


def test_a_step_that_is_done_is_left_out_with_its_reason(recipe: Recipe) -> None:
    wanted = own(recipe, fakes.FakeConvert(), fakes.FakeQuantize())
    done = change(wanted, "convert", done="model.path is a .tflite already")
    assert check(done) == (("flat", "quantize"), {"convert": "model.path is a .tflite already"})


def test_data_that_do_not_fit_the_file_are_refused_before_anything_runs(recipe: Recipe) -> None:
    wanted = own(recipe, fakes.FakeQuantize(), wrong="'m.tflite' does not take")
    check(wanted)
    with pytest.raises(RecipeError) as caught:
        prepare(wanted, names=fakes.NAMES)
    assert str(caught.value) == "model.path: 'm.tflite' does not take fake ['a']."
    prepare(own(recipe, fakes.FakeQuantize()), names=fakes.NAMES)
