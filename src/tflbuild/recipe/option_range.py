"""The range of an option in plain notation, read off the type of its field."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

LOWEST: Mapping[Any, tuple[str, str, str]] = {Ge: ("ge", "<=", ">="), Gt: ("gt", "<", ">")}
HIGHEST: Mapping[Any, tuple[str, str, str]] = {Le: ("le", "<=", "<="), Lt: ("lt", "<", "<")}
"""Bounds: where the number is, its sign between two bounds, and its sign behind the name."""

PLAIN: Mapping[Any, str] = {
    type(None): "null",
    bool: "true | false",
    str: "text",
    int: "any whole number",
    float: "any number",
    Any: "any value",
}
SEVERAL: Mapping[Any, str] = {str: "texts", int: "whole numbers", float: "numbers", Any: "anything"}


def range_of(hint: Any, name: str) -> str:
    """Say what a value of a type may be.

    >>> range_of(Annotated[float, Ge(0), Lt(1)], "sparsity"), range_of(Annotated[int, Ge(1)] | None, "parity")
    ('0 <= sparsity < 1', 'whole number, parity >= 1 | null')
    >>> range_of(tuple[Annotated[float, Gt(0)], ...], "std"), range_of(Literal["cpu", "gpu"], "device")
    ('list of numbers, each > 0', 'cpu | gpu')
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " | ".join(range_of(part, name) for part in arguments)
    if origin is Annotated:
        bounds = _bounds(arguments[1:], name)
        return f"whole number, {bounds}" if arguments[0] is int else bounds
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin in (tuple, list):
        count = "" if origin is list or arguments[-1] is Ellipsis else f"{len(arguments)} "
        return f"list of {count}{_several(arguments[0])}"
    if origin in (Mapping, dict):
        return f"mapping of names to {_several(arguments[1])}"
    return PLAIN.get(hint) or str(getattr(hint, "__name__", hint))


def holds_number(hint: Any) -> bool:
    """Say whether a value of a type is a number, or holds some."""
    if get_origin(hint) is Literal:
        return any(isinstance(choice, int) for choice in get_args(hint))
    return hint in (int, float) or any(map(holds_number, get_args(hint)))


def _bounds(bounds: tuple[Any, ...], name: str) -> str:
    """Say bounds around a name: "0 <= name < 1", "name > 0"."""
    low = next((bound for bound in bounds if type(bound) in LOWEST), None)
    high = next((bound for bound in bounds if type(bound) in HIGHEST), None)
    if low is not None and high is not None:
        return f"{_limit(low, LOWEST)} {LOWEST[type(low)][1]} {name} {HIGHEST[type(high)][1]} {_limit(high, HIGHEST)}"
    for bound, kinds in ((low, LOWEST), (high, HIGHEST)):
        if bound is not None:
            return f"{name} {kinds[type(bound)][2]} {_limit(bound, kinds)}"
    return name


def _limit(bound: Any, kinds: Mapping[Any, tuple[str, str, str]]) -> str:
    number = getattr(bound, kinds[type(bound)][0])
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _several(hint: Any) -> str:
    """Say what each of several values may be."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{SEVERAL[arguments[0]]}, {_bounds(arguments[1:], 'each')}"
    if origin is tuple and len(set(arguments)) == 2 and Ellipsis not in arguments:
        return f"pairs of {' and '.join(range_of(part, 'each') for part in arguments)}"
    if origin is tuple:
        inner = range_of(hint, "each").removeprefix("list of ")
        return f"lists of {inner}"
    return SEVERAL.get(hint) or f"values, each {range_of(hint, 'each')}"
