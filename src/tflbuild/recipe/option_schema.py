"""The schema by which pydantic's core checks a dataclass of options.

Options are made of few kinds of fields, for which the schema is written here; for any other kind pydantic writes it
itself. Both give the same: a test compares them for every declared class. Importing the whole of pydantic and
having it write them would take a tenth of a cached build.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic_core import SchemaValidator

SCALARS: Mapping[Any, str] = {int: "int", float: "float", str: "str", bool: "bool", Any: "any"}
BOUNDS: Mapping[Any, str] = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}


class UnusualFieldError(Exception):
    """A field is of a kind for which pydantic has to write the schema."""


def validator(cls: type[Any]) -> Any:
    """Give the validator that makes a checked `cls` from a mapping: an object with `validate_python`."""
    try:
        return SchemaValidator(dataclass_schema(cls))
    except UnusualFieldError:
        from pydantic import TypeAdapter

        return TypeAdapter(cls)


def dataclass_schema(cls: type[Any]) -> dict[str, Any]:
    """Write the core schema of a dataclass.

    Raises:
        UnusualFieldError: a field is of another kind than those written here.
    """
    hints = get_type_hints(cls, include_extras=True)
    fields = dataclasses.fields(cls)
    if any(not option.init or option.kw_only is not True for option in fields):
        raise UnusualFieldError(f"{cls.__name__} takes positions, or has fields that cannot be given")
    finishes = hasattr(cls, "__post_init__")
    arguments = {
        "type": "dataclass-args",
        "dataclass_name": cls.__name__,
        "fields": [_field(option, hints[option.name]) for option in fields],
        "computed_fields": [],
        "collect_init_only": finishes,
    }
    return {
        "type": "dataclass",
        "cls": cls,
        "fields": [option.name for option in fields],
        "schema": arguments,
        "config": {"title": cls.__name__},
        "post_init": finishes,
        "slots": False,
        "frozen": False,
    }


def _field(option: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    schema = _schema(hint)
    if option.default is not dataclasses.MISSING:
        schema = {"type": "default", "schema": schema, "default": option.default}
    elif option.default_factory is not dataclasses.MISSING:
        schema = {"type": "default", "schema": schema, "default_factory": option.default_factory}
    return {"type": "dataclass-field", "name": option.name, "schema": schema, "kw_only": True}


def _schema(hint: Any) -> dict[str, Any]:
    """Write the schema of a field's type."""
    if hint in SCALARS:
        return {"type": SCALARS[hint]}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return dataclass_schema(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"type": "literal", "expected": list(arguments)}
    if origin is Annotated:
        return _bounded(*arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin in (Mapping, dict) and arguments[0] is str:
        return {
            "type": "dict",
            "keys_schema": {"type": "str"},
            "values_schema": _schema(arguments[1]),
            "strict": False,
        }
    raise UnusualFieldError(str(hint))


def _bounded(hint: Any, *bounds: Any) -> dict[str, Any]:
    schema = _schema(hint)
    for bound in bounds:
        if type(bound) not in BOUNDS or schema["type"] not in ("int", "float"):
            raise UnusualFieldError(f"{hint} with {bound}")
        name = BOUNDS[type(bound)]
        schema[name] = getattr(bound, name)
    return schema


def _tuple(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if not arguments or arguments == ((),):
        raise UnusualFieldError("a tuple of anything")
    if arguments[-1] is Ellipsis:
        return {"type": "tuple", "items_schema": [_schema(arguments[0])], "variadic_item_index": 0}
    return {"type": "tuple", "items_schema": [_schema(item) for item in arguments]}


def _union(arguments: tuple[Any, ...]) -> dict[str, Any]:
    choices = [_schema(choice) for choice in arguments if choice is not types.NoneType]
    schema = choices[0] if len(choices) == 1 else {"type": "union", "choices": choices}
    return {"type": "nullable", "schema": schema} if types.NoneType in arguments else schema
