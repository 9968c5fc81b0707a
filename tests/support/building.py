"""What tests of the engine build with: steps of fake passes, and the types of their fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import fakes
from processes import Workshop
from tflbuild.core.budget import Limit
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.build import Outcome

FakeBuild = Callable[..., Outcome]
OpenWorkshop = Callable[..., Workshop]


def steps(*options: Any, **changed: dict[str, Any]) -> dict[str, Step]:
    """Give steps labelled by their pass without 'fake_', each changed as said."""
    made = {}
    for option in options:
        label = type(option).name.removeprefix("fake_")
        made[label] = replace(Step(label=label, options=option), **changed.get(label, {}))
    return made


def standard() -> dict[str, Step]:
    return steps(fakes.FakeTrain(), fakes.FakePrune(), fakes.FakeConvert(), fakes.FakeQuantize())


def drop(bound: float, since: str = "") -> Limit:
    return Limit(metric="score", form="max_drop", bound=bound, since=since)


def change(recipe: Recipe, label: str, **fields: Any) -> Recipe:
    return replace(recipe, steps={**recipe.steps, label: replace(recipe.steps[label], **fields)})


def add(recipe: Recipe, **options: Any) -> Recipe:
    """Configure further steps that only a fallback runs."""
    made = {}
    for label, (option, *limits) in options.items():
        step = replace(next(iter(steps(option).values())), label=label, limits=tuple(limits))
        made[label] = step
    return replace(recipe, steps={**recipe.steps, **made})


def outcomes(outcome: Outcome) -> dict[str, str]:
    return {step["label"]: step["outcome"] for step in outcome.report["passes"]}
