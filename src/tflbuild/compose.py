"""Compose a recipe with Hydra: recipe files, groups, overrides; and say in our words what Hydra finds wrong.

A recipe is a flat file `recipes/NAME.yaml`, and groups are folders beside it; see `recipe_files.py`.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from functools import cache
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tflbuild.core.budget import LIMITS
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.options import to_json
from tflbuild.recipe_files import FlatSource, RecipeSearchPath, group_names, keys_of, recipe_names

PRIMARY = "_tflbuild"
GROUPS = ("model", "data", "target", "hooks")
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
    "store": {
        "path": "${oc.env:TFLBUILD_STORE,null}",
        "remote": "${oc.env:TFLBUILD_REMOTE,null}",
        "shared": None,
    },
    "outputs": "outputs",
    "worker": {"max_rss": 6000, "threads": 2, "evaluators": None, "checkpoint_seconds": 30.0},
    "hooks": {},
    "locked": False,
    "stop_after": None,
    "keep_intermediate": False,
    "time_passes": False,
}
"""Keys of every recipe and their defaults."""


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
        config, name = _composed(overrides)
        mapping = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException, ConfigLoadError) as error:
        raise reworded(error, overrides) from error
    assert isinstance(mapping, dict)
    return {"recipe": name, **{str(key): value for key, value in mapping.items()}}


def _composed(overrides: list[str]) -> tuple[DictConfig, str]:
    """Compose with the parts of `hydra.compose` that concern a recipe, and give the recipe's name with it.

    Hydra's own configuration is left out, and so is its search for plugins, which imports every launcher and
    sweeper on the machine; see docs/decisions/0003-hydra-parts.md.
    """
    loader = ConfigLoaderImpl(_search_path())
    parsed = OverridesParser.create().parse_overrides(overrides)
    loader.validate_sweep_overrides_legal(parsed, run_mode=RunMode.RUN, from_shell=False)
    sources = CachingConfigRepository(_Sources(loader.config_search_path))
    defaults = create_defaults_list(
        repo=sources, config_name=PRIMARY, overrides_list=parsed, prepend_hydra=False, skip_missing=False
    )
    config = loader._compose_config_from_defaults_list(defaults=defaults.defaults, repo=sources)
    OmegaConf.set_struct(config, True)
    loader._apply_overrides_to_config(defaults.config_overrides, config)
    return config, str(defaults.overrides.known_choices["recipe"])


def _search_path() -> ConfigSearchPathImpl:
    path = ConfigSearchPathImpl()
    RecipeSearchPath().manipulate_search_path(path)
    path.append(provider="schema", path="structured://")
    return path


class _Sources(ConfigRepository):
    """Where recipes and passes are found; shared, where Hydra copies it with every configuration it knows."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Sources:
        return self


def register(*, every_limit: bool = False) -> None:
    """Tell Hydra of our sources and of every declared pass and hook, each once a process.

    Args:
        every_limit: give a budget a node for every limit, for `--cfg` and completion; otherwise it takes any key, and
            `recipe.py` says which are wrong.
    """
    _register_sources()
    budget = limit_nodes() if every_limit else OmegaConf.create({}, flags={"struct": False})
    store = ConfigStore.instance()
    # Hooks come first, so that a recipe may override the choice and set the options of what is chosen.
    defaults = ["_self_", {"hooks": []}, {"recipe": "???"}]
    if _is_new("", PRIMARY, every_limit):
        store.store(name=PRIMARY, node={"defaults": defaults, **ROOT, "budget": budget}, provider="tflbuild")
    for name, cls in PASSES.items():
        if _is_new("passes", name, (cls, every_limit)):
            node = step_node(name, cls, budget)
            store.store(group="passes", name=name, node=node, provider="tflbuild")
    for name, hook in HOOKS.items():
        if _is_new("hooks", name, hook):
            node = {"type": name, **options_node(hook)}
            store.store(group="hooks", name=name, node=node, package=f"hooks.{name}", provider="tflbuild")


