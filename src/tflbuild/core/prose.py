"""Prose of options: the string below a field of a class says what the option does, and in which unit it is counted.

    samples: Annotated[int, Ge(1)] = 200
    '''Images that ranges are measured on; more take longer and lose fewer outliers. [images]'''

Python drops such a string when it compiles a module. So it decides nothing: it is read off the source for whoever asks,
costs nothing in any other process, and the digest of code (`core/code.py`) leaves it out.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_STRING = re.compile(rb'\n[ \t]+[rR]?"""[^"\s]')
_OPEN = (b":", b"(", b",", b"[", b"{", b"=")
"""Ends of lines below which a string is a docstring or part of an expression."""

_NEAR = 500
"""Bytes in front of a string in which the line above it ends."""

_FORM = re.compile(r"(?P<text>.*?)(?:\s*\[(?P<unit>[^\[\]]*)\])?", re.DOTALL)


class Prose(NamedTuple):
    """The prose of one option.

    Attributes:
        text: what it does, in one paragraph; "" where nobody says.
        unit: what its numbers count, e.g. "images"; "" where nobody says.
    """

    text: str = ""
    unit: str = ""


def prose_of(cls: type[Any]) -> dict[str, Prose]:
    """Give the prose of a class's fields by name; one that a class declares anew keeps that of its base."""
    found: dict[str, Prose] = {}
    for base in reversed(cls.__mro__):
        file = getattr(sys.modules.get(base.__module__), "__file__", None)
        if file and file.endswith(".py"):
            found |= _written(file).get(base.__qualname__, {})
    return found


def without_prose(source: bytes) -> bytes:
    """Give a module's source without the lines that hold prose alone; source that is no Python stays as it is."""
    if not _is_likely(source):
        return source
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    lines = source.splitlines(keepends=True)
    for _, _, prose in _fields(tree):
        first, last = prose.lineno - 1, (prose.end_lineno or prose.lineno) - 1
        before, behind = lines[first][: prose.col_offset], lines[last][prose.end_col_offset :]
        if not before.strip() and not behind.strip():
            lines[first : last + 1] = [b""] * (last + 1 - first)
    return b"".join(lines)


def _is_likely(source: bytes) -> bool:
    """Say whether text may hold prose: parsing every module would take a second, and this takes milliseconds."""
    for found in _STRING.finditer(source):
        above = source[max(0, found.start() - _NEAR) : found.start()].rstrip().rpartition(b"\n")[2]
        if above and not above.endswith(_OPEN):
            return True
    return False


@cache
def _written(file: str) -> dict[str, dict[str, Prose]]:
    """Read the prose of every class of a module, by the class's qualified name."""
    found: dict[str, dict[str, Prose]] = {}
    for owner, name, prose in _fields(ast.parse(Path(file).read_bytes())):
        parts = _FORM.fullmatch(" ".join(str(prose.value).split()))
        assert parts is not None
        found.setdefault(owner, {})[name] = Prose(parts["text"], parts["unit"] or "")
    return found


def _fields(tree: ast.Module) -> Iterator[tuple[str, str, ast.Constant]]:
    """Give the class, the name and the prose of every field that has some, in the order of the source."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        outer, node = waiting.pop()
        name = outer
        if isinstance(node, ast.ClassDef):
            name = f"{outer}{node.name}"
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    prose = below.value if isinstance(below, ast.Expr) else None
                    if isinstance(prose, ast.Constant) and isinstance(prose.value, str):
                        yield name, field.target.id, prose
            name += "."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}{node.name}.<locals>."
        waiting += [(name, child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
