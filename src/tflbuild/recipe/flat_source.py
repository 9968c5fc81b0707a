"""Recipe files on Hydra's search path: flat files as the group `recipe`, folders beside them as groups.

Hydra by itself would want `recipes/recipe/NAME.yaml`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.recipe import files
from tflbuild.recipe.declared_source import with_every_option
from tflbuild.recipe.interpolation import check_texts
from tflbuild.recipe.text import parsed, read_text, refuse_code

WHOLE = "_global_"
"""Package of every recipe: its keys stand at the root. A file need not say so."""


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
            ConfigLoadError: it is not there.
            RecipeError: it is no recipe: see `recipe_text`.
        """
        path = self._file(config_path)
        if not _exists(path):
            raise ConfigLoadError(f"Config not found : {path}")
        text = read_text(path)
        header = re.match(r"\s*#\s*@package\s+(\S+)", text)
        package = header[1] if header else None
        content = parsed(text, path)
        if not isinstance(content, dict):
            raise RecipeError(f"{plain(path)} is not a mapping of recipe keys.")
        refuse_code(path, package, content)
        if config_path.startswith("recipe/"):
            if package not in (None, WHOLE):
                raise RecipeError(
                    f"{plain(path)}: a recipe has no '@package {plain(package)}'; remove that line, or write "
                    f"'@package {WHOLE}'."
                )
            package = WHOLE
        check_texts(content, plain(path))
        loaded = OmegaConf.create(with_every_option(config_path.partition("/")[0], content))
        return ConfigResult(
            config=loaded,
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={"package": package},
        )

    def is_group(self, config_path: str) -> bool:
        """Say whether a path names a group; Hydra's own are none of ours."""
        if config_path.partition("/")[0] == "hydra":
            return False
        return config_path in ("", "recipe") or (Path(self.path) / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Say whether a path names a file, of whatever kind: reading it says what is wrong with it."""
        return config_path.partition("/")[0] != "hydra" and _exists(self._file(config_path))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List what lies in a group, for completion and error messages."""
        folder = Path(self.path) / ("" if config_path == "recipe" else config_path)
        names = files.names_in(folder) if config_path else []
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


def _exists(path: Path) -> bool:
    """Say whether there is anything; a name that no file can have is none."""
    return os.path.exists(path)


class RecipeSearchPath(SearchPathPlugin):
    """Put the folders of recipes on Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders, the user's first."""
        for position, folder in enumerate(files.recipe_folders()):
            search_path.append(provider=f"recipes-{position}", path=f"flat://{folder}")


def circle_of(overrides: list[str]) -> str:
    """Say which recipes' defaults name one another in a circle."""
    name = next((word.partition("=")[2].strip('"') for word in overrides if word.startswith("recipe=")), "")
    found = _circle(name, [], set())
    if not found:
        return f"recipe={plain(name)}: its defaults name more files than are read, or lead to one another."
    shown = " -> ".join(map(plain, found))
    return f"{plain(files.find_recipe(found[0]))}: defaults: recipes name one another in a circle: {shown}."


def _circle(name: str, above: list[str], done: set[str]) -> list[str]:
    """Find the first circle below a recipe, depth first; `done` are those below which there is none."""
    if name in above:
        return [*above[above.index(name) :], name]
    path = None if name in done else files.find_recipe(name)
    content = parsed(read_text(path), path) if path else {}
    entries = content.get("defaults", []) if isinstance(content, dict) else []
    for entry in entries:
        if isinstance(entry, str) and entry != "_self_":
            found = _circle(entry, [*above, name], done)
            if found:
                return found
    done.add(name)
    return []
