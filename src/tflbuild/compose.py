"""Compose a recipe with Hydra: recipe files, groups, overrides; and say in our words what Hydra finds wrong.

A recipe is a flat file `recipes/NAME.yaml`, and groups are folders beside it; see `recipe_files.py`.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tflbuild.core.budget import LIMITS
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.options import to_json
from tflbuild.recipe_files import FlatSource, RecipeSearchPath, group_names, keys_of, recipe_names

PRIMARY = "_tflbuild"
GROUPS = ("model", "data", "target")
ENVIRONMENT_ALLOWED = ("HOME", "USER", "PWD", "TMPDIR")
"""What `oc.env` may read in a recipe, besides names that begin with TFLBUILD_."""

ROOT: dict[str, Any] = {
    "description": "",
    "pipeline": [],
    "budget": {},
    "seed": 0,
    "device": "cpu",
    "strict": False,
    "seeds": [],
    "objective": [],
    "store": {"path": "${oc.env:TFLBUILD_STORE,null}", "remote": "${oc.env:TFLBUILD_REMOTE,null}"},
    "outputs": "outputs",
    "worker": {"max_rss": 6000, "threads": 2, "evaluators": None, "checkpoint_seconds": 30.0},
    "hooks": {},
    "locked": False,
    "stop_after": None,
    "keep_intermediate": False,
    "time_passes": False,
}
"""Keys of every recipe and their defaults."""


def compose(overrides: list[str]) -> dict[str, Any]:
    """Compose a recipe from what the user typed.

    Args:
        overrides: e.g. ["recipe=ssd_mobilenet_int8", "prune.sparsity=0.7"].

    Returns:
        The resolved recipe; plain values only. `recipe` holds its name.

    Raises:
        RecipeError: Hydra refuses it; the message says the key, the value and the nearest spelling.
    """
    register()
    try:
        with initialize(config_path=None, version_base="1.3"):
            config = hydra_compose(config_name=PRIMARY, overrides=overrides, return_hydra_config=True)
            choices = dict(config.hydra.runtime.choices)
            OmegaConf.set_struct(config, False)
            config.pop("hydra")
            mapping = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException, ConfigLoadError) as error:
        raise reworded(error, overrides) from error
    assert isinstance(mapping, dict)
    return {"recipe": choices["recipe"], **{str(key): value for key, value in mapping.items()}}


def register() -> None:
    """Tell Hydra of our sources and of every declared pass; once a process for the former."""
    from hydra._internal.sources_registry import SourcesRegistry

    GlobalHydra.instance().clear()
    logging.getLogger("hydra").setLevel(logging.WARNING)
    registry = SourcesRegistry.instance()
    if "flat" not in registry.types:
        registry.register(FlatSource)
        Plugins.instance().register(RecipeSearchPath)
        OmegaConf.register_new_resolver("oc.env", _environment, replace=True)
    store = ConfigStore.instance()
    defaults = ["_self_", {"recipe": "???"}, {"hooks": []}]
    store.store(name=PRIMARY, node={"defaults": defaults, **root_node()}, provider="tflbuild")
    for name, cls in PASSES.items():
        store.store(group="passes", name=name, node=step_node(name, cls), provider="tflbuild")
    for name, hook in HOOKS.items():
        node = {"type": name, **options_node(hook)}
        store.store(group="hooks", name=name, node=node, package=f"hooks.{name}", provider="tflbuild")


def root_node() -> dict[str, Any]:
    """Give the recipe's root with a node for every limit, so that any of them can be set by itself."""
    return {**ROOT, "budget": budget_node()}


def budget_node() -> dict[str, Any]:
    """Give a node for every metric and every form of limit."""
    return {metric: dict.fromkeys((*LIMITS, "since")) for metric in METRICS}


def step_node(name: str, cls: type[Pass]) -> dict[str, Any]:
    """Give what a recipe may say of a step: the keys of every step, and the pass's own options."""
    step = {
        "pass": name,
        "enabled": True,
        "after": [],
        "budget": budget_node(),
        "on_breach": "fail",
        "fallback": [],
        "timeout": None,
    }
    return {**step, **options_node(cls)}


def options_node(cls: type[Any]) -> dict[str, Any]:
    """Give the options of a declared class with their defaults."""
    return {option.name: to_json(_default(option)) for option in dataclasses.fields(cls)}


def _default(option: dataclasses.Field[Any]) -> Any:
    if option.default is not dataclasses.MISSING:
        return option.default
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return "???"


def _environment(name: str, default: Any = None) -> Any:
    if name not in ENVIRONMENT_ALLOWED and not name.startswith("TFLBUILD_"):
        raise RecipeError(
            f"oc.env:{name}: a recipe may read {', '.join(ENVIRONMENT_ALLOWED)} and TFLBUILD_* of the environment only."
        )
    return os.environ.get(name, default)


def reworded(error: Exception, overrides: list[str]) -> RecipeError:
    """Say in our words what Hydra found wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RecipeError):
            return cause
        cause = cause.__cause__ or cause.__context__
    text = str(error).strip()
    for reword in (_missing_choice, _unknown_key, _needs_sweep):
        better = reword(text, overrides)
        if better:
            return RecipeError(better)
    return RecipeError(
        text.split("\nSet the environment variable HYDRA_FULL_ERROR")[0].split("\n    full_key")[0]
    )


def _missing_choice(text: str, overrides: list[str]) -> str:
    if "You must specify 'recipe'" in text:
        return f"recipe: which? e.g. recipe={recipe_names()[0]}; there are {', '.join(recipe_names())}."
    match = re.search(r"Could not (?:find|load) '(\w+)/([^']+)'", text)
    if match is None:
        match = re.search(r"Could not override '(\w+)(?:@[^']*)?'.*?'(?:\w+)/([^']+)'", text, re.DOTALL)
    if match is None:
        override = re.search(r"Could not override '([\w@]+)'", text)
        if override and override[1] in GROUPS:
            return f"'{override[1]}' cannot be overridden, since the recipe does not use that group."
        return ""
    group, name = match[1], match[2].removesuffix(".yaml")
    if group == "recipe":
        choices, typed = recipe_names(), f"recipe={name}"
    elif group == "passes":
        choices, typed = sorted(PASSES), f"pass '{name}'"
    else:
        choices, typed = group_names(group), f"{group}={name}"
    noun = group.removesuffix("es")
    there_are = ", ".join(choices)
    return f"{typed}: there is no {noun} '{name}'; there are {there_are}.{did_you_mean(name, choices)}"


def _unknown_key(text: str, overrides: list[str]) -> str:
    match = re.search(r"Could not (?:override|append to config|delete from config)[^']*'([^']+)'", text)
    match = match or re.search(r"full_key: (\S+)", text)
    if match is None:
        return ""
    typed = match[1]
    known = sorted(key for key in _known_keys(overrides) if ".budget." not in key)
    return f"{typed}: there is no such key in this recipe.{did_you_mean(typed, known)}"


def _known_keys(overrides: list[str]) -> set[str]:
    """List the keys that would have been right: those of the recipe without overrides, limits left out."""
    recipe = [item for item in overrides if item.startswith("recipe=")]
    groups = [item for item in overrides if item.partition("=")[0] in GROUPS or item.startswith("+passes@")]
    if len(recipe) + len(groups) == len(overrides):
        return set()
    return set(keys_of(compose([*recipe, *groups])))


def _needs_sweep(text: str, overrides: list[str]) -> str:
    if "multirun" in text or "--multirun" in text:
        swept = next((o for o in overrides if "," in o), "")
        return f"{swept}: several values make a sweep; add -m."
    return ""
