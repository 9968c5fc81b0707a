"""Compose a recipe with Hydra: recipe files, groups, overrides; and say in our words what Hydra finds wrong.

A recipe is a flat file `recipes/NAME.yaml`, and groups are folders beside it. Hydra by itself would want
`recipes/recipe/NAME.yaml`; `FlatSource` maps the one onto the other.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tflbuild.core.budget import LIMITS
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.metric import METRICS
from tflbuild.core.options import to_json

PRIMARY = "_tflbuild"
CONFIG_DIR = "TFLBUILD_CONFIG_DIR"
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
    "store": {"path": "${oc.env:TFLBUILD_STORE,null}"},
    "outputs": "outputs",
    "worker": {"max_rss": 6000, "threads": 2},
}
"""Keys of every recipe and their defaults."""


def recipe_folders() -> list[Path]:
    """List folders of recipes, the user's first: `--config-dir`, `./recipes`, the package's."""
    given = os.environ.get(CONFIG_DIR)
    folders = [Path(given)] if given else []
    return [*folders, Path("recipes").resolve(), packaged_recipes()]


def packaged_recipes() -> Path:
    """Give the folder of the shipped recipes: in the wheel, or in the checkout."""
    here = Path(__file__).resolve().parent
    shipped = here / "_recipes"
    return shipped if shipped.is_dir() else here.parents[1] / "recipes"


def find_recipe(name: str) -> Path | None:
    """Find the file of a recipe by name, the user's before the package's."""
    for folder in recipe_folders():
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    return None


def recipe_names() -> list[str]:
    """List the recipes that can be found."""
    return sorted({path.stem for folder in recipe_folders() for path in folder.glob("[!_]*.yaml")})


def group_names(group: str) -> list[str]:
    """List the choices of a group."""
    return sorted({path.stem for folder in recipe_folders() for path in (folder / group).glob("*.yaml")})


class FlatSource(ConfigSource):
    """A folder of recipes as Hydra's group `recipe`, its sub-folders as groups of their own."""

    @staticmethod
    def scheme() -> str:
        """Give the scheme of its addresses."""
        return "flat"

    def available(self) -> bool:
        """Say whether the folder is there."""
        return Path(self.path).is_dir()

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one file.

        Raises:
            ConfigLoadError: it is not there or is no YAML mapping.
        """
        path = self._file(config_path)
        if not path.is_file():
            raise ConfigLoadError(f"Config not found : {path}")
        text = path.read_text(encoding="utf-8")
        header = re.match(r"\s*#\s*@package\s+(\S+)", text)
        try:
            loaded = OmegaConf.create(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(loaded, DictConfig):
            raise ConfigLoadError(f"{path} is no mapping of recipe keys.")
        if config_path.startswith("recipe/"):
            _refuse_code(path, loaded)
        return ConfigResult(
            config=loaded,
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={"package": header[1] if header else None},
        )

    def is_group(self, config_path: str) -> bool:
        """Say whether a path names a group."""
        return config_path in ("", "recipe") or (Path(self.path) / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Say whether a path names a file."""
        return self._file(config_path).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List what lies in a group, for completion and error messages."""
        folder = Path(self.path) / ("" if config_path == "recipe" else config_path)
        names = [path.stem for path in folder.glob("[!_]*.yaml")] if config_path else []
        groups = [] if config_path else [p.name for p in folder.iterdir() if p.is_dir()] + ["recipe"]
        if results_filter == ObjectType.CONFIG:
            return sorted(names)
        return sorted(groups) if results_filter == ObjectType.GROUP else sorted([*names, *groups])

    def _file(self, config_path: str) -> Path:
        name = config_path.removesuffix(".yaml")
        if name.startswith("recipe/"):
            name = name.removeprefix("recipe/")
        elif "/" not in name:
            name = "_"
        return Path(self.path) / f"{name}.yaml"


class RecipeSearchPath(SearchPathPlugin):
    """Put the folders of recipes on Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders, the user's first."""
        for position, folder in enumerate(recipe_folders()):
            search_path.append(provider=f"recipes-{position}", path=f"flat://{folder}")


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
    defaults = ["_self_", {"recipe": "???"}]
    store.store(name=PRIMARY, node={"defaults": defaults, **root_node()}, provider="tflbuild")
    for name, cls in PASSES.items():
        store.store(group="passes", name=name, node=step_node(name, cls), provider="tflbuild")


def root_node() -> dict[str, Any]:
    """Give the recipe's root with a node for every limit, so that any of them can be set by itself."""
    return {**ROOT, "budget": budget_node()}


def budget_node() -> dict[str, Any]:
    """Give a node for every metric and every form of limit."""
    return {metric: dict.fromkeys((*LIMITS, "since")) for metric in METRICS}


def step_node(name: str, cls: type[Pass]) -> dict[str, Any]:
    """Give what a recipe may say of a step: the keys of every step, and the pass's own options."""
    options = {
        f.name: to_json(_default(f))
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
    }
    step = {
        "pass": name,
        "enabled": True,
        "after": [],
        "budget": budget_node(),
        "on_breach": "fail",
        "fallback": [],
        "timeout": None,
    }
    return {**step, **options}


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


def _refuse_code(path: Path, config: DictConfig) -> None:
    """A recipe is data: refuse what would make Hydra run code.

    Raises:
        RecipeError: a `hydra` key or a `_target_` anywhere.
    """
    for key in _keys(OmegaConf.to_container(config, resolve=False)):
        if key == "hydra" or key.startswith(("hydra.", "hydra/")):
            raise RecipeError(f"{path}: '{key}': a recipe may not configure Hydra itself.")
        if key.rpartition(".")[2] == "_target_":
            raise RecipeError(f"{path}: '{key}': a recipe may not name code; use registered passes by name.")
    for entry in config.get("defaults", []):
        name = next(iter(entry)) if isinstance(entry, Mapping | DictConfig) else str(entry)
        if "hydra" in str(name):
            raise RecipeError(f"{path}: defaults: '{name}': a recipe may not configure Hydra itself.")


def _keys(value: Any, prefix: str = "") -> list[str]:
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += [f"{prefix}{key}", *_keys(item, f"{prefix}{key}.")]
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += _keys(item, f"{prefix}{position}.")
    return found


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
    return set(_keys(compose([*recipe, *groups])))


def _needs_sweep(text: str, overrides: list[str]) -> str:
    if "multirun" in text or "--multirun" in text:
        swept = next((o for o in overrides if "," in o), "")
        return f"{swept}: several values make a sweep; add -m."
    return ""
