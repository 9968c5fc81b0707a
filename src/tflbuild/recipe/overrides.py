"""Read what was typed as KEY=VALUE, in Hydra's grammar, within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from tflbuild.core.errors import RecipeError
from tflbuild.core.home import at_home, names_home
from tflbuild.core.plain_text import plain
from tflbuild.recipe.files import meant_recipe
from tflbuild.recipe.interpolation import check_text

LONGEST = 20_000
"""Characters of an override."""

DEEPEST = 15
"""Brackets inside one another."""

CHOICES = ("model.head",)
"""Keys of choices inside of others: a name with options, of which the name alone may be given."""

LONGEST_NUMBER = 60
"""Digits of a number."""


def parse(words: Iterable[str]) -> list[Override]:
    """Parse overrides as Hydra does.

    Raises:
        RecipeError: one cannot be parsed.
    """
    given = [_with_type(_home_quoted(word)) for word in words]
    for word in given:
        _check(word)
    try:
        return OverridesParser.create().parse_overrides(given)
    except HydraException as error:
        raise RecipeError(_reworded(error)) from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            f"{plain(' '.join(given), 100)}: cannot be read as KEY=VALUE: {plain(error, 100)}."
        ) from error


def _home_quoted(word: str) -> str:
    """Write out and quote a `~` that begins a value, which Hydra's grammar does not know."""
    key, _, value = word.partition("=")
    if not names_home(value):
        return word
    path = re.sub(r'(\\+)(?="|\Z)', r"\1\1", at_home(value))  # others stand for themselves
    path = path.replace('"', '\\"')
    return f'{key}="{path}"'


def _with_type(word: str) -> str:
    """Write out the short form of a choice inside of another, `model.head=yolo`, whose options stand beside it."""
    key, _, value = word.partition("=")
    return f"{key}.type={value}" if key in CHOICES and value.isidentifier() else word


def _check(word: str) -> None:
    key, _, value = word.partition("=")
    name = plain(key, 80)
    if word.startswith("-"):
        raise RecipeError(
            f"{name}: it is not a flag here; KEY=VALUE is read, and what tflbuild --help names."
        )
    if len(word) > LONGEST:
        raise RecipeError(
            f"{name}: it has {len(word):,} characters; at most {LONGEST:,} are read. Use a recipe file."
        )
    if _depth(value) > DEEPEST:
        raise RecipeError(
            f"{name}: more than {DEEPEST} brackets lie inside one another in {plain(value, 40)}."
        )
    if re.search(rf"(?<![\w'\"/.-])[-+]?[\d_]{{{LONGEST_NUMBER},}}", value):
        raise RecipeError(f"{name}: a number has more than {LONGEST_NUMBER} digits.")
    if not word.isprintable() and not word.replace("\n", " ").replace("\t", " ").isprintable():
        raise RecipeError(f"{plain(word, 100)}: it holds a control character.")
    check_text(value, name)


def _depth(text: str) -> int:
    depth = deepest = 0
    for letter in text:
        if letter in "[{(":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]})":
            depth -= 1
    return deepest


def _reworded(error: HydraException) -> str:
    text = str(error)
    typed = getattr(error, "override", None)
    word = plain(typed if typed is not None else text.splitlines()[0], 100)
    if typed is None or "=" not in typed:
        return f"{word}: cannot be read as KEY=VALUE.{meant_recipe(word) if typed else ''}"
    key, _, value = typed.partition("=")
    if value[:1] in ("'", '"'):
        return f"{word}: cannot be read as KEY=VALUE: a quote is not closed, or something follows it."
    return f"{word}: cannot be read as KEY=VALUE; a text with other signs needs quotes: '{plain(key, 80)}=\"...\"'."
