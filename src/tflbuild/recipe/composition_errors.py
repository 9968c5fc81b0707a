"""Say in our words what Hydra finds wrong with a recipe."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from hydra.core.override_parser.types import Override
from omegaconf.errors import InterpolationResolutionError

from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.hook import HOOKS
from tflbuild.core.plain_text import plain
from tflbuild.recipe.declared_source import choices_of
from tflbuild.recipe.files import keys_of, recipe_names
from tflbuild.recipe.replacement import LISTS

GROUPS = ("model", "data", "target", "hooks")

Compose = Callable[[list[str]], dict[str, Any]]


class NoSuchChoice(RecipeError):
    """A group has no choice of that name; a plugin that cannot be loaded may have been meant to declare it.

    Args:
        name: what was chosen.
        noun: what the group holds, e.g. "pass".
        message: the sentence for the user.
    """

    def __init__(self, name: str, noun: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.noun = noun


def reworded(error: Exception, overrides: list[str], compose: Compose) -> RecipeError:
    """Say in our words what Hydra found wrong.

    Args:
        error: what it raised.
        overrides: what was typed.
        compose: composes a recipe, to find the keys that it has.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RecipeError):
            return cause
        cause = cause.__cause__ or cause.__context__
    text = str(error).strip()
    if isinstance(error, InterpolationResolutionError):
        return RecipeError(_shortened(text, overrides))
    for reword in (_missing_choice, partial(_unknown_key, compose=compose), _needs_sweep):
        better = reword(text, overrides)
        if better:
            return better if isinstance(better, RecipeError) else RecipeError(better)
    return RecipeError(_shortened(text, overrides))


def _shortened(text: str, overrides: list[str]) -> str:
    """Keep the first line of what Hydra says, with the key that it concerns."""
    key = re.search(r"full_key: (\S+)", text)
    said = plain((text or "it cannot be composed").splitlines()[0])
    if said.startswith("Error merging override "):
        typed = said.removeprefix("Error merging override ")
        return f"{typed}: '{typed.partition('=')[0]}' takes no such value."
    where = plain(key[1]) if key else ""
    return f"{where}: {said}" if where and where not in said else said


def _missing_choice(text: str, overrides: list[str]) -> RecipeError | str:
    if "You must specify 'recipe'" in text:
        return f"recipe: which? e.g. recipe={recipe_names()[0]}; there are {', '.join(recipe_names())}."
    match = re.search(r"Could not (?:find|load) '(\w+)/([^']+)'", text)
    if match is None:
        match = re.search(r"Could not override '(\w+)(?:@[^']*)?'.*?'(?:\w+)/([^']+)'", text, re.DOTALL)
    if match is None:
        override = re.search(r"Could not override '([\w@]+)'", text)
        if override and override[1] in GROUPS and "No match in the defaults list" in text:
            return f"'{override[1]}' cannot be overridden, since the recipe does not use that group."
        return ""
    group, name = match[1], plain(match[2].removesuffix(".yaml"), 80)
    choices = _choices(group)
    typed = {"passes": f"pass '{name}'", "hooks": f"hooks=[{name}]"}.get(group, f"{group}={name}")
    if not choices and group not in ("recipe", "passes", *GROUPS):
        return f"{plain(typed)}: there is no group '{plain(group)}' of recipe files."
    noun = {"passes": "pass", "hooks": "hook"}.get(group, group)
    there_are = ", ".join(choices)
    message = f"{typed}: there is no {noun} '{name}'; there are {there_are}.{did_you_mean(name, choices)}"
    return NoSuchChoice(name, noun, message)


def _unknown_key(text: str, overrides: list[str], compose: Compose) -> str:
    match = re.search(r"Could not (?:override|append to config|delete from config)[^']*'([^']+)'", text)
    deeper = re.search(r"full_key: (\S+)", text)
    if match is None or (deeper and deeper[1].startswith(f"{match[1]}.")):
        match = deeper
    if match is None:
        return ""
    typed = match[1]
    hook = typed.removeprefix("hooks.").partition(".")[0]
    if typed.startswith("hooks.") and hook in HOOKS and not _chooses_hook(hook, overrides, compose):
        return f"{typed}: the hook '{hook}' is not chosen; add hooks=[{hook}]."
    known = sorted(key for key in _known_keys(overrides, compose) if ".budget." not in key)
    return f"{typed}: there is no such key in this recipe.{did_you_mean(typed, known)}"


def _known_keys(overrides: list[str], compose: Compose) -> set[str]:
    """List the keys that would have been right: those of the recipe without overrides, limits left out."""
    recipe = [item for item in overrides if item.startswith("recipe=")]
    groups = [item for item in overrides if item.partition("=")[0] in GROUPS or item.startswith("+passes@")]
    if len(recipe) + len(groups) == len(overrides):
        return set()
    return set(keys_of(compose([*recipe, *groups])))


def _chooses_hook(hook: str, overrides: list[str], compose: Compose) -> bool:
    return f"hooks.{hook}" in _known_keys(overrides, compose)


def _needs_sweep(text: str, overrides: list[str]) -> str:
    if "multirun" in text or "--multirun" in text:
        swept = next((o for o in overrides if re.search(r",|=\w+\(", o)), "")
        return f"{swept}: several values make a sweep; add -m."
    return ""


def refuse_no_choice(parsed: list[Override]) -> None:
    """Refuse what chooses nothing of a group, and what names no key.

    Raises:
        RecipeError: null, a number or an empty name for a group, or a value without a key.
    """
    for override in parsed:
        key, value = override.key_or_group, cast("Any", override.value())
        if not key:
            raise RecipeError(f"{plain(override.input_line)}: it names no key; write KEY=VALUE.")
        if key not in ("recipe", "passes", *GROUPS) or override.is_sweep_override():
            continue
        if override.is_delete() and value is None:
            continue
        if isinstance(value, dict) and key != "recipe":
            continue
        several = isinstance(value, list) and key in LISTS
        if not all(isinstance(name, str) and name for name in (value if several else [value])):
            typed = f"{key}@{plain(override.package, 80)}" if override.package else key
            raise RecipeError(
                f"{typed}: {_as_typed(value)} is not a choice; there are {', '.join(_choices(key))}."
            )


def _as_typed(value: Any) -> str:
    """Show a value that chooses nothing."""
    return "null" if value is None else "''" if value == "" else plain(value, 60)


def _choices(group: str) -> list[str]:
    """Name what a group has to choose from."""
    if group == "recipe":
        return recipe_names()
    if group == "passes":
        return sorted(PASSES)
    return choices_of(group)
