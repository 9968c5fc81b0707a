"""`--cfg job`, which Hydra's own application answers, with `--package` and `--resolve`."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import ClassVar

import hydra
from hydra._internal import config_loader_impl
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tflbuild import plugins
from tflbuild.core.errors import RecipeError, TflbuildError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.recipe import compose
from tflbuild.recipe.composition_errors import refuse_no_choice
from tflbuild.recipe.declared_source import DECLARED, EVERY_LIMIT, PRIMARY
from tflbuild.recipe.files import by_path, keys_of
from tflbuild.recipe.flat_source import RecipeSearchPath
from tflbuild.recipe.overrides import parse
from tflbuild.show.audience import say
from tflbuild.show.commented_recipe import commented

FULL_ERROR = "HYDRA_FULL_ERROR"
"""Variable that has Hydra raise errors, which it would print otherwise."""

RESOLVING = ("--resolve", "--package", "-p")
"""Flags by which Hydra follows a recipe's interpolations."""


class SearchPath(RecipeSearchPath):
    """The search path on which Hydra finds recipes, passes and hooks."""

    declared: ClassVar[str] = EVERY_LIMIT
    """Address of what is declared; a list of limits could not be merged with a node for every limit."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append what is declared to the folders of recipes."""
        super().manipulate_search_path(search_path)
        search_path.append(provider="tflbuild", path=self.declared)


def run_hydra(words: list[str]) -> int:
    """Hand the command line to Hydra; nothing is built.

    Raises:
        RecipeError: a word is no override, chooses nothing, or sets Hydra's own configuration, which can name code.
    """
    with by_path(words) as named:
        return _run(named)


def _run(words: list[str]) -> int:
    overrides = [
        word for word in words if "=" in word and not word.startswith("-") and not word.startswith("query=")
    ]
    parsed = parse(overrides)
    for override in parsed:
        if re.split(r"[./@]", override.key_or_group)[0] == "hydra":
            raise RecipeError(
                f"{plain(override.input_line)}: Hydra's own settings cannot be set here; remove it."
            )
    plugins.load(plugins.default_folder())
    refuse_no_choice(parsed)
    compose.register()
    if any(word.partition("=")[0] in RESOLVING for word in words):
        compose.compose(overrides)  # within bounds, which Hydra's own interpolations would not keep
    SearchPath.declared = DECLARED if _lists_limits(overrides) else EVERY_LIMIT
    Plugins.instance().register(SearchPath)

    @hydra.main(config_path=None, config_name=PRIMARY, version_base="1.3")
    def show(config: DictConfig) -> None:
        """Print nothing: Hydra has answered already."""

    sys.argv = ["tflbuild", *words]
    os.environ[FULL_ERROR] = "1"
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(io.StringIO()), _steps_of_targets():
            show()
    except SystemExit as end:
        if end.code == 0:
            return 0
        _refuse_package(words, overrides)
        return end.code if isinstance(end.code, int) else RecipeError.exit_code
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError, RecursionError) as error:
        compose.compose(overrides)  # which says in our words what is wrong
        raise RecipeError(plain(" ".join(str(error).split()), most=1000)) from error
    finally:
        del os.environ[FULL_ERROR]
        text = commented(printed.getvalue()) if _shows_recipe(words) else printed.getvalue()
        if text:
            say(text.removesuffix("\n"))
    return 0


def _lists_limits(overrides: list[str]) -> bool:
    """Say whether a recipe gives targets limits of their own, as a list."""
    with suppress(TflbuildError):  # Hydra is asked for the same next, and what is wrong is said then
        mapping = compose.compose(overrides)
        budgets = [
            mapping.get("budget"),
            *(step.get("budget") for step in mapping.values() if isinstance(step, dict)),
        ]
        return any(isinstance(one, list) for budget in budgets if budget for one in budget.values())
    return False


class _Parser(OverridesParser):
    """Hydra's parser, which takes the options of a step for one target for those of a group."""

    def parse_overrides(self, overrides: list[str]) -> list[Override]:
        """Parse what was typed."""
        return compose.for_targets(super().parse_overrides(overrides))


@contextmanager
def _steps_of_targets() -> Iterator[None]:
    """Let Hydra's own application take options of a step for one target, as our composing does."""
    usual = vars(config_loader_impl)["OverridesParser"]
    vars(config_loader_impl)["OverridesParser"] = _Parser
    try:
        yield
    finally:
        vars(config_loader_impl)["OverridesParser"] = usual


def _shows_recipe(words: list[str]) -> bool:
    """Say whether Hydra is asked for the composed recipe: `--cfg job`."""
    return re.search(r"(^| )(--cfg|-c)[= ]job( |$)", " ".join(words)) is not None


def _refuse_package(words: list[str], overrides: list[str]) -> None:
    """Say that the recipe has no such key, which is why Hydra ends where `--package` was given."""
    package = next((word.partition("=")[2] for word in words if word.startswith("--package=")), "")
    if package:
        near = did_you_mean(package, keys_of(compose.compose(overrides)))
        raise RecipeError(f"--package {plain(package)}: there is no such key in this recipe.{near}")
