"""Ways to alter a file: its bytes, or a value somewhere in what they say."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

DEEP = 5000
"""Levels of nesting that no reader should follow."""


class Literal(str):
    """JSON text that `json` itself cannot write, e.g. a number that is too large."""


VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    10**400,
    Literal("1e999"),
    Literal("NaN"),
    "",
    "x",
    "../outside/secret.txt",
    "/proc/self/environ",
    "a\x1b[31mb\u202ec",
    "\ud800",
    "x" * 100_000,
    [],
    {},
    [None],
    [[1, "2"], 3],
    {"x": {"y": [1]}},
    Literal("[" * DEEP + "]" * DEEP),
)


def of_bytes(content: bytes, chance: random.Random) -> bytes:
    """Alter the bytes of a file in one way, or cut it."""
    if not content:
        return b"\0"
    start = chance.randrange(len(content))
    stop = min(len(content), start + chance.choice((1, 4, 64, 4096)))
    piece = content[start:stop]
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: content[:start] + bytes([content[start] ^ 1 << chance.randrange(8)]) + content[start + 1 :],
        lambda: content[:start] + chance.randbytes(len(piece)) + content[stop:],
        lambda: content[:start] + chance.choice((b"\0", b"\xff", b"\x7f")) * len(piece) + content[stop:],
        lambda: content[:start] + content[stop:],
        lambda: content[:start] + piece + content[start:],
        lambda: content[:start],
        lambda: _word(content, chance),
        lambda: content[start:] + content[:start],
    )
    weights = (6, 4, 3, 2, 2, 1, 8, 0.3)
    return chance.choices(ways, weights)[0]()


def _word(content: bytes, chance: random.Random) -> bytes:
    """Set an aligned word of four bytes, such as an offset or an index."""
    place = chance.randrange(max(1, len(content) // 4)) * 4
    value = chance.choice((0, 1, 2, 3, 0x7FFFFFFF, 0xFFFFFFFF, len(content), chance.getrandbits(32)))
    return content[:place] + value.to_bytes(4, "little") + content[place + 4 :]


def of_value(value: Any, chance: random.Random) -> Any:
    """Alter one place in a tree of mappings and lists; gives a copy."""
    whole = {"": copy.deepcopy(value)}
    places = list(_places(whole))
    holder, key = chance.choice(places)
    way = chance.random()
    if way < 0.12:
        del holder[key]
    elif way < 0.2 and isinstance(holder, dict) and holder is not whole:
        holder[chance.choice(("x", "", "__proto__", "../x", "a\x1bb"))] = holder.pop(key)
    elif way < 0.3:
        other, name = chance.choice(places)
        holder[key] = copy.deepcopy(other.get(name) if isinstance(other, dict) else other[name])
    else:
        holder[key] = chance.choice(VALUES)
    return whole.get("")


def _places(holder: Any) -> list[tuple[Any, Any]]:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((holder, key))
        if isinstance(holder[key], dict | list):
            found += _places(holder[key])
    return found


def json_text(value: Any) -> bytes:
    """Write a tree as JSON, with what JSON does not know left as it is."""
    literals: list[str] = []

    def plain(one: Any) -> Any:
        if isinstance(one, Literal):
            literals.append(str(one))
            return f"\0literal{len(literals) - 1}\0"
        if isinstance(one, dict):
            return {str(key): plain(inner) for key, inner in one.items()}
        return [plain(inner) for inner in one] if isinstance(one, list | tuple) else one

    text = json.dumps(plain(value))
    for number, literal in enumerate(literals):
        text = text.replace(f'"\\u0000literal{number}\\u0000"', literal)
    return text.encode()


def of_json(content: bytes, chance: random.Random) -> bytes:
    """Alter a JSON document: three times in four a value, else its bytes."""
    if chance.random() < 0.25:
        return of_bytes(content, chance)
    return json_text(of_value(json.loads(content), chance))


def of_yaml(content: bytes, chance: random.Random) -> bytes:
    """Alter a YAML document: a value (written as JSON, which YAML reads), its bytes, or a line."""
    import yaml

    way = chance.random()
    if way < 0.25:
        return of_bytes(content, chance)
    if way < 0.4:
        lines = content.split(b"\n")
        odd = (
            b"&a [*a, *a]",
            b"x: ${x}",
            b"? [1]",
            b"\tx: 1",
            b"<<: 1",
            b"--- 2",
            b"!!python/name:os.system x",
        )
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(odd))
        return b"\n".join(lines)
    head = content.split(b"\n", 1)[0] + b"\n" if content.startswith(b"# @package") else b""
    return head + json_text(of_value(yaml.safe_load(content), chance))


def of_text(content: bytes, chance: random.Random) -> bytes:
    """Alter marked-up text: a number or a word in it, else its bytes."""
    import re

    tokens = list(re.finditer(rb"[A-Za-z0-9_.]+", content))
    if not tokens or chance.random() < 0.4:
        return of_bytes(content, chance)
    token = chance.choice(tokens)
    new = chance.choice(
        (b"", b"-1", b"1e400", b"nan", b"0", b"9" * 5000, b"../../x", b"<x>", b"&y;", b"\xff")
    )
    return content[: token.start()] + new + content[token.end() :]
