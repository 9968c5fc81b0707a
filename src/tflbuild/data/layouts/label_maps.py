"""Label maps of the Object Detection API: the text form of the protocol buffer `StringIntLabelMap`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<mark>[{}<>:;,\[\]])|(?P<word>[-+.\w/]+)"""
)
OPENED, CLOSED = ("{", "<"), ("}", ">")
ESCAPE = re.compile(r"""\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))""")
LETTERS = {"n": "\n", "t": "\t", "r": "\r"}

MOST_ITEMS = 100_000


class Item(NamedTuple):
    """One class of a label map."""

    number: int
    name: str
    shown: str


def items(text: str) -> list[Item]:
    """Read a label map.

    Raises:
        ValueError: it is none; the message completes "... cannot be read as a list of classes: ".
    """
    tokens = _tokens(text)
    found: list[Item] = []
    for word in tokens:
        if word in (";", ","):
            continue
        opened = next(tokens, "")
        opened = next(tokens, "") if opened == ":" else opened
        if word != "item" or opened not in OPENED:
            raise ValueError(f"it has '{word}' where an item should begin")
        found.append(_item(tokens, len(found) + 1))
        if len(found) > MOST_ITEMS:
            raise ValueError(f"it has more than {MOST_ITEMS} items")
    return found


def _item(tokens: Iterator[str], position: int) -> Item:
    fields: dict[str, str] = {}
    for key in tokens:
        if key in CLOSED:
            break
        if key in (";", ","):
            continue
        value = next(tokens, "")
        value = next(tokens, "") if value == ":" else value
        if value in OPENED:
            _pass_over(tokens)
            continue
        if fields.setdefault(key, value) != value:
            raise ValueError(f"item {position} has two fields '{key}'")
    else:
        raise ValueError("it ends inside an item")
    number = fields.get("id", "")
    if not number.isdecimal() or len(number) > 9:
        raise ValueError(
            f"item {position} has no id" if not number else f"item {position} has the id '{number}'"
        )
    name, shown = _text(fields.get("name", "")), _text(fields.get("display_name", ""))
    return Item(int(number), name, shown or name)


def _pass_over(tokens: Iterator[str]) -> None:
    """Pass over a group of fields that says nothing of names, such as keypoints."""
    depth = 1
    for token in tokens:
        depth += (token in OPENED) - (token in CLOSED)
        if not depth:
            return
    raise ValueError("it ends inside an item")


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if not found:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"line {line} is not in the text form of a label map")
        position = found.end()
        if found.lastgroup:
            yield found[0]


def _text(token: str) -> str:
    """Give what a quoted text says; its escapes are bytes of UTF-8."""
    if token[:1] not in ("'", '"'):
        return token
    if "\\" not in token:
        return token[1:-1]
    pieces: list[bytes] = []
    inner, end = token[1:-1], 0
    for found in ESCAPE.finditer(inner):
        octal, hexadecimal, letter = found.groups()
        pieces.append(inner[end : found.start()].encode("utf-8", "surrogatepass"))
        if letter is None:
            pieces.append(bytes([int(octal, 8) & 255 if octal else int(hexadecimal, 16)]))
        else:
            pieces.append(LETTERS.get(letter, letter).encode())
        end = found.end()
    return b"".join([*pieces, inner[end:].encode("utf-8", "surrogatepass")]).decode("utf-8", "replace")
