"""Steps, limits and fallbacks of a recipe, validated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.core.budget import LIMITS, QUALIFIERS, Fallback, Limit, entries_of, limits_of
from tflbuild.core.compiler_pass import PASSES, STEP_KEYS
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.file_size import RIGHT, read_size
from tflbuild.core.metric import METRICS
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Step
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.keys import BranchKeys, StepKeys
from tflbuild.recipe.text import parsed, read_text
from tflbuild.recipe.validation import shown, typed

ALTERNATIVES = ("steps", "epochs")
"""Options that are two words for one thing: setting one replaces the other."""

PLAIN_KEYS = ("enabled", "after", "on_breach", "timeout")
"""Keys of every step that are checked by their type alone."""

BRANCH_KEYS = ("takes", "wanted")
"""Keys of a step that follow from the targets: a resolved recipe has them, and nobody types them."""


def step_of(label: str, value: Mapping[str, Any]) -> Step:
    """Validate one step."""
    cls = PASSES.get(
        value["pass"] if isinstance(value["pass"], str) else shown(value["pass"]), f"{label}.pass"
    )
    options = {key: item for key, item in value.items() if key not in (*STEP_KEYS, *BRANCH_KEYS)}
    given = {key: value[key] for key in PLAIN_KEYS if value.get(key) is not None}
    common = typed(StepKeys, given, label)
    branch = typed(BranchKeys, {key: value[key] for key in BRANCH_KEYS if key in value}, label)
    return Step(
        label=label,
        options=typed(cls, options, label, also=STEP_KEYS),
        enabled=common.enabled,
        after=common.after,
        limits=limits_at(value.get("budget"), f"{label}.budget"),
        on_breach=common.on_breach,
        fallback=_fallbacks(value.get("fallback"), f"{label}.fallback"),
        timeout=common.timeout,
        takes=branch.takes,
        wanted=branch.wanted,
    )


def settle_alternatives(mapping: Mapping[str, Any], overrides: list[str]) -> dict[str, Any]:
    """Let the later of `steps` and `epochs` replace the other: the command line, then the nearest file.

    Args:
        mapping: what `compose.compose` gave.
        overrides: what the user typed.
    """
    settled = dict(mapping)
    for label, value in mapping.items():
        if isinstance(value, dict) and "pass" in value:
            settled[label] = _one_alternative(label, value, str(mapping["recipe"]), overrides)
    return settled


def _one_alternative(
    label: str, options: dict[str, Any], recipe: str, overrides: list[str]
) -> dict[str, Any]:
    given = [name for name in ALTERNATIVES if options.get(name) is not None]
    if len(given) < 2:
        return options
    typed = [name for name in given if any(o.lstrip("+").startswith(f"{label}.{name}=") for o in overrides)]
    chosen = typed or [name for name in given if name in _nearest(recipe, label, set(given))]
    if len(chosen) != 1:
        raise RecipeError(f"{label}: set either {label}.steps or {label}.epochs, not both.")
    return {key: (None if key in given and key != chosen[0] else value) for key, value in options.items()}


def _nearest(recipe: str, label: str, names: set[str]) -> set[str]:
    """Give which of `names` the first recipe file says that says any, from the recipe up through its ancestors."""
    path = recipe_files.find_recipe(recipe)
    if path is None:
        return set()
    content: Any = parsed(read_text(path), path)
    said = {name for name in names if (content.get(label) or {}).get(name) is not None}
    if said:
        return said
    for parent in reversed([entry for entry in content.get("defaults", []) if isinstance(entry, str)]):
        found = set() if parent == "_self_" else _nearest(parent, label, names)
        if found:
            return found
    return set()


def _fallbacks(value: Any, key: str) -> tuple[Fallback, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RecipeError(
            f"{key}: {shown(value)} is not a list; write e.g. [LABEL, {{from: LABEL, run: [LABEL]}}]."
        )
    return tuple(_fallback(item, f"{key}.{position}") for position, item in enumerate(value))


def _fallback(value: Any, key: str) -> Fallback:
    if isinstance(value, str):
        return Fallback(run=(value,))
    if isinstance(value, Mapping) and set(value) == {"from", "run"}:
        start, run = value["from"], value["run"]
        labels = [run] if isinstance(run, str) else run
        if (
            isinstance(labels, (list, tuple))
            and labels
            and all(isinstance(one, str) for one in (start, *labels))
        ):
            return Fallback(run=tuple(labels), start=start)
    raise RecipeError(f"{key}: {shown(value)} is neither a label nor {{from: LABEL, run: [LABEL, ...]}}.")


def limits_at(budget: Any, key: str) -> tuple[Limit, ...]:
    """Validate a budget; null is none."""
    if budget is None:
        return ()
    if not isinstance(budget, Mapping):
        raise RecipeError(
            f"{key}: {shown(budget)} is not a budget; write e.g. {{map: {{max_drop: 0.01}}}}, or null."
        )
    for metric, limits in budget.items():
        METRICS.get(str(metric), key)
        for where, one in _entries(limits, f"{key}.{metric}"):
            for form, bound in one.items():
                _check_limit(form, bound, where, metric)
            if one.get("on") is not None and key != "budget":
                raise RecipeError(
                    f"{where}.on: a step is judged here and not on a target; put the limit into the recipe's total "
                    f"budget, as budget.{plain(metric)}."
                )
    return limits_of(
        {
            metric: [
                {form: in_bytes(bound) if is_size(form, metric) else bound for form, bound in one.items()}
                for one in entries_of(limits)
            ]
            for metric, limits in budget.items()
        }
    )


def _entries(limits: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the limits on one metric, each with its key: one mapping, or a list of them; null is none."""
    listed = isinstance(limits, (list, tuple))
    for place, one in enumerate(limits if listed else [limits]):
        where = f"{key}.{place}" if listed else key
        if one is None:
            continue
        if not isinstance(one, Mapping):
            raise RecipeError(
                f"{where}: {shown(one)} is not a limit; write e.g. {{max_drop: 0.01}} with one of "
                f"{', '.join(LIMITS)}."
            )
        yield where, one


