"""What tests of the engine build with: steps of fake passes, and the types of their fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import fakes
from processes import Workshop

from tflbuild.core.recipe import Step
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
