"""Bound what `${...}` in a recipe from elsewhere may do: which resolvers it reaches, and how much it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from omegaconf.base import Container
from omegaconf.basecontainer import BaseContainer

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain

RESOLVERS = ("oc.env",)
"""Resolvers that `${NAME:...}` may call; `oc.env` gives the variables in `compose.ENVIRONMENT_ALLOWED`."""

LONGEST = 1_000
"""Characters of a value with an interpolation."""

MOST_NESTED = 3
"""Interpolations inside one another."""

MOST_RESOLVED = 200
"""Interpolations that are followed in a recipe; one that leads to others counts them as often as it is followed."""

MOST_VALUES = 20_000
"""Values that all interpolations of a recipe stand for, a long text counting as several."""

DEEPEST = 20
"""Interpolations that lead to one another."""

_CALL = re.compile(r"\$\{\s*([\w.]*)\s*:")


def check_text(text: str, key: str) -> None:
    """Refuse a value whose interpolations call another resolver, or would take long to parse.

    Args:
        text: the value.
        key: where it stands, for the error message.

    Raises:
        RecipeError: it does.
    """
    if "${" not in text:
        return
    for name in _CALL.findall(text):
        if name not in RESOLVERS:
            raise RecipeError(
                f"{key}: '${{{plain(name)}:...}}' is not read in a recipe; write ${{KEY}}, or "
                f"${{oc.env:NAME,DEFAULT}}."
            )
    if len(text) > LONGEST or _nesting(text) > MOST_NESTED:
        raise RecipeError(
            f"{key}: an interpolation is too long or too deep: at most {LONGEST:,} characters, and {MOST_NESTED} "
            f"'${{' inside one another."
        )


def check_texts(content: Any, where: str) -> None:
    """Check every text of a file; see `check_text`.

    Args:
        content: nested mappings and lists.
        where: the file, for the error message.

    Raises:
        RecipeError: a text is refused, or there are too many interpolations.
    """
    found = [(key, text) for key, text in _texts(content, "") if "${" in text]
    for key, text in found:
        check_text(text, f"{where}: {key.removesuffix('.')}")
    if sum(text.count("${") for _, text in found) > MOST_RESOLVED:
        raise RecipeError(f"{where}: it has more than {MOST_RESOLVED} interpolations.")


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield f"{key}{plain(name)}.", str(name)
            yield from _texts(item, f"{key}{plain(name)}.")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, f"{key}{position}.")


def _nesting(text: str) -> int:
    depth = deepest = 0
    for mark in re.findall(r"\$\{|\{|\}", text):
        depth = depth + 1 if mark != "}" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


class _Excess(BaseException):
    """Ends resolving at once, where OmegaConf would catch an `Exception` at every level and go on.

    Args:
        error: what the user is told.
    """

    def __init__(self, error: RecipeError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Spent:
    """Counts of what the interpolations of one recipe have made so far."""

    resolved: int = 0
    values: int = 0
    depth: int = 0


_spent: ContextVar[_Spent | None] = ContextVar("tflbuild_interpolations", default=None)
_resolve = Container._resolve_interpolation_from_parse_tree


@contextmanager
def bounded() -> Iterator[None]:
    """Bound what is resolved inside.

    Raises:
        RecipeError: the interpolations stand for too much, or lead to one another too far.
    """
    spent = _Spent()
    token = _spent.set(spent)
    try:
        yield
    except _Excess as excess:
        raise excess.error from None
    finally:
        _spent.reset(token)


def _refuse_excess(spent: _Spent, name: str) -> None:
    if spent.resolved > MOST_RESOLVED:
        raise RecipeError(f"{name}: the recipe's interpolations lead to more than {MOST_RESOLVED} others.")
    if spent.values > MOST_VALUES:
        raise RecipeError(f"{name}: the recipe's interpolations stand for more than {MOST_VALUES:,} values.")
    if spent.depth > DEEPEST:
        raise RecipeError(f"{name}: more than {DEEPEST} interpolations of the recipe lead to one another.")


def _bounded_resolve(self: Any, **given: Any) -> Any:
    """Resolve one node as OmegaConf does, and count what it stands for."""
    spent = _spent.get()
    if spent is None:
        return _resolve(self, **given)
    text, name = str(given["value"]._value()), plain(self._get_full_key(given["key"]))
    spent.resolved += text.count("${")
    spent.depth += 1
    try:
        check_text(text, name)
        _refuse_excess(spent, name)
        found = _resolve(self, **given)
        spent.depth -= 1
        spent.values += _size(found)
        _refuse_excess(spent, name)
    except RecipeError as error:
        raise _Excess(error) from error
    return found


def _size(node: Any) -> int:
    """Count the values of a resolved node, without resolving more."""
    content = node._content if isinstance(node, BaseContainer) else None
    if isinstance(content, dict):
        return 1 + sum(_size(item) for item in content.values())
    if isinstance(content, list):
        return 1 + sum(_size(item) for item in content)
    value = getattr(node, "_val", None)
    return 1 + len(value) // 100 if isinstance(value, str) else 1


Container._resolve_interpolation_from_parse_tree = _bounded_resolve  # type: ignore[method-assign,assignment]
