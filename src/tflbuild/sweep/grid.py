"""The grid: the combinations of a sweep in the order Hydra would run them, named by what differs."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from tflbuild.core import digest
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.declared_source import choices_of
from tflbuild.recipe.files import recipe_names
from tflbuild.recipe.overrides import parse

LONGEST_NAME = 180
"""Bytes of a folder's name; file systems allow 255."""

MOST_JOBS = 10_000
"""Of a grid."""


@dataclass(frozen=True)
class Combination:
    """One point of a grid.

    Attributes:
        overrides: everything that is typed for it, `recipe=` included.
        differs: what distinguishes it, e.g. {"prune.sparsity": "0.5"}.
    """

    overrides: list[str]
    differs: dict[str, str]

    @property
    def name(self) -> str:
        """Name its folder by what differs."""
        text = ",".join(f"{key}={value}" for key, value in self.differs.items()) or "only"
        name = re.sub(r"[^\w=.,+-]+", "_", text)
        return name if len(name.encode()) <= LONGEST_NAME else _with_digest(name, text)

    def with_seed(self, seed: int) -> Combination:
        """Give the same point with one of the recipe's `seeds`; typed by itself, it is built once."""
        typed = [
            word for word in self.overrides if word.lstrip("+").partition("=")[0] not in ("seed", "seeds")
        ]
        return Combination([*typed, f"seed={seed}", "seeds=[]"], {**self.differs, "seed": str(seed)})


def expand(overrides: Sequence[str]) -> list[Combination]:
    """Give the combinations of a grid.

    Raises:
        RecipeError: an override cannot be parsed, or cannot be enumerated, or names a value twice.
    """
    choices: list[list[tuple[str, str]]] = []
    swept: dict[int, str] = {}
    for position, override in enumerate(parse(overrides)):
        key = override.get_key_element()
        if override.is_sweep_override():
            swept[position] = key.lstrip("+")
            choices.append([(f"{key}={value}", value) for value in _values(override)])
        else:
            choices.append([(override.input_line or "", "")])
    jobs = math.prod(len(values) for values in choices)
    if jobs > MOST_JOBS:
        raise RecipeError(
            f"{', '.join(swept.values())}: they make {jobs:,} jobs; at most {MOST_JOBS:,} are built."
        )
    return [
        Combination(
            overrides=[typed for typed, _ in combination],
            differs={key: combination[position][1] for position, key in swept.items()},
        )
        for combination in itertools.product(*choices)
    ]


def names_of(combinations: Sequence[Combination]) -> list[str]:
    """Name every folder, differently where two names would be one, e.g. on a disk that ignores case."""
    counts = Counter(combination.name.casefold() for combination in combinations)
    return [
        c.name if counts[c.name.casefold()] == 1 else _with_digest(c.name, str(c.differs))
        for c in combinations
    ]


def _values(override: Override) -> list[str]:
    line = override.input_line or ""
    value: Any = override.value()
    if isinstance(value, Glob):
        return _matching(override, value)
    try:
        values = [str(value) for value in itertools.islice(override.sweep_string_iterator(), MOST_JOBS + 1)]
    except (HydraException, ArithmeticError, ValueError) as error:
        raise RecipeError(
            f"{line}: a grid needs its values one by one, e.g. a,b or range(1,4); "
            f"intervals are for hydra/sweeper=optuna."
        ) from error
    if len(values) > MOST_JOBS:
        raise RecipeError(f"{line}: it has more than {MOST_JOBS:,} values; at most so many jobs are built.")
    for value, count in Counter(values).items():
        if count > 1:
            raise RecipeError(f"{line}: {value} occurs {count} times; one job is enough.")
    return values


def _matching(override: Override, pattern: Glob) -> list[str]:
    """Give the recipes, or the files of a group, that a `glob(...)` means."""
    group = override.key_or_group
    names = recipe_names() if group == "recipe" else choices_of(group)
    found: list[str] = pattern.filter(names)
    if not found:
        there_are = f"there are {', '.join(names)}" if names else f"'{group}' is not a group"
        raise RecipeError(f"{override.input_line}: matches nothing; {there_are}.")
    return found


def _with_digest(name: str, text: str) -> str:
    kept = name.encode()[: LONGEST_NAME - 20].decode(errors="ignore")
    return f"{kept}-{digest.of_bytes(text.encode())[:12]}"
