"""Offers of the options of a declared class: their names, and the values of those that choose."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


def values(cls: type[Any], prefix: str, word: str) -> list[str]:
    """Offer the options of a class, and of those that are classes themselves what lies in them.

    Args:
        cls: a dataclass.
        prefix: what stands before its options, e.g. "hydra.sweeper.".
        word: what was typed.
    """
    found = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        inner = inner_class(hint)
        if inner is None:
            found.append(f"{prefix}{name}=")
            if word.startswith(f"{prefix}{name}="):
                found += [f"{prefix}{name}={value}" for value in choices(hint)]
        elif word.startswith(f"{prefix}{name}."):
            found += values(inner, f"{prefix}{name}.", word)
        else:
            found.append(f"{prefix}{name}.")
    return found


def inner_class(hint: Any) -> type[Any] | None:
    """Give the class of options that a hint stands for; None where it stands for a value."""
    return next(
        (one for one in _alternatives(hint) if isinstance(one, type) and dataclasses.is_dataclass(one)), None
    )


def choices(hint: Any) -> list[str]:
    """Give the values that a hint has to choose from; empty for one that takes any number or text."""
    found: list[str] = []
    for one in _alternatives(hint):
        if get_origin(one) is Literal:
            found += [str(choice) for choice in get_args(one)]
        elif one is bool:
            found += ["true", "false"]
        elif one is type(None):
            found.append("null")
        elif get_origin(one) is tuple:
            found += choices(get_args(one)[0])
    return found if set(found) != {"null"} else []


def _alternatives(hint: Any) -> Iterator[Any]:
    """Give what a hint may be: the members of a union, without what bounds them."""
    if get_origin(hint) is Annotated:
        yield from _alternatives(get_args(hint)[0])
    elif get_origin(hint) in (Union, types.UnionType):
        for part in get_args(hint):
            yield from _alternatives(part)
    else:
        yield hint
