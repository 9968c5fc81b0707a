"""Deliver what steps of the pipeline ask to be delivered, besides what the recipe's targets are given."""

from __future__ import annotations

from dataclasses import replace

from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.core.target import TARGETS


def with_deliveries(recipe: Recipe) -> Recipe:
    """Add a target, under the step's label, for each step of the pipeline whose pass delivers its result.

    Raises:
        RecipeError: a target of the recipe has the label of such a step.
    """
    added = {}
    for label in dict.fromkeys((*recipe.pipeline, *recipe.steps)):
        step = recipe.steps.get(label)
        if step is None or not step.enabled or (label not in recipe.pipeline and not step.after):
            continue
        wanted = type(step.options).delivers
        if not wanted:
            continue
        if label in recipe.targets:
            raise RecipeError(
                f"target.{label}: the step '{label}' delivers a file under that name, too; give the step another "
                f"label, e.g. +passes@as_onnx=export_onnx."
            )
        added[label] = TARGETS.get(wanted)(step=label)
    return replace(recipe, targets={**recipe.targets, **added})
