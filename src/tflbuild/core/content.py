"""Results that are read like the JSON file that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class Content(Mapping[str, Any]):
    """A mapping of what one JSON document holds.

    Attributes:
        content: the document.
    """

    content: Mapping[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.content[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


class ToldContent(Content):
    """A mapping of what a command prints with --json, with its lines.

    Args:
        content: the document.
        lines: what the command tells a terminal.
    """

    def __init__(self, content: Mapping[str, Any], lines: Iterable[str]) -> None:
        self.content = content
        self.lines = tuple(lines)