_registered: dict[tuple[str, str], Any] = {}


def _is_new(group: str, name: str, declared: Any) -> bool:
    """Say whether something is not yet registered as it is now; takes note of it."""
    if _registered.get((group, name)) == declared:
        return False
    _registered[group, name] = declared
    return True


@cache
def _register_sources() -> None:
    logging.getLogger("hydra").setLevel(logging.WARNING)
    version.setbase("1.3")
    setup_globals()
    OmegaConf.register_new_resolver("oc.env", _environment, replace=True)
    for source in (FlatSource, StructuredConfigSource):
        SourcesRegistry.instance().register(source)


def limit_nodes() -> dict[str, Any]:
    """Give a node for every metric and every form of limit."""
    return {metric: dict.fromkeys((*LIMITS, "since")) for metric in METRICS}


def step_node(name: str, cls: type[Pass], budget: Any) -> dict[str, Any]:
    """Give what a recipe may say of a step: the keys of every step, and the pass's own options."""
    step = {
        "pass": name,
        "enabled": True,
        "after": [],
        "budget": budget,
        "on_breach": "fail",
        "fallback": [],
        "timeout": None,
    }
    return {**step, **options_node(cls)}


def options_node(cls: type[Any]) -> dict[str, Any]:
    """Give the options of a declared class with their defaults; an empty mapping takes any key."""
    options = {option.name: to_json(_default(option)) for option in dataclasses.fields(cls)}
    return {
        name: OmegaConf.create({}, flags={"struct": False}) if value == {} else value
        for name, value in options.items()
    }


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
            return better if isinstance(better, RecipeError) else RecipeError(better)
    return RecipeError(
        text.split("\nSet the environment variable HYDRA_FULL_ERROR")[0].split("\n    full_key")[0]
    )


def _missing_choice(text: str, overrides: list[str]) -> RecipeError | str:
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
    elif group == "hooks":
        choices, typed = sorted({*HOOKS, *group_names(group)}), f"hooks=[{name}]"
    else:
        choices, typed = group_names(group), f"{group}={name}"
    noun = {"passes": "pass", "hooks": "hook"}.get(group, group)
    there_are = ", ".join(choices)
    message = f"{typed}: there is no {noun} '{name}'; there are {there_are}.{did_you_mean(name, choices)}"
    return NoSuchChoice(name, noun, message)


def _unknown_key(text: str, overrides: list[str]) -> str:
    match = re.search(r"Could not (?:override|append to config|delete from config)[^']*'([^']+)'", text)
    match = match or re.search(r"full_key: (\S+)", text)
    if match is None:
        return ""
    typed = match[1]
    hook = typed.removeprefix("hooks.").partition(".")[0]
    if typed.startswith("hooks.") and hook in HOOKS and not _chooses_hook(hook, overrides):
        return f"{typed}: the hook '{hook}' is not chosen; add hooks=[{hook}]."
    known = sorted(key for key in _known_keys(overrides) if ".budget." not in key)
    return f"{typed}: there is no such key in this recipe.{did_you_mean(typed, known)}"


def _known_keys(overrides: list[str]) -> set[str]:
    """List the keys that would have been right: those of the recipe without overrides, limits left out."""
    recipe = [item for item in overrides if item.startswith("recipe=")]
    groups = [item for item in overrides if item.partition("=")[0] in GROUPS or item.startswith("+passes@")]
    if len(recipe) + len(groups) == len(overrides):
        return set()
    return set(keys_of(compose([*recipe, *groups])))


def _chooses_hook(hook: str, overrides: list[str]) -> bool:
    return f"hooks.{hook}" in _known_keys(overrides)


def _needs_sweep(text: str, overrides: list[str]) -> str:
    if "multirun" in text or "--multirun" in text:
        swept = next((o for o in overrides if "," in o), "")
        return f"{swept}: several values make a sweep; add -m."
    return ""
