"""Hold each step of a recipe to the kind of model that it is given, and what follows to what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tflbuild.core.artifact import KINDS, TFLiteModel
from tflbuild.core.compiler_pass import PASSES, kinds_of
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, Step
from tflbuild.core.task import TASKS
from tflbuild.engine.order import (
    delivered_step,
    line_to,
    listed,
    main_line,
    sources_of,
)


def check_kinds(recipe: Recipe, order: tuple[str, ...]) -> None:
    """Hold steps, those that may stand in their place, and what targets are given to the kinds of models they take.

    Raises:
        RecipeError: something does not fit; the message names the recipe key.
    """
    sources = sources_of(recipe, order)
    before: dict[str, str] = {}
    given_by: dict[str, _Given] = {"": _Given(scheme=recipe.model.quantized())}
    whole = listed(recipe.pipeline, recipe.steps)
    for label in order:
        taken = recipe.steps[label].takes
        if taken and taken not in whole[: whole.index(label)]:
            raise RecipeError(f"{label}.takes: '{plain(taken)}' is not a step that comes before it.")
        known = given_by[sources[label]]
        before[label] = known.kind
        given_by[label] = _given_by(recipe, label, known)
    end = given_by[main_line(recipe, order)[-1]]
    if end.kind != TFLiteModel.kind and recipe.run.stop_after is None:
        raise RecipeError(
            f"pipeline: it ends with '{end.maker}', which makes a {end.kind}; add {_converting(end.kind)} after it."
        )
    for label in order:
        _check_fallbacks(recipe, recipe.steps[label], order, before)
    for name, target in recipe.targets.items():
        found = given_by.get(delivered_step(recipe, order, name))
        if target.refuses_floats and found is not None and not found.quantized and not found.scheme:
            raise RecipeError(
                f"target.{name}: it takes integers alone, and nothing in pipeline quantizes "
                f"({', '.join(line_to(recipe, order, found.maker))}); put a pass that quantizes after '{found.maker}'."
            )


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The result of a step, as far as it is known while planning.

    Attributes:
        kind: of the model; "" for none.
        maker: the step.
        quantized: label of the step that quantized it; "" for none.
        scheme: of the user's file, where no step made floats of it; "" for a float one.
    """

    kind: str = ""
    maker: str = ""
    quantized: str = ""
    scheme: str = ""


def _given_by(recipe: Recipe, label: str, before: _Given) -> _Given:
    """Hold a step to what it is given, and say what it gives."""
    step, kind = recipe.steps[label], before.kind
    given, made = kinds_of(type(step.options))
    if given is None and kind:
        raise RecipeError(
            f"pipeline: '{label}' starts a model, so it must come first, not after '{before.maker}'."
        )
    if given is not None and not kind:
        raise RecipeError(f"pipeline: '{label}' needs a {given.kind}, but nothing comes before it.")
    if given is not None and given.kind not in ("Artifact", kind):
        raise RecipeError(_wrong_kind(recipe, label, given.kind, before.maker, kind))
    if type(step.options).labelled and not TASKS.get(recipe.data.task).labelled:
        raise RecipeError(
            f"{label}: pass '{type(step.options).name}' trains on labels, and data '{type(recipe.data).name}' have "
            f"none; use data with labels, or remove '{label}' from pipeline."
        )
    if given is None:
        _check_start(recipe, label, made.kind)
    if step.on_breach == "skip" and (given is None or made.kind != given.kind):
        raise RecipeError(
            f"{label}.on_breach: 'skip' is not possible, since '{label}' turns a {kind or 'recipe'} into a "
            f"{made.kind}; use 'fail' or 'warn', or a fallback."
        )
    quantized, scheme = before.quantized, before.scheme
    if step.options.output_quantized():
        _check_float(label, quantized, scheme)
        quantized = label
    elif step.options.output_quantized() is False:
        quantized, scheme = "", ""
    return _Given(kind=made.kind, maker=label, quantized=quantized, scheme=scheme)


def _check_start(recipe: Recipe, label: str, kind: str) -> None:
    """Refuse to train a user's file that cannot be trained."""
    loader = recipe.model.starts()
    if loader is not None and kinds_of(type(loader))[1].kind != kind:
        raise RecipeError(_not_of_the_file(recipe, label, kind, kinds_of(type(loader))[1].kind))


def _check_float(label: str, before: str, scheme: str) -> None:
    """Refuse to quantize twice.

    Args:
        label: the step that quantizes.
        before: the step before it that does; "" for none.
        scheme: of the user's file, where no step made floats of it; "" for a float one.
    """
    if before:
        raise RecipeError(f"pipeline: '{label}' quantizes a model that '{before}' has already quantized.")
    if scheme:
        raise RecipeError(
            f"pipeline: '{label}' needs a float model, but model.path is already {scheme}; give the float model "
            f"that it was made from."
        )


def _converting(kind: str) -> str:
    """Name the passes that make what can be delivered of a kind of model."""
    kinds = {name: kinds_of(cls) for name, cls in PASSES.items()}
    names = [
        name for name, (given, made) in kinds.items() if made is TFLiteModel and given and given.kind == kind
    ]
    return " or ".join(f"'{name}'" for name in sorted(names)) or "a pass that converts it"


def _wrong_kind(recipe: Recipe, label: str, wanted: str, maker: str, kind: str) -> str:
    """Say that a step cannot take what the one before gives."""
    if maker not in recipe.steps or type(recipe.steps[maker].options) is not type(recipe.model.starts()):
        return f"pipeline: '{label}' needs a {wanted}, but '{maker}' gives a {kind}."
    return _not_of_the_file(recipe, label, wanted, kind)


def _not_of_the_file(recipe: Recipe, label: str, wanted: str, kind: str) -> str:
    """Say that a step cannot take the user's file, and which passes can."""
    taking = [name for name, cls in PASSES.items() if (given := kinds_of(cls)[0]) and given.kind == kind]
    trained = " that can be trained" if type(recipe.steps[label].options).trains else ""
    files, suffix = recipe.model.files(), KINDS[kind].suffix
    becomes = "" if not files or any(path.suffix.lower() == suffix for path in files) else "taken in as "
    return (
        f"pipeline: '{label}' needs a model{trained} ({KINDS[wanted].suffix}), and model.path is {becomes}a "
        f"{suffix}; passes that take it: {', '.join(sorted(taking))}."
    )


def _check_fallbacks(recipe: Recipe, step: Step, order: tuple[str, ...], before: Mapping[str, str]) -> None:
    wanted = kinds_of(type(step.options))[1].kind
    for position, fallback in enumerate(step.fallback):
        key = f"{step.label}.fallback.{position}"
        kind = before[step.label]
        if fallback.start in recipe.steps and fallback.start not in order:
            continue  # a step that a recipe offers and this build leaves out: so is the way back to it
        if fallback.start:
            if fallback.start not in line_to(recipe, order, step.label)[:-1]:
                raise RecipeError(f"{key}.from: '{fallback.start}' does not run before '{step.label}'.")
            kind = kinds_of(type(recipe.steps[fallback.start].options))[1].kind
        for label in fallback.run:
            if label not in recipe.steps:
                raise RecipeError(f"{key}: '{label}' is not configured.{did_you_mean(label, recipe.steps)}")
            given, made = kinds_of(type(recipe.steps[label].options))
            if given is None or given.kind not in ("Artifact", kind):
                raise RecipeError(
                    f"{key}: '{label}' needs a {given.kind if given else 'start'}, not a {kind}."
                )
            kind = made.kind
        if kind != wanted:
            raise RecipeError(f"{key}: it gives a {kind}, but '{step.label}' gives a {wanted}.")