def is_size(form: Any, metric: str) -> bool:
    """Say whether a limit is a number of bytes, and may be written as a size; a share of one is not."""
    return form in LIMITS and form != "max_relative_drop" and METRICS.get(str(metric)).unit == "bytes"


def in_bytes(bound: Any) -> Any:
    """Give the bytes of a size, e.g. "500KB"; anything else as it is."""
    found = read_size(bound) if isinstance(bound, str) else None
    return bound if found is None else found


def _check_limit(form: Any, bound: Any, key: str, metric: str) -> None:
    where = f"{key}.{plain(form)}"
    if form not in (*LIMITS, *QUALIFIERS):
        raise RecipeError(
            f"{where}: there is no such limit; there are {', '.join(LIMITS)}."
            f"{did_you_mean(str(form), (*LIMITS, *QUALIFIERS))}"
        )
    if form == "since":
        if bound is not None and not isinstance(bound, str):
            raise RecipeError(f"{where}: {shown(bound)} is not the label of a step.")
    elif form == "on":
        names = bound if isinstance(bound, (list, tuple)) else [bound]
        if bound is not None and not (names and all(isinstance(name, str) and name for name in names)):
            raise RecipeError(
                f"{where}: {shown(bound)} is not the name of a target, nor a list of such names."
            )
    elif is_size(form, metric):
        if bound is not None and (isinstance(bound, bool) or not _number(in_bytes(bound))):
            raise RecipeError(f"{where}: {shown(bound)} is not a size; expected {RIGHT}.")
    elif bound is not None and (isinstance(bound, bool) or not _number(bound)):
        raise RecipeError(f"{where}: {shown(bound)} is not a number.")


def _number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False
