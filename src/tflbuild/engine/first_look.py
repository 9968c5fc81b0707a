"""A first look at a base that came from the user's file: is it better than chance on the user's data?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.errors import PassError
from tflbuild.core.place import on_one_line
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.gate import GATE_SPLIT
from tflbuild.engine.measure import Measurer

NAME = "chance"
"""Name of the analysis in report.json."""


def is_foreign(recipe: Recipe, step: Step) -> bool:
    """Say whether a step gives a model of the user's own as it is."""
    starts = kinds_of(type(step.options))[0] is None
    return starts and bool(recipe.model.files()) and not step.options.trains


def first_look(
    measurer: Measurer,
    model: Artifact,
    listed: Mapping[str, Sequence[str]],
    tell: Listener,
    split: str = GATE_SPLIT,
) -> dict[str, Any] | None:
    """Hold a base against chance, and try what would explain it cheaply; a build goes on whatever it finds.

    Args:
        measurer: what measures.
        model: the base.
        listed: class names in the model's order, by where they are written.
        tell: is told what was found.
        split: the samples.

    Returns:
        An entry of report.json's `analyses`; None where there is nothing to say.
    """
    found = None
    try:
        found = measurer.chance(model, listed, split)
        if found.value.get("try_readings"):
            found = measurer.readings(model, found.value, split)
    except PassError as error:
        what = "tried with other preprocessing" if found else "compared with chance"
        tell(Event("warning", {"text": f"the base could not be {what}: {on_one_line(str(error))}"}))
    if found is None or not found.value.get("text"):
        return None
    finding = dict(found.value)
    tell(Event("warning", {"text": finding["text"]}))
    entry = {
        "name": NAME,
        "key": digest.of_json(found.preimage),
        "findings": [finding],
    }
    tell(Event("analysis", entry))
    return entry
