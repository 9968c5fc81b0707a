"""Values of every kind in the place of every field: what a file holds that somebody prepared, or that was damaged."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

VALUES: tuple[Any, ...] = (
    None,
    5,
    -1,
    10**300,
    0.5,
    "text",
    "../../x",
    "/etc/passwd",
    "\x1b[2J\u202e",
    [],
    ["a"],
    {},
    {"a": 1},
    True,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every field of a nested value."""
    inner: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, part in inner:
        yield (*path, name)
        yield from paths(part, (*path, name))


def changed(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Give a copy with another value at a path."""
    made = copy.deepcopy(content)
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


def without(content: Any, path: tuple[Any, ...]) -> Any:
    """Give a copy without a field."""
    made = copy.deepcopy(content)
    place = made
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return made


def every(content: Any, most: int = 10**9, seed: int = 9) -> Iterator[Any]:
    """Give copies with every value at every path, and without each; some of them, where they are more than `most`."""
    found = [(path, value) for path in paths(content) for value in (*VALUES, KeyError)]
    chance = random.Random(seed)
    for path, value in found if len(found) <= most else chance.sample(found, most):
        yield without(content, path) if value is KeyError else changed(content, path, value)


def bytes_of(content: bytes, count: int, seed: int = 9) -> Iterator[bytes]:
    """Give copies of a file with a few bytes changed, cut, or doubled."""
    chance = random.Random(seed)
    for _ in range(count):
        altered = bytearray(content)
        start = chance.randrange(len(altered))
        match chance.randrange(4):
            case 0:
                altered[start] = chance.randrange(256)
            case 1:
                del altered[start:]
            case 2:
                altered[start:start] = altered[start : start + chance.randrange(200)]
            case 3:
                del altered[start : start + chance.randrange(20)]
        yield bytes(altered)
