"""Let a recipe start from the user's file where it would train, or take another kind of file in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Limit
from tflbuild.core.compiler_pass import Pass, kinds_of
from tflbuild.core.metric import METRICS
from tflbuild.core.recipe import Recipe, Step

NEARER = "nearer"
"""Analysis of a file that was quantized anew: it holds it and the shipped one to the float model."""


def start_from_file(recipe: Recipe) -> Recipe:
    """Let the pass that takes the user's file in stand where the recipe trains from scratch, or loads another kind."""
    loader = recipe.model.starts()
    if loader is None:
        return recipe
    steps = dict(recipe.steps)
    for label, step in recipe.steps.items():
        starts = kinds_of(type(step.options))[0] is None
        if not starts or type(step.options) is type(loader):
            continue
        init = getattr(step.options, "init", None)
        if init == "scratch":
            steps[label] = replace(step, options=loader, limits=(), instead=_instead_of(step, loader))
        elif init is None:
            steps[label] = replace(step, options=loader)
    return _with_floats(replace(recipe, steps=_without_done(recipe, steps)))


def _with_floats(recipe: Recipe) -> Recipe:
    """Put the pass that makes a float model behind the one that takes a quantized file, which is quantized anew."""
    restoring = recipe.model.restores()
    steps = [recipe.steps[label] for label in recipe.pipeline if label in recipe.steps]
    running = [step for step in steps if step.enabled and not step.done]
    quantizing = next((step.label for step in running if step.options.output_quantized()), "")
    if restoring is None or not quantizing or any(type(one.options) is type(restoring) for one in running):
        return recipe
    label, first = type(restoring).name, running[0].label
    own = recipe.steps.get(label, Step(label=label, options=restoring))
    if type(own.options) is not type(restoring):
        return recipe
    place = recipe.pipeline.index(first) + 1
    remark = (
        f"model.path is quantized already: '{label}', put after '{first}', makes the float model that it computes, "
        f"which '{quantizing}' quantizes anew; the file as it is stays the base that the result is held to"
    )
    return replace(
        recipe,
        limits=tuple(_since(limit, label) for limit in recipe.limits),
        analyses={
            **({} if NEARER in recipe.silenced else {NEARER: ANALYSES.get(NEARER)()}),
            **recipe.analyses,
        },
        steps={**_behind(recipe.steps, first, label), label: replace(own, enabled=True)},
        pipeline=(*recipe.pipeline[:place], label, *recipe.pipeline[place:]),
        remarks=(*recipe.remarks, remark),
    )


def _behind(steps: Mapping[str, Step], first: str, label: str) -> dict[str, Step]:
    """Let branches that begin behind the first step begin behind the one that is put after it."""
    return {name: replace(step, takes=label) if step.takes == first else step for name, step in steps.items()}


def _since(limit: Limit, label: str) -> Limit:
    """Let a limit on what a model shares with the base count from the float model: the base has an error of its own."""
    shared = getattr(METRICS.get(limit.metric), "against", "truth") == "base"
    return replace(limit, since=label) if shared and limit.relative and not limit.since else limit


def _instead_of(step: Step, loader: Pass) -> str:
    """Say why the user's file is not trained from scratch, and how it could be trained further, where it can."""
    trainable = kinds_of(type(step.options))[1] is kinds_of(type(loader))[1]
    further = f"; {step.label}.init=continue would train it further" if trainable else ""
    return f"model.path is trained already{further}"


def _without_done(recipe: Recipe, steps: Mapping[str, Step]) -> dict[str, Step]:
    """Leave steps out that only turn a model into the kind that the user's file is of already."""
    left, last = dict(steps), ""
    kinds: dict[str, type[Artifact]] = {}
    for label in recipe.pipeline:
        if label not in steps or not steps[label].enabled:
            continue
        given, made = kinds_of(type(steps[label].options))
        kind = kinds.get(steps[label].takes or last)
        if given is not None and given is not made and kind is made:
            left[label] = replace(steps[label], done=_done(recipe, made.suffix))
        kinds[label] = made
        last = last if steps[label].takes else label
    return left


def _done(recipe: Recipe, suffix: str) -> str:
    """Say why nothing has to be turned into a kind: the file is of it, or becomes it when it is taken in."""
    own = any(path.suffix.lower() == suffix for path in recipe.model.files())
    return f"model.path is a {suffix} already" if own else f"model.path is taken in as a {suffix}"
