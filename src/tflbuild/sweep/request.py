"""Read the request for a sweep: the words for Hydra's launcher and sweeper, apart from the recipe's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.types import Override

from tflbuild.core.errors import RecipeError
from tflbuild.recipe.overrides import parse
from tflbuild.sweep.known import GRID as GRID
from tflbuild.sweep.known import SWEEPERS
from tflbuild.sweep.launchers import DEFAULT

_HYDRA = re.compile(r"[+~]{0,2}hydra[./=@]")
_OPTION = re.compile(r"(?:\+\+?)?hydra[./](?P<part>launcher|sweeper)(?:[./](?P<rest>.+))?$")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A sweep as it was typed.

    Attributes:
        overrides: of the recipe; composed for every job.
        launcher: where the jobs run.
        launcher_options: `hydra.launcher.*` as a nested mapping.
        sweeper: "basic" for every combination, or what searches.
        sweeper_options: `hydra.sweeper.*` as a nested mapping; `hydra/sweeper/sampler=NAME` is its "sampler".
    """

    overrides: list[str]
    launcher: str = DEFAULT
    launcher_options: Mapping[str, Any] = field(default_factory=dict)
    sweeper: str = GRID
    sweeper_options: Mapping[str, Any] = field(default_factory=dict)


def is_setting(word: str) -> bool:
    """Say whether what was typed sets something of Hydra itself."""
    return _HYDRA.match(word) is not None


def read_request(words: Iterable[str]) -> Request:
    """Take the words that are Hydra's from those that are the recipe's.

    Raises:
        RecipeError: another setting of Hydra's than its launcher and sweeper, or an unknown sweeper.
    """
    given = list(words)
    ours = [word for word in given if not is_setting(word)]
    chosen = {"launcher": DEFAULT, "sweeper": GRID}
    options: dict[str, dict[str, Any]] = {"launcher": {}, "sweeper": {}}
    for override in parse(filter(is_setting, given)):
        part, path, value = _setting(override)
        if path:
            _set(options[part], path, value, override.input_line or "")
        else:
            chosen[part] = str(value)
    if chosen["sweeper"] not in SWEEPERS:
        raise RecipeError(
            f"hydra/sweeper: there is no sweeper '{chosen['sweeper']}'; there are {', '.join(SWEEPERS)}."
        )
    return Request(
        overrides=ours,
        launcher=chosen["launcher"],
        launcher_options=options["launcher"],
        sweeper=chosen["sweeper"],
        sweeper_options=options["sweeper"],
    )


def _setting(override: Override) -> tuple[str, list[str], Any]:
    """Give the part of Hydra that an override is for, the option's path there, and its value."""
    line = override.input_line or ""
    found = _OPTION.match(override.get_key_element())
    if found is None or override.is_delete() or (not found["rest"] and "hydra/" not in line):
        raise RecipeError(
            f"{line}: of Hydra's own settings only hydra/launcher=, hydra.launcher.KEY=, hydra/sweeper= and "
            f"hydra.sweeper.KEY= are read; remove it."
        )
    path = re.split("[./]", found["rest"]) if found["rest"] else []
    if not override.is_sweep_override():
        return found["part"], path, override.value()
    if found["part"] == "launcher" or not path:
        raise RecipeError(f"{line}: a sweep has one {found['part']}; give one value.")
    return found["part"], path, line.partition("=")[2]


def _set(options: dict[str, Any], path: list[str], value: Any, line: str) -> None:
    for name in path[:-1]:
        options = options.setdefault(name, {})
        if not isinstance(options, dict):
            raise RecipeError(f"{line}: {name} was given a value already and has no options.")
    options[path[-1]] = value
