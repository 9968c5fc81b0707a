"""Options as typed dataclasses: pydantic checks them, and what it finds is said by recipe key."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_origin, get_type_hints

from pydantic_core import ValidationError

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.recipe.option_schema import validator

T = TypeVar("T")

LARGEST_INTEGER = 2**53
"""Whole numbers up to here are the same in every tool that reads them, JSON in a browser included."""

LARGEST_FLOAT = 1e30
"""Magnitude that float32 holds with room to compute."""

LONGEST = 80
"""Characters of a value that an error message quotes."""


def typed(cls: type[T], values: Mapping[str, Any], key: str, also: Iterable[str] = ()) -> T:
    """Make a frozen dataclass of options; every error names the recipe key.

    Args:
        cls: the dataclass.
        values: what the recipe says.
        key: where it says so.
        also: further keys that would have been right there, for the nearest spelling.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"{key}: {shown(values)} is not a mapping of options.")
    values = _without_null(cls, values)
    _refuse_unknown(cls, values, key, also)
    missing = [name for name, value in values.items() if value == "???"]
    if missing:
        raise RecipeError(f"{_join(key, missing[0])}: required; set it, e.g. {_join(key, missing[0])}=...")
    try:
        made: T = _validator(cls).validate_python(dict(values))  # type: ignore[arg-type]
    except ValidationError as error:
        raise RecipeError(_reworded(error, key)) from error
    _refuse_truth(values, made, key)
    _refuse_unusable(made, key)
    return made


def shown(value: Any) -> str:
    """Give a value of a recipe as an error message quotes it."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        text = "a number of thousands of digits"
    return plain(text, LONGEST)


def _without_null(cls: Any, values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Leave out mappings that are null, at any depth: null removes a mapping, and its defaults are left."""
    hints, left = _hints(cls), {}
    for name, value in values.items():
        hint = hints.get(name)
        if value is None and (dataclasses.is_dataclass(hint) or get_origin(hint) in (Mapping, dict)):
            continue
        nested = dataclasses.is_dataclass(hint) and isinstance(value, Mapping)
        left[name] = _without_null(hint, value) if nested else value
    return left


@cache
def _validator(cls: type[Any]) -> Any:
    return validator(cls)


def _refuse_unknown(cls: Any, values: Mapping[str, Any], key: str, also: Iterable[str]) -> None:
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = _hints(cls)
    for name, value in values.items():
        if name not in fields:
            choices = [*fields, *also]
            raise RecipeError(
                f"{plain(_join(key, str(name)))}: there is no such option; there are {', '.join(fields) or 'none'}."
                f"{did_you_mean(str(name), choices)}"
            )
        nested = hints[name]
        if dataclasses.is_dataclass(nested) and isinstance(value, Mapping):
            _refuse_unknown(nested, value, _join(key, name), ())


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _refuse_truth(given: Any, made: Any, key: str) -> None:
    """Refuse true and false where a number is meant; pydantic reads them as 1 and 0."""
    if isinstance(given, bool):
        if isinstance(made, (int, float)) and not isinstance(made, bool):
            raise RecipeError(f"{key}: {'true' if given else 'false'} is not a number.")
    elif isinstance(given, Mapping):
        for name, value in given.items():
            part = made.get(name) if isinstance(made, Mapping) else getattr(made, str(name), None)
            _refuse_truth(value, part, _join(key, str(name)))
    elif isinstance(given, (list, tuple)) and isinstance(made, (list, tuple)):
        for position, (value, part) in enumerate(zip(given, made, strict=False)):
            _refuse_truth(value, part, f"{key}.{position}")


def _refuse_unusable(value: Any, key: str) -> None:
    """Refuse numbers that an action key, a report or a tool cannot hold: JSON knows no infinity and no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{key}: {value} is not a finite number.")
    if isinstance(value, float) and abs(value) > LARGEST_FLOAT:
        raise RecipeError(f"{key}: {value} is too large; at most {LARGEST_FLOAT:g} is read.")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise RecipeError(f"{key}: {shown(value)} is too large; at most {LARGEST_INTEGER:,} is read.")
    if isinstance(value, str) and "\0" in value:
        raise RecipeError(f"{key}: {shown(value)} holds a zero byte.")
    inner: Iterable[tuple[Any, Any]] = ()
    if dataclasses.is_dataclass(value):
        inner = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, (list, tuple)):
        inner = enumerate(value)
    for name, part in inner:
        _refuse_unusable(part, _join(key, str(name)))


def _reworded(error: ValidationError, key: str) -> str:
    first = error.errors()[0]
    where = _join(key, ".".join(str(part) for part in first["loc"] if _is_key(part)))
    given, context = first["input"], first.get("ctx", {})
    if first["type"] == "missing":
        return f"{_join(key, str(first['loc'][-1]))}: required; set it, e.g. {where}=..."
    if first["type"] == "literal_error":
        choices = [choice.strip(" '") for choice in str(context["expected"]).replace(" or ", ", ").split(",")]
        nearest = did_you_mean(str(given), choices) if isinstance(given, str) else ""
        return f"{where}: {shown(given)} is not one of {', '.join(choices)}.{nearest}"
    message = first["msg"].replace("Input should be", "should be").replace("Value error, ", "")
    if first["type"] == "value_error" and isinstance(given, Mapping):
        names_option = message.partition(": ")[0].replace(".", "").isidentifier() and ": " in message
        return f"{_join(where, plain(message))}." if names_option else f"{where}: {plain(message)}."
    return f"{where}: {shown(given)} {message}."


def _is_key(part: int | str) -> bool:
    """Leave out what pydantic adds to a path for members of a union, e.g. 'int' or 'constrained-float'."""
    return isinstance(part, int) or (part.isidentifier() and part not in ("int", "float", "str", "bool"))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key and name else key or name
