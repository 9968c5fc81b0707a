"""Compose a recipe with Hydra: recipe files, groups, overrides; and say in our words what Hydra finds wrong.

A recipe is a flat file `recipes/NAME.yaml`, and groups are folders beside it; see `files.py` and `flat_source.py`.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tflbuild.core.errors import RecipeError
from tflbuild.core.home import at_home
from tflbuild.core.plain_text import plain
from tflbuild.engine.order import AT
from tflbuild.recipe.composition_errors import GROUPS, refuse_no_choice, reworded
from tflbuild.recipe.declared_source import DECLARED, PRIMARY, DeclaredSource
from tflbuild.recipe.declared_source import GROUPS as DECLARED_GROUPS
from tflbuild.recipe.files import by_path, is_group
from tflbuild.recipe.flat_source import FlatSource, RecipeSearchPath, circle_of
from tflbuild.recipe.interpolation import bounded
from tflbuild.recipe.overrides import CHOICES, parse
from tflbuild.recipe.replacement import RecipeRepository, Replaced, without_removed
from tflbuild.recipe.said import Said, gathered

ENVIRONMENT_ALLOWED = ("HOME", "USER", "PWD", "TMPDIR")
"""Environment variables that `oc.env` may read in a recipe, besides those that begin with TFLBUILD_."""


def compose(overrides: list[str]) -> dict[str, Any]:
    """Compose a recipe from what the user typed.

    Args:
        overrides: e.g. ["recipe=ssd_mobilenet_int8", "prune.sparsity=0.7"].

    Returns:
        The resolved recipe; plain values only. `recipe` holds its name.

    Raises:
        RecipeError: Hydra refuses it; the message says the key, the value and the nearest spelling.
    """
    return composed(overrides).mapping


@dataclasses.dataclass(frozen=True)
class Composed:
    """A recipe as it was composed.

    Attributes:
        mapping: its resolved keys; plain values only. `recipe` holds its name.
        replaced: by group, what the recipe chose and what was chosen instead, where that differs.
        remarks: what was left out since its group was replaced or its step removed, a sentence each.
        said: what files and the command line say of it.
    """

    mapping: dict[str, Any]
    replaced: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    said: Said = dataclasses.field(default_factory=Said)


def composed(overrides: list[str]) -> Composed:
    """Compose a recipe, and say what of it was replaced; see `compose`."""
    with by_path(overrides) as words:
        return _settled(["hooks=[]" if word == "hooks=null" else word for word in words])


def defaults_of(words: list[str]) -> DefaultsList:
    """Give the files that a recipe is composed of, as a list and as a tree.

    Args:
        words: what was typed; the recipe by its name.

    Raises:
        RecipeError: it cannot be composed.
    """
    register()
    parsed = parsed_words(words)
    with _in_our_words(words):
        return _composed(parsed)[1]


@contextmanager
def _in_our_words(words: list[str]) -> Iterator[None]:
    """Bound what is composed inside, and say what is wrong with it in our words."""
    try:
        with bounded():
            yield
    except RecursionError as error:
        raise RecipeError(circle_of(words)) from error
    except (HydraException, OmegaConfBaseException, ConfigLoadError, ValueError, AssertionError) as error:
        raise reworded(error, words, compose) from error


def _settled(words: list[str]) -> Composed:
    register()
    parsed = parsed_words(words)
    with _in_our_words(words):
        config, defaults, replaced, sources = _composed(parsed)
        mapping: Any = OmegaConf.to_container(config, resolve=True)
    plainly = {"recipe": str(defaults.overrides.known_choices["recipe"])}
    plainly |= {str(key): at_home(value) for key, value in mapping.items()}
    labels = _labels(defaults)
    removed = without_removed(plainly, labels)
    for label in labels:
        if not isinstance(plainly.get(label, {}), dict):
            raise RecipeError(f"{label}: {plain(plainly[label], 60)} is not a mapping of the step's options.")
    groups = {one.group: (",".join(one.before), ",".join(one.now)) for one in replaced}
    return Composed(plainly, groups, (*sources.remarks, *removed), _said(parsed, defaults, sources))


def parsed_words(words: list[str]) -> list[Override]:
    """Parse what was typed; options of a step for one target have keys of their own, which Hydra takes for a group.

    Raises:
        RecipeError: a word cannot be parsed, or chooses nothing.
    """
    parsed = parse(words)
    refuse_no_choice(parsed)
    return for_targets(parsed)


def for_targets(parsed: Iterable[Override]) -> list[Override]:
    """Give overrides of which those of a step for one target are of keys that may be new."""
    return [
        dataclasses.replace(
            one,
            type=one.type if one.is_delete() else OverrideType.FORCE_ADD,
            key_or_group=f"{one.key_or_group}{AT}{one.package}",
            package=None,
        )
        if _is_of_target(one)
        else one
        for one in parsed
    ]


def _is_of_target(override: Override) -> bool:
    """Say whether an override is of a step's options for one target: `quantize@ethos_u55.scores=int16`."""
    group = override.key_or_group
    return (
        bool(override.package) and group not in ("recipe", *GROUPS, *DECLARED_GROUPS) and not is_group(group)
    )


