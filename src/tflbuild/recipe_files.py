"""Recipe files on Hydra's search path: flat files as the group `recipe`, folders beside them as groups.

Hydra by itself would want `recipes/recipe/NAME.yaml`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from tflbuild.core.errors import RecipeError

CONFIG_DIR = "TFLBUILD_CONFIG_DIR"


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


def find_lock(recipe: str) -> Path | None:
    """Find the lock that lies beside a recipe's file: `NAME.lock.yaml`."""
    path = find_recipe(recipe)
    lock = path.with_name(f"{recipe}.lock.yaml") if path else None
    return lock if lock and lock.is_file() else None


def recipe_names() -> list[str]:
    """List the recipes that can be found."""
    return sorted({name for folder in recipe_folders() for name in _names_in(folder)})


def _names_in(folder: Path) -> list[str]:
    """List the recipes of a folder; locks lie beside them."""
    return [path.stem for path in folder.glob("[!_]*.yaml") if not path.name.endswith(".lock.yaml")]


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
            content = _parsed(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(content, dict):
            raise ConfigLoadError(f"{path} is no mapping of recipe keys.")
        if config_path.startswith("recipe/"):
            _refuse_code(path, content)
        loaded = OmegaConf.create(content)
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
        names = _names_in(folder) if config_path else []
        groups = [] if config_path else ["recipe", *(path.name for path in folder.glob("*/"))]
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


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Parse YAML as `OmegaConf.create` would, by libyaml, and once: a sweep reads the same files often."""
    try:
        content = yaml.load(text, Loader=_fast_loader())
    except yaml.YAMLError:
        content = yaml.load(text, Loader=get_yaml_loader())  # shows the line, too
    return {} if content is None else content


@cache
def _fast_loader() -> Any:
    """Give OmegaConf's loader with libyaml's parser, where PyYAML was built with it."""
    careful: Any = get_yaml_loader()
    if not yaml.__with_libyaml__:
        return careful
    from yaml._yaml import CParser

    class FastLoader(CParser, careful):  # type: ignore[misc]
        """Reads events from libyaml, and makes of them what OmegaConf makes of them."""

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return FastLoader


def _refuse_code(path: Path, content: Mapping[str, Any]) -> None:
    """A recipe is data: refuse what would make Hydra run code.

    Raises:
        RecipeError: a `hydra` key or a `_target_` anywhere.
    """
    for key in keys_of(content):
        if key == "hydra" or key.startswith(("hydra.", "hydra/")):
            raise RecipeError(f"{path}: '{key}': a recipe may not configure Hydra itself.")
        if key.rpartition(".")[2] == "_target_":
            raise RecipeError(f"{path}: '{key}': a recipe may not name code; use registered passes by name.")
    for entry in content.get("defaults") or []:
        name = next(iter(entry)) if isinstance(entry, Mapping) else str(entry)
        if "hydra" in str(name):
            raise RecipeError(f"{path}: defaults: '{name}': a recipe may not configure Hydra itself.")


def keys_of(value: Any, prefix: str = "") -> list[str]:
    """List every key of nested mappings and lists, dotted."""
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += [f"{prefix}{key}", *keys_of(item, f"{prefix}{key}.")]
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += keys_of(item, f"{prefix}{position}.")
    return found
