"""Fill what a recipe leaves open of a step by what its target wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tflbuild.core.errors import RecipeError
from tflbuild.recipe.steps import step_of

SCHEME = "scheme"
"""Option that decides which others mean anything, so that it is settled first."""


@dataclass(frozen=True)
class Contradiction:
    """An option that a recipe says, and that a target does not take.

    Attributes:
        option: its name.
        said: what the recipe says.
        accepted: what the target takes, the best first.
    """

    option: str
    said: Any
    accepted: tuple[Any, ...]


@dataclass(frozen=True)
class Filled:
    """A step with what its target wants.

    Attributes:
        value: the step as the recipe has it, filled.
        wanted: what was filled in, by option.
        contradictions: what the recipe says otherwise.
    """

    value: Mapping[str, Any]
    wanted: Mapping[str, Any] = field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()


def filled(
    label: str,
    value: Mapping[str, Any],
    wants: Mapping[str, Any],
    said: Collection[str],
    idle: Callable[[str, Any], bool],
    *,
    quantized: bool,
) -> Filled:
    """Fill the options of a step that decides how a file is quantized.

    An option that the pass does not have, or that means nothing beside the others, is left as it is; so is one whose
    null has the pass choose, where the target takes several.

    Args:
        label: of the step.
        value: the step as the recipe has it.
        wants: options of the target; a tuple has all that it takes, the best first.
        said: options that the recipe says.
        idle: says of an option and a value whether it means nothing for the recipe's model and data.
        quantized: whether a step before it quantizes, so that it gives an integer file although it quantizes nothing.
    """
    step = step_of(label, value)
    if not wants or not (step.options.output_quantized() or quantized):
        return Filled(value)
    names = {option.name for option in fields(step.options)}  # type: ignore[arg-type]
    made, wanted, contradictions = dict(value), {}, []
    for option in sorted(names & set(wants), key=lambda name: (name != SCHEME, name)):
        accepted = tuple(one for one in accepted_of(wants[option]) if not idle(option, one))
        now = getattr(step.options, option) if option not in made else made[option]
        if not accepted:
            continue
        if option in said:
            if now not in accepted and now is not None:
                contradictions.append(Contradiction(option, now, accepted))
        elif now != accepted[0] and (now is not None or len(accepted) == 1):
            fitting = next((one for one in accepted if _fits(label, {**made, option: one})), None)
            if fitting is not None and fitting != now:
                made[option] = wanted[option] = fitting
    return Filled(made, wanted, tuple(contradictions))


def accepted_of(want: Any) -> tuple[Any, ...]:
    """Give all that a target takes of an option, the best first.

    >>> accepted_of("int8"), accepted_of(("int8", "int16"))
    (('int8',), ('int8', 'int16'))
    """
    return tuple(want) if isinstance(want, tuple | list) else (want,)


def or_else(accepted: tuple[Any, ...]) -> str:
    """List what is accepted, for a sentence.

    >>> or_else(("int8", "int16x8", "dynamic"))
    'int8, int16x8 or dynamic'
    """
    *most, last = map(str, accepted)
    return f"{', '.join(most)} or {last}" if most else f"{last} alone"


def _fits(label: str, value: Mapping[str, Any]) -> bool:
    """Say whether a step may have these options, as far as it knows before the data are read."""
    try:
        step_of(label, value).options.check()
    except (RecipeError, ValueError):
        return False
    return True