def _said(parsed: list[Override], defaults: DefaultsList, sources: RecipeRepository) -> Said:
    """Gather what files say, in the order in which they are merged, and what was typed behind them."""
    parts: list[tuple[str, Any]] = []
    for entry in defaults.defaults:
        found = sources.load_config(entry.config_path) if entry.config_path else None
        if found is not None and not found.path.startswith(DECLARED) and isinstance(found.config, DictConfig):
            content = OmegaConf.to_container(found.config, resolve=False)
            parts.append((str(entry.package or ""), content))
    parts += [(one.key_or_group, one.value()) for one in parsed if not one.is_delete() and not one.package]
    return gathered(parts)


def _labels(defaults: DefaultsList) -> list[str]:
    """Name the steps that the recipe's defaults configure."""
    return [
        str(entry.package)
        for entry in defaults.defaults
        if entry.config_path and entry.config_path.startswith("passes/")
    ]


def _composed(
    parsed: list[Override],
) -> tuple[DictConfig, DefaultsList, list[Replaced], RecipeRepository]:
    """Compose with the parts of `hydra.compose` that concern a recipe, and give what it was composed of.

    Hydra's own configuration is left out, and so is its search for plugins, which imports every launcher and
    sweeper on the machine; see docs/decisions/0003-hydra-parts.md.
    """
    loader = ConfigLoaderImpl(_search_path())
    loader.validate_sweep_overrides_legal(parsed, run_mode=RunMode.RUN, from_shell=False)
    sources = RecipeRepository(_Sources(loader.config_search_path))
    defaults = create_defaults_list(
        repo=sources, config_name=PRIMARY, overrides_list=parsed, prepend_hydra=False, skip_missing=False
    )
    replaced = sources.replaced(defaults)
    config = loader._compose_config_from_defaults_list(defaults=defaults.defaults, repo=sources)
    OmegaConf.set_struct(config, True)
    for key in CHOICES:  # options of whatever is chosen there, which alone knows them
        chosen = OmegaConf.select(config, key)
        if isinstance(chosen, DictConfig):
            OmegaConf.set_struct(chosen, False)
    loader._apply_overrides_to_config(defaults.config_overrides, config)
    return config, defaults, replaced, sources


def _search_path() -> ConfigSearchPathImpl:
    path = ConfigSearchPathImpl()
    RecipeSearchPath().manipulate_search_path(path)
    path.append(provider="schema", path=DECLARED)
    return path


class _Sources(ConfigRepository):
    """The sources of recipes and passes; shared, where Hydra copies it with every configuration it knows."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Sources:
        return self

    def get_schema_source(self) -> ConfigSource:
        """Give the source of the schema that a file of the same name as a pass is merged into."""
        return self.sources[-1]

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Give a file or what is declared; the latter is the schema itself."""
        found = super().load_config(config_path)
        if found is not None:
            found.is_schema_source = found.path.startswith(DECLARED)
        return found


@cache
def register() -> None:
    """Tell Hydra of our sources, once a process."""
    logging.getLogger("hydra").setLevel(logging.WARNING)
    version.setbase("1.3")
    setup_globals()
    OmegaConf.register_new_resolver("oc.env", _environment, replace=True)
    for source in (FlatSource, DeclaredSource):
        SourcesRegistry.instance().register(source)


def _environment(name: str, default: Any = None) -> Any:
    if name not in ENVIRONMENT_ALLOWED and not name.startswith("TFLBUILD_"):
        raise RecipeError(
            f"oc.env:{name}: a recipe may read {', '.join(ENVIRONMENT_ALLOWED)} and TFLBUILD_* of the environment only."
        )
    return os.environ.get(name, default)
