"""Steps of a recipe as a branch has them: options of one target over those of the recipe, and labels of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.recipe import Step

AFTER = "after"
"""Key of a step that says where it stands, which a step of a branch says otherwise."""


def merged(value: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Put options of one target over those of the recipe, one by one at any depth.

    >>> merged({"scheme": "int8", "calibration": {"samples": 8, "source": "a"}}, {"calibration": {"samples": 4}})
    {'scheme': 'int8', 'calibration': {'samples': 4, 'source': 'a'}}
    """
    made = dict(value)
    for key, item in own.items():
        before = made.get(key)
        inner = isinstance(item, Mapping) and isinstance(before, Mapping)
        made[key] = merged(before, item) if inner else item  # type: ignore[arg-type]
    return made


def moved(value: Mapping[str, Any], names: Mapping[str, str], step: Step) -> dict[str, Any]:
    """Give a step for a branch: labels of steps that the branch has of its own are those.

    Args:
        value: the step as the recipe has it.
        names: labels of the branch, by those of the recipe.
        step: what the value says.
    """
    made = {key: item for key, item in value.items() if key != AFTER}
    made["fallback"] = [_renamed(entry, names) for entry in value.get("fallback") or ()]
    made["budget"] = {
        metric: {**limit, "since": names.get(limit["since"], limit["since"])} if _since(limit) else limit
        for metric, limit in (value.get("budget") or {}).items()
    }
    read = set(step.options.models())
    return {key: names.get(item, item) if _names_one(item, read) else item for key, item in made.items()}


def _since(limit: Any) -> bool:
    return isinstance(limit, Mapping) and isinstance(limit.get("since"), str)


def _names_one(item: Any, read: set[str]) -> bool:
    return isinstance(item, str) and item in read


def _renamed(fallback: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(fallback, Mapping):
        return names.get(fallback, fallback)
    run, start = fallback["run"], fallback["from"]
    several = [run] if isinstance(run, str) else list(run)
    return {"from": names.get(start, start), "run": [names.get(one, one) for one in several]}
