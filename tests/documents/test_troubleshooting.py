"""Every message on the page of troubleshooting is one that tflbuild prints."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from documents import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"


def messages() -> list[str]:
    """Give the messages of the first columns."""
    rows = [
        line.split(" | ")[0]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [row.removeprefix("| ").strip("`") for row in rows]


@cache
def printed() -> str:
    """Give every text in the source, with `…` for what is put in."""
    texts = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


@pytest.mark.parametrize("message", messages())
def test_every_message_of_the_page_is_one_that_is_printed(message: str) -> None:
    for part in (part.strip() for part in message.split("…")):
        if len(part) > 3:
            assert re.search(re.escape(part), printed()), (
                f"nothing prints {part!r}: mend docs/troubleshooting.md"
            )


def test_the_page_has_messages() -> None:
    assert len(messages()) > 20
