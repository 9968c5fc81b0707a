"""Options of a step for one target, `LABEL@TARGET`, held to the steps and targets that a recipe has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.engine.order import AT
from tflbuild.recipe.declared_source import choices_of


def check_own(
    own: Mapping[str, Any], steps: Mapping[str, Any], targets: Mapping[str, Any], words: Iterable[str]
) -> list[str]:
    """Refuse options of a step for one target that name neither.

    Args:
        own: the options, by `LABEL@TARGET`.
        steps: that the recipe configures, by label.
        targets: that it chooses, by name.
        words: what was typed.

    Returns:
        What was typed and has no effect in this build, a sentence each.

    Raises:
        RecipeError: there is no such step or target, or what is said is no mapping.
    """
    typed = {word.lstrip("+~").partition("=")[0].partition(".")[0] for word in words}
    remarks = []
    for key, value in own.items():
        label, _, target = key.partition(AT)
        if label not in steps:
            raise RecipeError(
                f"{plain(key)}: there is no step '{plain(label)}' in this recipe.{did_you_mean(label, steps)}"
            )
        if not isinstance(value, Mapping):
            raise RecipeError(
                f"{plain(key)}: {plain(str(value), 60)} is no mapping of the step's options; "
                f"target.{plain(target)}.step=LABEL delivers an earlier step."
            )
        known = [*targets, *choices_of("target")]
        if target not in known:
            raise RecipeError(
                f"{plain(key)}: no target is called '{plain(target)}'; this recipe has {', '.join(targets)}."
                f"{did_you_mean(target, known)}"
            )
        if target not in targets and key in typed:
            remarks.append(f"{key} has no effect, since target=[{','.join(targets)}]")
    return remarks
