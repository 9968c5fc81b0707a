"""Recipe files: in which folders they lie, and which there are. Nothing here reads one, or imports Hydra."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from tflbuild.core.errors import RecipeError, did_you_mean, nearest
from tflbuild.core.home import at_home
from tflbuild.core.model_format import FORMATS
from tflbuild.core.plain_text import plain

CONFIG_DIR = "TFLBUILD_CONFIG_DIR"
SUFFIX = ".yaml"

_beside: ContextVar[Path | None] = ContextVar("tflbuild_beside_the_recipe", default=None)
"""The folder of a recipe that was named by its path."""


def recipe_folders() -> list[Path]:
    """List folders of recipes, the user's first: beside a named file, `--config-dir`, `./recipes`, the package's."""
    beside, given = _beside.get(), os.environ.get(CONFIG_DIR)
    folders = [beside] if beside else []
    folders += [Path(given)] if given else []
    return list(dict.fromkeys([*folders, Path("recipes").resolve(), packaged_recipes()]))


def packaged_recipes() -> Path:
    """Give the folder of the shipped recipes: in the wheel, or in the checkout."""
    here = Path(__file__).resolve().parent
    shipped = here.parent / "_recipes"
    return shipped if shipped.is_dir() else here.parents[2] / "recipes"


def find_recipe(name: str) -> Path | None:
    """Find the file of a recipe by name, the user's before the package's."""
    for folder in recipe_folders():
        if os.path.isfile(folder / f"{name}.yaml"):
            return folder / f"{name}.yaml"
    return None


def find_lock(recipe: str) -> Path | None:
    """Find the lock that lies beside a recipe's file: `NAME.lock.yaml`."""
    path = find_recipe(recipe)
    lock = path.with_name(f"{recipe}.lock.yaml") if path else None
    return lock if lock and lock.is_file() else None


def recipe_names() -> list[str]:
    """List the recipes that can be found."""
    return sorted({name for folder in recipe_folders() for name in names_in(folder)})


def names_in(folder: Path) -> list[str]:
    """List the recipes of a folder; locks lie beside them."""
    return [path.stem for path in folder.glob("[!_]*.yaml") if not path.name.endswith(".lock.yaml")]


def group_names(group: str) -> list[str]:
    """List the choices of a group."""
    return sorted({path.stem for folder in recipe_folders() for path in (folder / group).glob("*.yaml")})


def is_group(name: str) -> bool:
    """Say whether a folder of recipes has a group of that name."""
    return any((folder / name).is_dir() for folder in recipe_folders())


def group_file(group: str, name: str) -> Path | None:
    """Find the file of a choice of a group, e.g. `data/voc.yaml`, the user's before the package's."""
    files = (folder / group / f"{name}.yaml" for folder in recipe_folders())
    return next((path for path in files if path.is_file()), None)


def is_path(name: str) -> bool:
    """Say whether what was typed for a recipe is the path of a file rather than a name, as `./mine.yaml` is."""
    text = name.strip("'\"")
    return text.endswith((SUFFIX, ".yml")) or ("/" in text and not re.search(r"[(\[{$]", text))


def named_file(overrides: Iterable[str]) -> str:
    """Give the path that was typed for the recipe; "" where it was named, or was not typed."""
    typed = [word.partition("=")[2] for word in overrides if word.startswith("recipe=")]
    return typed[-1] if typed and is_path(typed[-1]) else ""


@contextmanager
def by_path(overrides: Iterable[str]) -> Iterator[list[str]]:
    """Take `recipe=FILE.yaml` as the recipe of that name; what lies beside the file comes before all other folders.

    Args:
        overrides: what the user typed.

    Returns:
        The overrides, with the recipe's name for its path; the folder counts as long as the context is open.

    Raises:
        RecipeError: there is no such file.
    """
    words = list(overrides)
    typed = named_file(words)
    if not typed:
        yield words
        return
    name = typed.strip("'\"").removesuffix(SUFFIX)
    if "/" not in name and not os.path.exists(at_home(typed)) and find_recipe(name):
        yield [f"recipe={name}" if word == f"recipe={typed}" else word for word in words]
        return
    file = _existing(typed)
    name = file.name.removesuffix(SUFFIX)
    if not name.isprintable() or re.search(r"[\\'\"]", name):
        raise RecipeError(f"recipe={plain(typed)}: a recipe's file has no quotes in its name; rename it.")
    quoted = name if re.fullmatch(r"[A-Za-z_][\w.-]*", name, re.ASCII) else f'"{name}"'
    token = _beside.set(file.parent)
    try:
        yield [f"recipe={quoted}" if word == f"recipe={typed}" else word for word in words]
    finally:
        _beside.reset(token)


def meant_recipe(word: str) -> str:
    """Give the end of an error message for a word without a key: the recipe or model that was meant, or nothing.

    >>> meant_recipe("ssd_mobilenet_int8")
    " Did you mean 'recipe=ssd_mobilenet_int8'?"
    """
    known = recipe_names()
    if os.path.isfile(at_home(word)):
        if is_path(word) and word.endswith(SUFFIX):
            return f" Did you mean 'recipe={plain(word)}'?"
        if any(Path(word).suffix in declared.suffixes for _, declared in FORMATS.items()):
            return f" Did you mean 'recipe=int8 model.path={plain(word)}'?"
    name = word if word in known else nearest(word.removesuffix(SUFFIX), known)
    return f" Did you mean 'recipe={name}'?" if name else ""


def _existing(typed: str) -> Path:
    """Find the file that was typed, with or without its suffix."""
    text = at_home(typed.strip("'\""))
    path = Path(text)
    for candidate in (path, Path(text + SUFFIX)):
        if candidate.is_file() and candidate.name.endswith(SUFFIX):
            return Path(os.path.abspath(candidate))
    if path.is_file():
        raise RecipeError(f"recipe={plain(typed)}: a recipe's file ends in {SUFFIX}; rename it.")
    if path.is_dir():
        raise RecipeError(f"recipe={plain(typed)}: it is a folder; name a file in it.")
    near = did_you_mean(str(path), map(str, path.parent.glob(f"*{SUFFIX}")))
    raise RecipeError(f"recipe={plain(typed)}: there is no such file.{near}")


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
