"""`tflbuild list`: what is declared."""

from __future__ import annotations

import inspect
from typing import Any

from tflbuild import plugins
from tflbuild.commands.words import say, warn
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.registry import Registry
from tflbuild.recipe import files as recipe_files

REGISTRIES: dict[str, Registry[Any]] = {registry.room: registry for registry in plugins.REGISTRIES}
"""Every registry by the word for what is in it, which is the name of its room."""


@command("list", "list passes, data sets, recipes, targets, ...", usage="[KIND ...]")
def list_(words: list[str]) -> int:
    """List what is declared."""
    loaded = plugins.load(plugins.default_folder())
    kinds = words or ["recipes", *REGISTRIES, "plugins"]
    for kind in kinds:
        if len(kinds) > 1:
            say(f"{kind}:")
        for name, text in listing_of(kind, loaded):
            say(f"  {name:<26} {text}")
    if "plugins" not in kinds:  # which names them
        warn(loaded.warnings)
    return 0


def listing_of(kind: str, loaded: plugins.Loaded) -> list[tuple[str, str]]:
    """Give name and first line of everything of a kind."""
    if kind == "recipes":
        return [(name, _recipe_line(name)) for name in recipe_files.recipe_names()]
    if kind == "plugins":
        broken = [(origin, f"BROKEN: {error}") for origin, error in loaded.broken.items()]
        return [*((module, origin) for module, origin in loaded.origins.items()), *broken]
    if kind not in REGISTRIES:
        choices = ["recipes", *REGISTRIES, "plugins"]
        raise RecipeError(f"list: '{kind}' is not one of {', '.join(choices)}.{did_you_mean(kind, choices)}")
    return [(name, _first_line(cls)) for name, cls in REGISTRIES[kind].items()]


def _recipe_line(name: str) -> str:
    path = recipe_files.find_recipe(name)
    assert path is not None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("description:"):
            return line.partition(":")[2].strip()
    return ""


def _first_line(cls: type) -> str:
    return getattr(cls, "summary", "") or (inspect.getdoc(cls) or "").partition("\n")[0]
