"""Protocol buffers in text form, as `pipeline.config` and label maps are written; read without a schema."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

Value = Any
"""A text, number, truth, enumerator (as a text), or a message: a mapping of names to lists of values."""

TOKEN = re.compile(
    r"""(?P<skip>[\s,;]+|\#[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?f?(?![\w.]))"""
    r"""|(?P<word>-?[A-Za-z_][\w.]*|\[[\w./]+\])|(?P<mark>[{}<>:\[\]])"""
)
NUMBERS: Mapping[str, float] = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}
DEEPEST, MOST_TOKENS = 100, 1_000_000
CLOSING: Mapping[str, str] = {"{": "}", "<": ">"}


class Malformed(ValueError):
    """The text is no protocol buffer; completes "it "."""


class _Tokens:
    """The tokens of a text, one after the other, with their lines."""

    def __init__(self, text: str) -> None:
        self.found: list[tuple[str, str, int]] = []
        self.apart: set[int] = set()
        """Places of tokens with a comma or semicolon before them."""
        place, line = 0, 1
        while place < len(text):
            match = TOKEN.match(text, place)
            if match is None or len(self.found) > MOST_TOKENS:
                raise Malformed(f"has '{text[place : place + 20].splitlines()[0]}' in line {line}")
            kind = match.lastgroup or ""
            if kind != "skip":
                self.found.append((kind, match[0], line))
            elif match[0][0] != "#" and {",", ";"} & set(match[0]):
                self.apart.add(len(self.found))
            line += match[0].count("\n")
            place = match.end()
        self.place = 0

    @property
    def next(self) -> tuple[str, str, int]:
        return self.found[self.place] if self.place < len(self.found) else ("", "the end", -1)

    def take(self, *wanted: str) -> tuple[str, str, int]:
        kind, text, line = self.next
        if wanted and text not in wanted:
            at = f" in line {line}" if line >= 0 else ""
            right = " or ".join(f"'{one}'" for one in wanted)
            raise Malformed(f"has {text[:40]}{at} where {right} would be right")
        self.place += 1
        return kind, text, line


def parsed(text: str) -> dict[str, list[Value]]:
    """Read a message: the values of each field by its name, in order.

    Raises:
        Malformed: it is none; says the line.

    >>> parsed("item { id: 1 name: 'RBC' }  # a class")
    {'item': [{'id': [1], 'name': ['RBC']}]}
    """
    return _message(_Tokens(text), "", 0)


def _message(tokens: _Tokens, closing: str, depth: int) -> dict[str, list[Value]]:
    if depth > DEEPEST:
        raise Malformed(f"has messages more than {DEEPEST} deep")
    found: dict[str, list[Value]] = {}
    while tokens.next[1] != closing or tokens.next[0] != "mark":
        kind, name, line = tokens.next
        if not closing and not kind:
            return found
        if kind != "word":
            raise Malformed(
                f"has {name[:40]}{f' in line {line}' if line >= 0 else ''} where a field would be right"
            )
        tokens.take()
        found.setdefault(name, []).extend(_values(tokens, depth))
    tokens.take()
    return found


def _values(tokens: _Tokens, depth: int) -> list[Value]:
    kind, text, _ = tokens.next
    if kind == "mark" and text == ":":
        tokens.take()
        kind, text, _ = tokens.next
    elif text not in CLOSING:
        tokens.take(":", "{")
    if kind == "mark" and text == "[":
        tokens.take()
        values = []
        while tokens.next[1] != "]":
            values.append(_value(tokens, depth))
        tokens.take()
        return values
    return [_value(tokens, depth)]


def _value(tokens: _Tokens, depth: int) -> Value:
    kind, text, line = tokens.take()
    if kind == "mark" and text in CLOSING:
        return _message(tokens, CLOSING[text], depth + 1)
    if kind == "text":
        value = _unquoted(text, line)
        while tokens.next[0] == "text" and tokens.place not in tokens.apart:  # neighbours are one text
            value += _unquoted(*tokens.take()[1:])
        return value
    if kind == "number":
        bare = text.removesuffix("f")
        return int(bare) if re.fullmatch(r"-?\d{1,18}", bare) else float(bare)
    if kind == "word":
        return {"true": True, "false": False}.get(text, NUMBERS.get(text, text))
    raise Malformed(f"has {text[:40]}{f' in line {line}' if line >= 0 else ''} where a value would be right")


def _unquoted(text: str, line: int) -> str:
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        raise Malformed(f"has a text in line {line} that cannot be read") from None
