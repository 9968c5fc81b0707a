"""Options as typed dataclasses: pydantic checks them, and what it finds is said by recipe key."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic_core import ValidationError

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.option_schema import validator

T = TypeVar("T")


def typed(cls: type[T], values: Mapping[str, Any], key: str, also: Iterable[str] = ()) -> T:
    """Make a frozen dataclass of options; every error names the recipe key.

    Args:
        cls: the dataclass.
        values: what the recipe says.
        key: where it says so.
        also: further keys that would have been right there, for the nearest spelling.
    """
    _refuse_unknown(cls, values, key, also)
    missing = [name for name, value in values.items() if value == "???"]
    if missing:
        raise RecipeError(f"{_join(key, missing[0])}: is needed; set it, e.g. {_join(key, missing[0])}=...")
    try:
        made: T = _validator(cls).validate_python(dict(values))  # type: ignore[arg-type]
    except ValidationError as error:
        raise RecipeError(_reworded(error, key)) from error
    _refuse_infinite(made, key)
    return made


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
                f"{_join(key, name)}: there is no such option; there are {', '.join(fields) or 'none'}."
                f"{did_you_mean(str(name), choices)}"
            )
        nested = hints[name]
        if dataclasses.is_dataclass(nested) and isinstance(value, Mapping):
            _refuse_unknown(nested, value, _join(key, name), ())


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _refuse_infinite(value: Any, key: str) -> None:
    """Refuse numbers that neither an action key nor a report can hold: JSON knows no infinity and no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{key}: {value} is no finite number.")
    inner: Iterable[tuple[Any, Any]] = ()
    if dataclasses.is_dataclass(value):
        inner = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, (list, tuple)):
        inner = enumerate(value)
    for name, part in inner:
        _refuse_infinite(part, _join(key, str(name)))


def _reworded(error: ValidationError, key: str) -> str:
    first = error.errors()[0]
    where = _join(key, ".".join(str(part) for part in first["loc"] if _is_key(part)))
    given, context = first["input"], first.get("ctx", {})
    if first["type"] == "missing":
        return f"{_join(key, str(first['loc'][-1]))}: is needed; set it, e.g. {where}=..."
    if first["type"] == "literal_error":
        choices = [choice.strip(" '") for choice in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"{where}: {given!r} is not one of {', '.join(choices)}.{did_you_mean(str(given), choices)}"
    message = first["msg"].replace("Input should be", "should be").replace("Value error, ", "")
    return f"{where}: {given!r} {message}."


def _is_key(part: int | str) -> bool:
    """Leave out what pydantic adds to a path for members of a union, e.g. 'int' or 'constrained-float'."""
    return isinstance(part, int) or (part.isidentifier() and part not in ("int", "float", "str", "bool"))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key and name else key or name
