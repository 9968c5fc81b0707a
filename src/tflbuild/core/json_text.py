"""JSON of unknown origin: everything wrong with it raises one kind of error, with a reason for a sentence."""

from __future__ import annotations

import codecs
import json
import math
from pathlib import Path
from typing import Any, NoReturn

from tflbuild.core.regular_file import read_regular

DEEPEST = 100
"""Levels of nesting that are read."""

NESTED = (dict, list)
"""Types of nested values; `json` makes exactly these, so types are compared: cheaper than isinstance."""

MOST_BYTES = 2**30

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Marks at the start of a file that name its encoding."""

DIGITS = bytes.maketrans(b"0123456789E", b"1111111111e")
ODD = (b"1" * 200, b"1e11", b"1e+11")
"""Substrings of every number that is too large or too long, once every digit is 1; few files have them."""


def parse(content: bytes | str) -> Any:
    """Read JSON that somebody else wrote.

    Args:
        content: the text; as bytes in UTF-8, or with a mark that says otherwise.

    Raises:
        ValueError: it is not JSON, holds a number that is not finite, or is nested more than `DEEPEST` levels deep;
            the message completes "... cannot be read as JSON: ".
    """
    text = content if isinstance(content, str) else _decoded(content)
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, **(CAREFUL if _has_odd_numbers(text) else {})
        )
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg}, line {error.lineno} column {error.colno}") from None
    _check_depth(value)
    return value


def read(path: Path) -> Any:
    """Read a JSON file that somebody else wrote.

    Raises:
        OSError: it is missing or no regular file.
        ValueError: as `parse` says.
    """
    return parse(read_regular(path, MOST_BYTES))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a JSON file whose outermost value must be a mapping; raises as `read` does."""
    value = read(path)
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {kind_of(value)}, not a mapping")
    return value


def mapping_of(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: it is none; the message says what it does or is, as "cannot be read as JSON: ...".
    """
    try:
        value = parse(text)
    except ValueError as error:
        raise ValueError(f"cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"is a {kind_of(value)}, not a mapping")
    return value


def kind_of(value: object) -> str:
    """Name the kind of a value as JSON does.

    >>> kind_of(["a"]), kind_of(None), kind_of(True)
    ('list', 'null', 'boolean')
    """
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", dict: "mapping"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), type(value).__name__)


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"it is not {encoding.removesuffix('-sig').upper()} text (byte {error.start})"
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"it holds {text[:20]}, which is too large for a number")
    return value


def _whole(text: str) -> int:
    if len(text) > 400:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return int(text)


def _has_odd_numbers(text: str) -> bool:
    """Tell whether numbers must be looked at one by one, which takes as long as all the rest."""
    ones = text.encode("utf-8", "surrogatepass").translate(DIGITS)
    return any(part in ones for part in ODD)


CAREFUL: dict[str, Any] = {"parse_float": _finite, "parse_int": _whole}


def _check_depth(value: Any) -> None:
    """Walk level by level, so that depth costs no recursion here."""
    level = [value] if type(value) in NESTED else []
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            inner += [
                child for child in (one.values() if type(one) is dict else one) if type(child) in NESTED
            ]
        if not inner:
            return
        level = inner
    raise ValueError(f"it is nested more than {DEEPEST} levels deep")
