"""A user's file in the place of a training, and steps that it makes needless."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bare_passes import Convert, Load, Quantize, Take
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.compiler_pass import Pass, PassContext
from tflbuild.core.dataset import Dataset
from tflbuild.core.recipe import Recipe, Step
from tflbuild.recipe.own_model import start_from_file

LIMIT = Limit(metric="map", form="min", bound=0)


@dataclass(frozen=True, kw_only=True)
class Train(Pass):
    name = "train"
    init: str = "scratch"

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Prune(Pass):
    name = "prune"

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Restore(Pass):
    name = "restore"

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError

    def output_quantized(self) -> bool | None:
        return False


@dataclass(frozen=True, kw_only=True)
class Quantizing(Quantize):
    def output_quantized(self) -> bool | None:
        return True


@dataclass(frozen=True, kw_only=True)
class Own(Architecture):
    """A user's file, or a model that is built."""

    path: str = ""
    quantized_by: str = ""

    def restores(self) -> Pass | None:
        return Restore() if self.quantized_by else None

    def files(self) -> tuple[Path, ...]:
        return (Path(self.path),) if self.path else ()

    def starts(self) -> Pass | None:
        return {"": None, ".h5": Load(), ".tflite": Take()}[Path(self.path).suffix]


def steps(path: str, *options: Pass, **changed: Any) -> dict[str, Step]:
    made = {type(one).name: Step(label=type(one).name, options=one, limits=(LIMIT,)) for one in options}
    changed_steps = {
        label: Step(
            **{"label": label, "options": step.options, "limits": step.limits, **changed.get(label, {})}
        )
        for label, step in made.items()
    }
    recipe = Recipe(
        name="mine",
        model=Own(path=path),
        data=Dataset(),
        targets={},
        steps=changed_steps,
        pipeline=tuple(made),
    )
    return dict(start_from_file(recipe).steps)


def test_without_a_file_nothing_changes() -> None:
    found = steps("", Train(), Convert(), Quantize())
    assert [type(step.options) for step in found.values()] == [Train, Convert, Quantize]
    assert {step.instead + step.done for step in found.values()} == {""}


@pytest.mark.parametrize(
    ("path", "loader", "said"),
    [
        ("m.h5", Load, "model.path is trained already; train.init=continue would train it further"),
        ("m.tflite", Take, "model.path is trained already"),
    ],
)
def test_what_would_train_from_scratch_takes_the_file_in_and_is_held_to_nothing(
    path: str, loader: type[Pass], said: str
) -> None:
    step = steps(path, Train(), Convert())["train"]
    assert (type(step.options), step.instead, step.limits) == (loader, said, ())


def test_a_training_that_goes_on_stays() -> None:
    step = steps("m.h5", Train(init="continue"), Convert())["train"]
    assert (type(step.options), step.instead, len(step.limits)) == (Train, "", 1)


def test_another_loader_makes_room_for_that_of_the_file() -> None:
    step = steps("m.tflite", Load(), Convert())["load"]
    assert (type(step.options), step.instead, len(step.limits)) == (Take, "", 1)
    assert type(steps("m.h5", Load(), Convert())["load"].options) is Load


def test_a_conversion_into_what_the_file_is_already_is_done() -> None:
    flat = steps("m.tflite", Load(), Convert(), Quantize())
    assert {label: step.done for label, step in flat.items()} == {
        "load": "",
        "convert": "model.path is a .tflite already",
        "quantize": "",
    }
    keras = steps("m.h5", Load(), Convert(), Quantize())
    assert {step.done for step in keras.values()} == {""}


def test_a_step_that_cannot_take_the_file_is_not_called_done() -> None:
    found = steps("m.tflite", Load(), Prune(), Convert())
    assert {label: step.done for label, step in found.items()} == {"load": "", "prune": "", "convert": ""}


def test_what_is_switched_off_makes_no_kind_of_file() -> None:
    found = steps("m.tflite", Load(), Prune(), Convert(), prune={"enabled": False})
    assert found["convert"].done == "model.path is a .tflite already"


def recipe_of(
    *options: Pass, quantized_by: str = "int8", path: str = "a.tflite", limits: Any = (), **changed: Any
) -> Recipe:
    made = {type(one).name: Step(label=type(one).name, options=one) for one in options}
    made = {label: replace(step, **changed.get(label, {})) for label, step in made.items()}
    return start_from_file(
        Recipe(
            name="mine",
            model=Own(path=path, quantized_by=quantized_by),
            data=Dataset(),
            targets={},
            steps=made,
            pipeline=tuple(label for label in made if label != "restore"),
            remarks=("before",),
            limits=limits,
        )
    )


def test_a_quantized_file_goes_through_the_pass_that_makes_floats_before_it_is_quantized_anew() -> None:
    found = recipe_of(Take(), Convert(), Quantizing())
    assert found.pipeline == ("take", "restore", "convert", "quantize")
    assert found.steps["restore"] == Step(label="restore", options=Restore())
    assert found.remarks == (
        "before",
        "model.path is quantized already: 'restore', put after 'take', makes the float model that it computes, which "
        "'quantize' quantizes anew; the file as it is stays the base that the result is held to",
    )


def test_what_is_shared_with_the_base_counts_from_the_float_model_and_both_files_are_held_to_it() -> None:
    names = (("fidelity", "max_drop"), ("map", "max_drop"), ("fidelity", "min"))
    limits = tuple(Limit(metric=metric, form=form, bound=0.1) for metric, form in names)
    found = recipe_of(Take(), Quantizing(), limits=limits)
    assert found.limits == (replace(limits[0], since="restore"), *limits[1:])
    assert list(found.analyses) == ["nearer"]
    own = replace(limits[0], since="take")
    assert recipe_of(Take(), Quantizing(), limits=(own,)).limits == (own,)
    assert recipe_of(Take(), Quantizing(), limits=limits, quantized_by="").limits == limits


def test_options_of_that_pass_count_where_the_recipe_has_them() -> None:
    found = recipe_of(Take(), Quantizing(), Restore(), restore={"timeout": 7.0, "enabled": False})
    assert found.pipeline == ("take", "restore", "quantize")
    assert found.steps["restore"].timeout == 7.0
    assert found.steps["restore"].enabled


def test_where_nothing_is_quantized_anew_or_the_file_is_float_no_pass_is_put_in() -> None:
    for found in (
        recipe_of(Take(), Quantizing(), quantized_by=""),
        recipe_of(Take(), Convert()),
        recipe_of(Take(), Quantizing(), quantize={"enabled": False}),
    ):
        assert "restore" not in found.pipeline
        assert found.remarks == ("before",)
