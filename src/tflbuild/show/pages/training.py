"""Training curves: loss, learning rate and speed of each pass that trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.exhibit import Exhibit, Line, Plot

SHOWN = (("loss", "loss"), ("learning_rate", "learning rate"), ("images_per_second", "images a second"))
"""Lists of a curve that are drawn, each with its name."""

FEWEST = 2
"""Points of a line."""


def exhibits_of_training(passes: Sequence[Mapping[str, Any]]) -> list[Exhibit]:
    """Give an exhibit for each pass of a report with a curve."""
    made = ((step["label"], _plots(step.get("curve") or {})) for step in passes)
    return [Exhibit(title=label, parts=plots) for label, plots in made if plots]


def _plots(curve: Mapping[str, Any]) -> tuple[Plot, ...]:
    steps = curve.get("step") or []
    found = ((name, curve.get(key) or []) for key, name in SHOWN)
    return tuple(
        Plot(
            lines=(Line(name=name, points=tuple(zip(steps, values, strict=False))),),
            x_name="step",
            y_name=name,
            summary="" if place == 0 else name,
        )
        for place, (name, values) in enumerate(found)
        if sum(value is not None for value in values[: len(steps)]) >= FEWEST
    )
