"""`--info`: where a recipe comes from. Its defaults as a list and as a tree, the folders, the plugins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hydra.core.default_element import DefaultsTreeNode, GroupDefault, InputDefault

from tflbuild import __version__, plugins
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.recipe import compose
from tflbuild.recipe.files import by_path, packaged_recipes, recipe_folders
from tflbuild.show.audience import say
from tflbuild.show.hydra_app import run_hydra
from tflbuild.sweep.known import LAUNCHERS, SWEEPERS

WITHOUT_RECIPE = ("plugins", "searchpath")
"""Parts that can be asked for without a recipe."""


def show_origin(what: str, words: list[str]) -> int:
    """Print what was asked of a recipe's origin; gives the exit code.

    Args:
        what: "all", "config", "defaults", "defaults-tree", "plugins" or "searchpath".
        words: KEY=VALUE, the recipe among them.

    Raises:
        RecipeError: the recipe cannot be composed.
    """
    parts = PARTS[what]
    with by_path(words) as named:
        if not set(parts) <= set(WITHOUT_RECIPE):
            if not any(word.startswith("recipe=") for word in named):
                raise RecipeError(f"--info {what} needs a recipe; add recipe=NAME.")
            compose.compose(named)
        for part in parts:
            if len(parts) > 1:
                say(f"{'' if part == parts[0] else chr(10)}{part}:")
            for line in SHOWN[part](named):
                say(f"  {line}" if len(parts) > 1 else line)
    if what in ("all", "config"):
        say("\nrecipe:")
        return run_hydra(["--cfg", "job", *words])
    return 0


def _versions(words: list[str]) -> Iterator[str]:
    yield f"tflbuild {__version__}"
    for name in ("hydra-core", "omegaconf"):
        yield f"{name} {version(name)}"


def _plugins(words: list[str]) -> Iterator[str]:
    loaded = plugins.load(plugins.default_folder())
    yield f"launchers: {', '.join(sorted(LAUNCHERS))}"
    yield f"sweepers: {', '.join(SWEEPERS)}"
    for module, origin in loaded.origins.items():
        yield f"{module}: {plain(origin)}"
    for origin, error in loaded.broken.items():
        yield f"{plain(origin)}: BROKEN: {plain(error)}"
    if not loaded.origins and not loaded.broken:
        yield "no plugins, neither in ./plugins nor installed"
    yield "Hydra plugins are not searched for"


def _searchpath(words: list[str]) -> Iterator[str]:
    for folder in recipe_folders():
        of = " (recipes of tflbuild)" if folder == packaged_recipes() else ""
        gone = "" if folder.is_dir() else " (is not there)"
        yield f"{plain(_nearby(folder))}{of}{gone}"
    yield "what is declared: the root keys, passes and hooks"


def _defaults(words: list[str]) -> Iterator[str]:
    rows = [("file", "under key", "named by", "")]
    for entry in compose.defaults_of(words).defaults:
        own = "_self_" if entry.is_self else ""
        package = str(entry.package or "")
        rows.append((str(entry.config_path or ""), package, str(entry.parent or ""), own))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield f"{'  '.join(cells)}  {row[3]}".rstrip()


def _tree(words: list[str]) -> Iterator[str]:
    yield from _branch(compose.defaults_of(words).defaults_tree, 0)


def _branch(tree: DefaultsTreeNode | InputDefault, depth: int) -> Iterator[str]:
    node = tree.node if isinstance(tree, DefaultsTreeNode) else tree
    children = (tree.children or []) if isinstance(tree, DefaultsTreeNode) else []
    yield f"{'  ' * depth}{plain(_name(node))}{':' if children else ''}"
    for child in children:
        yield from _branch(child, depth + 1)


def _name(node: Any) -> str:
    if isinstance(node, GroupDefault):
        return f"{node.get_override_key()}: {node.get_name() or 'null'}"
    return str(node.get_config_path())


def _nearby(path: Path) -> str:
    """Write a path as it is seen from here, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


SHOWN: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "versions": _versions,
    "plugins": _plugins,
    "searchpath": _searchpath,
    "defaults-tree": _tree,
    "defaults": _defaults,
}

PARTS: dict[str, tuple[str, ...]] = {
    "all": ("versions", "plugins", "searchpath", "defaults-tree", "defaults"),
    "config": ("searchpath", "defaults-tree", "defaults"),
    **{name: (name,) for name in ("defaults", "defaults-tree", "plugins", "searchpath")},
}
