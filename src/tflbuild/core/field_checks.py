"""Checks of values read from a file of unknown origin: none is used before all are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tflbuild.core.plain_text import plain

Check = Callable[[Any], bool]


def check_fields(
    prefix: str, value: Mapping[str, Any], fields: Mapping[str, Check], needed: tuple[str, ...] = ()
) -> None:
    """Check the fields of a mapping.

    Args:
        prefix: what a message puts before a field's name, e.g. "preprocess.".
        value: the mapping.
        fields: the check of each field that it may have.
        needed: fields that it must have.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of range; the message is a sentence without its
            full stop.
    """
    for name in needed:
        if name not in value:
            raise ValueError(f"'{prefix}{name}' is missing")
    for name, given in value.items():
        if name not in fields:
            raise ValueError(f"'{plain(prefix + str(name), 60)}' is unknown to this version of tflbuild")
        if not fields[name](given):
            raise ValueError(f"'{prefix}{name}' is {plain(repr(given), 60)}")


def whole(least: int, most: int) -> Check:
    """Accept whole numbers from `least` to `most`."""
    return lambda value: type(value) is int and least <= value <= most


def number(above: float = -math.inf, most: float = math.inf, least: float = -math.inf) -> Check:
    """Accept numbers that float32 can hold, above `above`, from `least` to `most`."""

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            return False
        return above < value <= most and value >= least

    return fits


def one_of(*choices: str) -> Check:
    """Accept one of a few words."""
    return lambda value: isinstance(value, str) and value in choices


def rows_of(check: Check, most: int, least: int = 1) -> Check:
    """Accept a list of `least` to `most` values that a check accepts."""
    return lambda value: (
        isinstance(value, list | tuple) and least <= len(value) <= most and all(check(item) for item in value)
    )


def nothing_or(check: Check) -> Check:
    """Accept null, for an option that was left open, and whatever a check accepts."""
    return lambda value: value is None or check(value)


def text(longest: int) -> Check:
    """Accept text of at most so many characters."""
    return lambda value: isinstance(value, str) and len(value) <= longest


def mapping(value: Any) -> bool:
    """Accept a mapping."""
    return isinstance(value, dict)


def text_mapping(value: Any) -> bool:
    """Accept a mapping of text to text."""
    return mapping(value) and all(isinstance(one, str) for item in value.items() for one in item)


def boolean(value: Any) -> bool:
    """Accept true and false."""
    return isinstance(value, bool)
